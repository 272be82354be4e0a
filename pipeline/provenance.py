"""What an artifact cost: seconds, memory, energy, and which software made it.

Energy is read from the machine where it can be (RAPL counters of the processor, NVML of the GPU:
of the whole machine while the task ran), else estimated from processor time. The method is
written beside the figure. None of this enters the content of an artifact.
"""

import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RAPL = Path("/sys/class/powercap")
# A server core under load, its share of memory and power supply included (SPECpower).
ESTIMATED_WATTS_PER_CORE = 10.0
JOULES_PER_KWH = 3.6e6
GPU_QUERY = ["nvidia-smi", "--query-gpu=total_energy_consumption", "--format=csv,noheader,nounits"]
PACKAGES = ("torch", "tokenizers", "pyarrow", "trafilatura", "resiliparse", "fasttext", "numpy")


class Meter:
    """Started before a task's work, read after it."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.rapl = _rapl_microjoules()
        self.gpu = _gpu_millijoules()

    def read(self, cpu_seconds: float, peak_memory_bytes: int) -> dict[str, Any]:
        """The provenance block of a manifest."""
        joules, method = self._joules(cpu_seconds)
        return {
            "seconds": round(time.monotonic() - self.started, 3),
            "cpu_seconds": round(cpu_seconds, 3),
            "peak_memory_bytes": peak_memory_bytes,
            "energy_kwh": round(joules / JOULES_PER_KWH, 9),
            "energy_method": method,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
            "packages": _packages(),
            "git_commit": _git_commit(),
            "command": " ".join(sys.argv),
        }

    def _joules(self, cpu_seconds: float) -> tuple[float, str]:
        parts, methods = 0.0, []
        now = _rapl_microjoules()
        # The counters wrap around; then nothing is known.
        if self.rapl is not None and now is not None and now >= self.rapl:
            parts += (now - self.rapl) / 1e6
            methods.append("RAPL, whole machine")
        else:
            parts += cpu_seconds * ESTIMATED_WATTS_PER_CORE
            methods.append(f"estimated: CPU seconds x {ESTIMATED_WATTS_PER_CORE:g} W")
        gpu = _gpu_millijoules()
        if self.gpu is not None and gpu is not None:
            parts += (gpu - self.gpu) / 1e3
            methods.append("NVML, whole GPUs")
        return parts, " + ".join(methods)


def _rapl_microjoules() -> int | None:
    counters = sorted(RAPL.glob("intel-rapl:[0-9]/energy_uj")) if RAPL.is_dir() else []
    try:
        return sum(int(c.read_text()) for c in counters) if counters else None
    except OSError:  # root alone may read them on many machines
        return None


def _gpu_millijoules() -> float | None:
    if not Path("/dev/nvidiactl").exists():
        return None
    try:
        answer = subprocess.run(GPU_QUERY, capture_output=True, text=True, timeout=10, check=True)
        return sum(float(line) for line in answer.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):  # no driver tool, or "[N/A]"
        return None


@functools.cache
def _packages() -> dict[str, str]:
    known = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    return {"python": platform.python_version(), **{n: known[n] for n in PACKAGES if n in known}}


@functools.cache
def _git_commit() -> str:
    """Of the checkout this runs from; "" in an installed package."""
    here = Path(__file__).resolve().parent
    try:
        command = ["git", "-C", str(here), "rev-parse", "HEAD"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
