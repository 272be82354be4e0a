"""The most memory that processes held, in bytes on every system."""

import contextlib
import resource
import sys
from pathlib import Path

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss


def peak_bytes(usage: resource.struct_rusage | None = None) -> int:
    """By what the system says of a process' use; without it, of this process."""
    return (usage or resource.getrusage(resource.RUSAGE_SELF)).ru_maxrss * UNIT


def own_peak_bytes() -> int:
    """Of this process, or of the largest child it waited for.

    Linux hands ru_maxrss on across fork and exec: a small process that a large one started would
    seem as large. Its status file counts from the exec on.
    """
    own = peak_bytes()
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text()
        own = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) * 1024
    return max(own, peak_bytes(resource.getrusage(resource.RUSAGE_CHILDREN)))
