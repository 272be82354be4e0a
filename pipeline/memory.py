"""The most memory that processes held, in bytes on every system."""

import resource
import sys

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss


def peak_bytes(usage: resource.struct_rusage | None = None) -> int:
    """By what the system says of a process' use; without it, of this process."""
    return (usage or resource.getrusage(resource.RUSAGE_SELF)).ru_maxrss * UNIT
