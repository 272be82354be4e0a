"""Landlock: a process gives up access to files, for itself and all that it starts.

Only reading what lies under one folder is left; TCP, and signals and abstract sockets to processes
outside, where the kernel is new enough. The kernel's uapi/linux/landlock.h names the bits.
"""

import ctypes
import os

from pipeline.tools.sandbox import system_calls

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# By version: all rights on files that it can take; reading one file's state (stat) is in none.
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP = 0b11  # bind and connect, from version 4
_SCOPES = 0b11  # abstract sockets and signals, from version 6
_VERSION = 1  # flag: ask for the version
_PATH_BENEATH = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock here.

    Raises:
        OSError: there is none, or it is switched off.
    """
    number = system_calls.LANDLOCK_CREATE_RULESET
    return system_calls.system_call(number, "Landlock", None, 0, _VERSION)


def reading_alone(folder: int) -> int:
    """A descriptor of the rules, for `restrict`.

    Args:
        folder: a descriptor of the folder that may be read.

    Raises:
        OSError: there is no Landlock.
    """
    here = version()
    files = _FILES[max(known for known in _FILES if known <= here)]
    rules = _Ruleset(files, _TCP if here >= 4 else 0, _SCOPES if here >= 6 else 0)
    size = 24 if here >= 6 else 16 if here >= 4 else 8
    number = system_calls.LANDLOCK_CREATE_RULESET
    made = system_calls.system_call(number, "Landlock", ctypes.byref(rules), size, 0)
    beneath = _Beneath(_READ_FILE | _READ_DIR, folder)
    number = system_calls.LANDLOCK_ADD_RULE
    try:
        system_calls.system_call(number, "Landlock", made, _PATH_BENEATH, ctypes.byref(beneath), 0)
    except OSError:
        os.close(made)
        raise
    return made


def restrict(rules: int) -> None:
    """Give up all that the rules don't allow; needs no_new_privs.

    Raises:
        OSError: the kernel refused it.
    """
    system_calls.system_call(system_calls.LANDLOCK_RESTRICT_SELF, "Landlock", rules, 0)
