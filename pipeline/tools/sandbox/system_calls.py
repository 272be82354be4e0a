"""System calls that Python has no function for, through libc's `syscall`, on Linux."""

import ctypes
import os
from typing import Any

_libc: Any = None

# Of `pipeline.tools.sandbox.call_numbers` those that are made here are the same everywhere, since
# they are young.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
MOUNT_SETATTR = 442

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2


def libc() -> Any:
    """The C library; whoever forks asks once before, so that forks have it loaded."""
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
        _libc.syscall.restype = ctypes.c_long
    return _libc


def checked(result: int, what: str) -> int:
    """The result of a call; its error as OSError."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def system_call(number: int, what: str, *arguments: Any) -> int:
    """A system call by its number.

    Raises:
        OSError: the kernel refused it.
    """
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc().syscall(ctypes.c_long(number), *passed), what)


def prctl(option: int, value: Any, what: str, *more: Any) -> int:
    """`prctl`.

    Raises:
        OSError: the kernel refused it.
    """
    passed = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (value, *more)]
    passed += [ctypes.c_ulong(0)] * (4 - len(passed))
    return checked(libc().prctl(ctypes.c_int(option), *passed), what)


def unshare(flags: int, what: str) -> None:
    """Move this process into new namespaces.

    Raises:
        OSError: the kernel refused it.
    """
    checked(libc().unshare(ctypes.c_int(flags)), what)
