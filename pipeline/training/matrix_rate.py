"""This machine's rate of matrix products, which MFU is a share of; and whether others use it too.

Measured before a run has threads of its own (checkpoints are written beside the training). On a
machine that others use as well the clock measures what they left, not what the machine can do:
there the rate is by processor time, and the run says so in one line.
"""

import os
import time
from typing import NamedTuple

import torch

from pipeline.cores import cores
from pipeline.model import device as devices
from pipeline.training.runtime import measured_peak_flops

SIZE = 1024  # rows and columns of the product
REPEATS = 6  # a sixth of a second on two cores
# Share of the processor time that the threads ask for: 0.93 to 1 on a quiet machine, half beside
# an equal load.
QUIET_SHARE = 0.8


class MatrixRate(NamedTuple):
    """What was measured."""

    flops: float  # a second, by all threads of this process
    share: float = 1.0  # of the processor time it asked for, what it got
    threads: int = 1

    @property
    def busy(self) -> bool:
        """Whether others use the processors too."""
        return self.share < QUIET_SHARE

    def warning(self) -> str:
        """A line for people if the machine is busy; else ""."""
        if not self.busy:
            return ""
        load = os.getloadavg()[0]
        return (
            f"this machine is busy (load average {load:.1f} on {cores()} cores): {self.threads}"
            f" threads got {self.share:.0%} of the processor time they asked for, so times say"
            " little; MFU is against the rate by processor time"
        )


def measure(device: torch.device, dtype: torch.dtype) -> MatrixRate:
    """Measure the rate of a large square product.

    Args:
        device: the CPU is measured by clock and processor time, a GPU by the clock alone.
        dtype: of the product.
    """
    if not devices.on_cpu(device):
        return MatrixRate(measured_peak_flops(device, dtype))
    generator = torch.Generator().manual_seed(0)  # the run's own random numbers stay untouched
    matrix = torch.randn(SIZE, SIZE, generator=generator).to(dtype)  # [SIZE, SIZE]
    torch.mm(matrix, matrix)  # warms up
    times = []
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        torch.mm(matrix, matrix)
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return judged(times, min(torch.get_num_threads(), cores()), 2.0 * SIZE**3)


def judged(times: list[tuple[float, float]], threads: int, flops: float) -> MatrixRate:
    """The rate, from the times of equal products.

    Args:
        times: of each product, seconds by the clock and processor seconds.
        threads: of the product.
        flops: of one product.
    """
    wall, processor = (sum(column) for column in zip(*times))
    share = min(1.0, processor / max(wall * threads, 1e-9))
    best = min(clock for clock, _ in times)
    if share < QUIET_SHARE:
        best = min(best, min(used for _, used in times) / threads)
    return MatrixRate(flops / max(best, 1e-9), share, threads)
