"""Waiting in tests: as long as a slow and busy machine takes, and no longer than is needed.

No test asserts how long something took, sleeps for as long as another ought to take, or ends what
it waits for before a machine ten times slower would be done; so all of them wait by these.
"""

import random
import socket
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import psutil

T = TypeVar("T")

PATIENCE_SECONDS = 900.0  # below pytest's own limit, which says less
LOOK_SECONDS = 0.01
# Below those that Linux gives to whoever asks for any port: nobody gets one by chance.
PORTS = range(20_000, 32_000)


def eventually(happened: Callable[[], T], what: Callable[[], object] | str = "") -> T:
    """The first true answer; `what` says what is known when none comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := happened()):
        if time.monotonic() > deadline:
            raise AssertionError(what() if callable(what) else what or happened)
        time.sleep(LOOK_SECONDS)
    return found


def have_ended(processes: Iterable[psutil.Process]) -> bool:
    """Whether all of them end; those that had ended before are fine."""
    _, alive = psutil.wait_procs(list(processes), timeout=PATIENCE_SECONDS)
    return not alive


def running(pids: Iterable[int]) -> list[psutil.Process]:
    """Those that are still there."""
    found = []
    for pid in pids:
        try:
            found.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    return found


def free_port() -> int:
    """A port of this machine where nobody listens, for a program that must be told one."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
