"""Ties the life of a child process to its parent's, so that a killed run leaves nothing behind;
and says how one ended.

Linux sends the child SIGKILL when the thread that started it ends (prctl PR_SET_PDEATHSIG):
unlike an exit handler this also works when the parent dies of SIGKILL. Elsewhere than on Linux it
does nothing.
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
    """Have this process killed when its parent dies; at once if `parent_pid` is dead already."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died between fork and prctl: then nobody is left to wait for us.
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def signal_of(code: int) -> int:
    """The signal behind an exit code: -number, or 128 + number as shells say it; 0 for none.

    A program may end with any code up to 255: beyond 128 only those of signals with a name count.
    """
    if code < 0:
        return -code
    return code - SHELL_BASE if code - SHELL_BASE in list(signal.Signals) else 0


def signal_name(number: int) -> str:
    """SIGKILL and so on; most real-time signals have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def leave(last: Callable[..., int], *arguments: Any) -> NoReturn:
    """End a forked process with what `last` gives; nothing of its parent's clean-up is run."""
    code = 1
    try:
        code = last(*arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
