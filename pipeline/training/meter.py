"""What a clock and the machine say of a training run: seconds, tokens/s, MFU, memory, energy.

All of it is provenance: it differs from run to run and stands apart from the metrics. Time and
energy go on over resumes and include what a rollback threw away; validation counts in neither
seconds nor tokens/s. MFU is against this machine's own measured matrix rate.
"""

import contextlib
import time
from collections.abc import Iterator

import torch

from pipeline.energy import JOULES_PER_KWH, Energy
from pipeline.memory import peak_bytes
from pipeline.model import device as devices
from pipeline.training import distribution
from pipeline.training.matrix_rate import MatrixRate
from pipeline.training.run_records import TimingRow, Usage


class TrainingMeter:
    """Measures one process' part of a run.

    Args:
        device: where it trains.
        rate: what the machine can do, for MFU.
        tokens: seen by earlier processes of the run.
        used: by earlier processes of the run, as `used` gives it.
    """

    def __init__(self, device: torch.device, rate: MatrixRate, tokens: int, used: Usage) -> None:
        self.device = device
        self.peak_flops = rate.flops
        self._before = used
        self._energy = Energy()
        self._cpu_start = time.process_time()
        self._start = self._last = time.perf_counter()
        self._last_tokens = tokens

    def used(self) -> Usage:
        """Seconds and joules of the run so far."""
        seconds = time.perf_counter() - self._start
        return {
            "seconds": self._before.get("seconds", 0.0) + seconds,
            "joules": self._before.get("joules", 0.0) + self._joules()[0],
        }

    def summary(self) -> str:
        """A line for people, once the run is over."""
        used = self.used()
        watt_hours = used["joules"] / JOULES_PER_KWH * 1e3
        gigabytes = peak_memory(self.device) / 1e9
        return (
            f"{used['seconds']:,.1f} s of training, {watt_hours:,.3f} Wh ({self._joules()[1]}),"
            f" peak memory {gigabytes:.2f} GB"
        )

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """While it is entered, time counts in neither seconds nor tokens/s."""
        began = time.perf_counter()
        yield
        pause = time.perf_counter() - began
        self._start += pause
        self._last += pause

    def went_back(self, tokens: int) -> None:
        """Tell that the run continues from an earlier state.

        Args:
            tokens: that it had seen then.
        """
        self._last, self._last_tokens = time.perf_counter(), tokens

    def row(self, step: int, tokens: int, flops_per_token: float | None) -> TimingRow:
        """The numbers of this moment; the speed is that since the row before.

        Args:
            step: steps done.
            tokens: seen so far, by all processes.
            flops_per_token: of a forward and a backward pass; None: no MFU.
        """
        now = time.perf_counter()
        speed = (tokens - self._last_tokens) / max(now - self._last, 1e-9)
        self._last, self._last_tokens = now, tokens
        mfu = None
        if flops_per_token is not None:
            mfu = flops_per_token * speed / (self.peak_flops * distribution.world())
        used = self.used()
        return {
            "step": step,
            "seconds": used["seconds"],
            "tokens_per_second": speed,
            "mfu": mfu,
            "peak_memory_bytes": peak_memory(self.device),
            "energy_kwh": used["joules"] / JOULES_PER_KWH,
        }

    def _joules(self) -> tuple[float, str]:
        # The other processes of this machine are taken to be as busy as this one.
        cpu_seconds = (time.process_time() - self._cpu_start) * distribution.world()
        return self._energy.joules(cpu_seconds)


def peak_memory(device: torch.device) -> int:
    """The most bytes this process has held so far: on the GPU if it trains there, else in all."""
    if devices.on_cuda(device):
        return torch.cuda.max_memory_allocated(device)
    return peak_bytes()
