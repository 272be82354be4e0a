"""Attempts to get out of the sandbox: a program each, how success would look, and what guards.

`W` is what a program is told (`escape_outside.Outside.facts`); `CALL` makes raw system calls.
`guards` are sets of layers each of which stops the attempt by itself, so that with all of them off
it must get through; `off` are layers that stay off beside them, since they would also hinder it
without being meant to be enough.
"""

import dataclasses
import stat
from collections.abc import Callable
from pathlib import Path

from escape_outside import Outside

CALL = """
import ctypes, os
_c = ctypes.CDLL(None, use_errno=True)
_c.syscall.restype = ctypes.c_long
def call(name, *arguments):
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = _c.syscall(ctypes.c_long(W["nr"][name]), *passed)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""
SAY = "\nprint(W['marker'])\n"


@dataclasses.dataclass(frozen=True)
class Seen:
    """What came out of an attempt."""

    text: str
    seconds: float
    fault: bool  # the sandbox itself was brought down


Through = Callable[[Outside, Seen], bool]


@dataclasses.dataclass(frozen=True)
class Attempt:
    name: str
    code: str
    through: Through
    guards: tuple[frozenset[str], ...] = ()
    off: frozenset[str] = frozenset()
    then: str = ""  # another program after it, whose output counts
    everywhere: bool = True  # else not every kernel or user has what it takes, guards or not


def guards(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(names.split()) for names in sets)


def marker(outside: Outside, seen: Seen) -> bool:
    return outside.marker in seen.text


def token(outside: Outside, seen: Seen) -> bool:
    return outside.token in seen.text


def victims_token(outside: Outside, seen: Seen) -> bool:
    return outside.victim.token in seen.text


def something_made(outside: Outside, seen: Seen) -> bool:
    return bool(outside.made) or outside.shared.exists()


def file_changed(outside: Outside, seen: Seen) -> bool:
    return not outside.file.exists() or outside.file.read_text() != "as it was"


def mode_changed(outside: Outside, seen: Seen) -> bool:
    return stat.S_IMODE(outside.file.stat().st_mode) != 0o666


def time_changed(outside: Outside, seen: Seen) -> bool:
    return outside.file.stat().st_mtime != 1_000_000_000


def disk_filled(outside: Outside, seen: Seen) -> bool:
    return any(path.stat().st_size >= 1 << 20 for path in outside.open.iterdir())


def victim_dead(outside: Outside, seen: Seen) -> bool:
    return not outside.victim.alive


def heard(name: str) -> Through:
    return lambda outside, seen: name in outside.listeners.heard


def brought_down(outside: Outside, seen: Seen) -> bool:
    return seen.fault


def passwd_read(outside: Outside, seen: Seen) -> bool:
    return Path("/etc/passwd").read_text().splitlines()[0] in seen.text


# On a machine's other processes and files rights of its user are in the way as well.
MACHINE = frozenset({"user", "privileges"})
