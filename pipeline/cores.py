"""How many cores a process may take of this machine: those it may use, or its share of them."""

import os

_SHARE: list[int] = []  # of the machine, where several stages run beside each other


def share_cores(most: int) -> None:
    """Let this process take no more cores than so many, whatever the machine has; 0: all."""
    _SHARE[:] = [most] if most else []


def cores() -> int:
    """Of this machine, those that this process may use."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min([found or 1, *_SHARE])
