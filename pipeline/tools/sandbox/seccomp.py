"""seccomp: the kernel answers only those system calls that computing needs.

A filter in BPF, made here and handed over by prctl. Every other call fails with EPERM (ENOSYS where
libc then takes an older call), so a program sees an ordinary PermissionError. Allowed are memory,
files already open and opening for reading, clocks, threads, the process's own state. Not allowed:
processes, programs, sockets, signals to anybody, namespaces, mounts, tracing, keys, io_uring …
"""

import ctypes
import errno
import platform
import sys
from collections.abc import Iterable

from pipeline.tools.sandbox import system_calls
from pipeline.tools.sandbox.call_numbers import NUMBERS

_ARCHITECTURE = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
# Offsets in struct seccomp_data.
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000

# Calls that are allowed under a condition, or answered with another error than EPERM.
_SPECIAL = ("open", "openat", "clone", "clone3", "fcntl", "ioctl", "prlimit64")
# Access but for reading, creating, truncating, O_TMPFILE, by the numbers that all machines share.
_NOT_READING = 0o3 | 0o100 | 0o1000 | 0o20000000
_CLONE_THREAD = 0x0001_0000
_NEW_NAMESPACES = 0x7E02_0080  # CLONE_NEW… of user, pid, net, ipc, uts, cgroup, ns, time
_FCNTL = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class Program(ctypes.Structure):
    """A filter as the kernel takes it (struct sock_fprog); holds its instructions alive."""

    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


Step = tuple[int, int, int, int]  # code, jump if true, if false, value


def computing_alone() -> Program:
    """The filter for this machine.

    Raises:
        OSError: the numbers of its system calls are not known here.
    """
    machine = platform.machine()
    if machine not in NUMBERS or sys.maxsize < 2**32 or sys.byteorder != "little":
        raise OSError(errno.ENOSYS, f"seccomp: no table of system calls for {machine}")
    steps = list(_steps(NUMBERS[machine], _ARCHITECTURE[machine]))
    made = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    return Program(len(steps), ctypes.cast(made, ctypes.POINTER(_Instruction)))


def restrict(program: Program) -> None:
    """Put the filter on this process for good; needs no_new_privs.

    Raises:
        OSError: the kernel refused it.
    """
    system_calls.prctl(
        system_calls.PR_SET_SECCOMP,
        system_calls.SECCOMP_MODE_FILTER,
        "seccomp",
        ctypes.byref(program),
    )


def _steps(numbers: dict[str, int], architecture: int) -> Iterable[Step]:
    yield _LOAD, 0, 0, _ARCH
    yield _EQUAL, 1, 0, architecture  # of another architecture numbers mean other calls
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    for name, number in numbers.items():  # those of x32 calls have a bit that none of these has
        inside = _special(name) if name in _SPECIAL else [_answer(0)]
        yield _EQUAL, 0, len(inside), number
        yield from inside
    yield _answer(errno.EPERM)


def _special(name: str) -> list[Step]:
    """What follows a special call's number; ends with an answer on every way."""
    if name in ("open", "openat"):
        flags = 1 if name == "open" else 2
        return [*_low(flags), (_ANY_BIT, 0, 1, _NOT_READING), _answer(errno.EACCES), _answer(0)]
    if name == "clone":  # threads and no processes
        return [
            *_low(0),
            (_ANY_BIT, 0, 2, _CLONE_THREAD),
            (_ANY_BIT, 1, 0, _NEW_NAMESPACES),
            _answer(0),
            _answer(errno.EPERM),
        ]
    if name == "fcntl":
        jumps = [(_EQUAL, len(_FCNTL) - at, 0, command) for at, command in enumerate(_FCNTL)]
        return [*_low(1), *jumps, _answer(errno.EPERM), _answer(0)]
    if name == "prlimit64":  # asking for one's own alone
        zero: list[Step] = []
        words = (*_low(0), *_high(0), *_low(2), *_high(2))
        for at, load in enumerate(words):
            zero += [load, (_EQUAL, 0, 2 * (len(words) - at) - 1, 0)]
        return [*zero, _answer(0), _answer(errno.EPERM)]
    # libc takes clone where there is no clone3, whose flags no filter can read.
    return [_answer(errno.ENOSYS if name == "clone3" else errno.ENOTTY)]


def _low(argument: int) -> list[Step]:
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument)]


def _high(argument: int) -> list[Step]:
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument + 4)]


def _answer(number: int) -> Step:
    return _RETURN, 0, 0, _ERRNO | number if number else _ALLOW
