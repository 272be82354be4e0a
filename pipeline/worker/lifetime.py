"""Ends a child process with its parent, so that a killed run leaves none; and how one ended.

Linux sends the child SIGKILL when the thread that started it ends (prctl PR_SET_PDEATHSIG): unlike
an exit handler this also works when the parent is killed by SIGKILL. On other systems it does
nothing.
"""

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
SHELL_BASE = 128


def die_with_parent(parent_pid: int | None = None) -> None:
    """Have this process killed when its parent ends; at once if `parent_pid` has ended already."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have ended between fork and prctl: then nobody waits for this process.
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def signal_of(code: int) -> int:
    """The signal that an exit code stands for: -number, or 128 + number as in shells; 0: none.

    A program may end with any code up to 255: beyond 128 only those of signals with a name count.
    """
    if code < 0:
        return -code
    return code - SHELL_BASE if code - SHELL_BASE in list(signal.Signals) else 0


def signal_name(number: int) -> str:
    """The signal's name, such as SIGKILL; `signal 40` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def leave(last: Callable[..., int], *arguments: Any) -> NoReturn:
    """End a forked process with the exit code of `last`; nothing of its parent's clean-up runs."""
    code = 1
    try:
        code = last(*arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
