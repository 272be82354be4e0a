"""What an artifact cost: seconds, memory, energy, and which software made it.

How the energy was found (read from the machine or estimated, see pipeline.energy) is written beside
the figure. None of this enters the content of an artifact.
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

from pipeline.energy import JOULES_PER_KWH, Energy
from storage.redaction import redact

PACKAGES = ("torch", "tokenizers", "pyarrow", "trafilatura", "resiliparse", "fasttext", "numpy")


class Meter:
    """Started before a task's work, read after it."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.energy = Energy()

    def read(self, cpu_seconds: float, peak_memory_bytes: int) -> dict[str, Any]:
        """The provenance block of a manifest."""
        joules, method = self.energy.joules(cpu_seconds)
        return {
            "seconds": round(time.monotonic() - self.started, 3),
            "cpu_seconds": round(cpu_seconds, 3),
            "peak_memory_bytes": peak_memory_bytes,
            "energy_kwh": round(joules / JOULES_PER_KWH, 9),
            "energy_method": method,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
            "packages": _packages(),
            "git_commit": _git_commit(),
            "command": redact(" ".join(sys.argv)),
        }


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
