"""What an artifact cost: seconds, memory, energy, and which software made it.

How the energy was found (read from the machine or estimated, see pipeline.energy) is written beside
the figure. None of this enters the content of an artifact.
"""

import contextlib
import functools
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

from pipeline.energy import JOULES_PER_KWH, Energy
from storage.manifest import Provenance
from storage.redaction import redact

DISTRIBUTION = "crawl2chat"
BESIDES = ("lxml", "idna")  # that trafilatura and requests bring, and we use
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class TaskMeter:
    """Started before a task's work, read after it."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.energy = Energy()

    def read(self, cpu_seconds: float, peak_memory_bytes: int) -> Provenance:
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
    """The interpreter, its Unicode, and all that this project needs to run."""
    versions = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "unicode": unicodedata.unidata_version,
    }
    for name in (*needed(), *BESIDES):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def needed() -> list[str]:
    """The distributions that every installation needs, as pyproject.toml names them."""
    try:
        listed = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:  # a bare copy of the sources
        return []
    found = (_NAME.match(line) for line in listed if "extra ==" not in line)
    return sorted({match[0] for match in found if match})


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
