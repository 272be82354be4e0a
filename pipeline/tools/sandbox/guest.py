"""What a fork of the zygote does: put on the last layers, read a program, run it, say how it ended.

The program comes on descriptor 0, what it prints goes to 1 and 2, its outcome (see `wire`) to 3.
"""

import ast
import builtins
import contextlib
import ctypes
import dataclasses
import fcntl
import gc
import io
import math
import os
import random
import resource
import signal
import sys
import traceback
import types
from collections.abc import Sequence
from typing import Any, NoReturn

from pipeline.tools.sandbox import landlock, namespaces, seccomp, system_calls, wire

OUTCOME = 3
CAPABILITIES = 64  # more than there are
DESCRIPTORS = 1 << 20  # more than the zygote has
FILES = 32
PROCESSES = 24  # threads count, and so does the zygote
STACK_BYTES = 8 << 20
NAME = "<program>"
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x2008_0522


@dataclasses.dataclass(frozen=True)
class GuestSettings:
    """What the zygote hands on to each of its forks."""

    layers: tuple[str, ...]  # that hold
    seconds: float
    address_bytes: int  # of memory, with what the zygote has already
    value_characters: int
    seed: int
    landlock_rules: int  # descriptors and programs made once
    seccomp_program: seccomp.Program | None


def run(settings: GuestSettings, streams: Sequence[int]) -> NoReturn:
    """Run the program that comes on the first stream in this process, which ends with it.

    Args:
        settings: of the zygote.
        streams: descriptors of the program, its output and its outcome.
    """
    try:
        _enter(settings, streams)
        os.write(OUTCOME, wire.ENTERED.encode())  # before the program can write anything
        text = _read_all(0).decode(errors="replace")
        random.seed(settings.seed)
        sys.stdin = _stream(0, "rb")
        sys.stdout = sys.stderr = _stream(1, "wb")
    except BaseException as error:
        said = f"{wire.FAULT}{type(error).__name__}: {error}".encode(errors="replace")
    else:
        said = _outcome(text, settings.value_characters)
    while said:
        said = said[os.write(OUTCOME, said) :]
    os._exit(0)


def _enter(settings: GuestSettings, streams: Sequence[int]) -> None:
    """Put on what a process can only put on itself, last what forbids the others."""
    if "landlock" in settings.layers:
        landlock.restrict(settings.landlock_rules)  # before its descriptor's number is taken
    # Copies first: a stream may have the number of another's place.
    copies = [fcntl.fcntl(stream, fcntl.F_DUPFD, 64) for stream in streams]
    for place, copy in zip((0, 1, OUTCOME), copies):
        os.dup2(copy, place)
    os.dup2(1, 2)
    if "descriptors" in settings.layers:
        os.closerange(OUTCOME + 1, DESCRIPTORS)
    os.setsid()
    if "privileges" in settings.layers:
        give_up_rights()
    parent_ended = system_calls.PR_SET_PDEATHSIG
    system_calls.prctl(parent_ended, int(signal.SIGKILL), "prctl")
    if "limits" in settings.layers:
        _limit(settings)
    if settings.seccomp_program is not None:
        seccomp.restrict(settings.seccomp_program)


def give_up_rights() -> None:
    """Be no root, have no capability and get none."""
    namespaces.leave_root()
    with contextlib.suppress(OSError):  # the kernel has fewer of them
        for number in range(CAPABILITIES):
            system_calls.prctl(system_calls.PR_CAPBSET_DROP, number, "prctl")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    number = _CAPSET[os.uname().machine]
    system_calls.system_call(number, "capset", ctypes.byref(header), ctypes.byref(none))


def _limit(settings: GuestSettings) -> None:
    seconds = math.ceil(settings.seconds) + 1  # the clock of the zygote comes first
    limits = {
        resource.RLIMIT_AS: settings.address_bytes,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_NPROC: PROCESSES,
        resource.RLIMIT_STACK: STACK_BYTES,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _stream(descriptor: int, mode: str) -> io.TextIOWrapper:
    raw = open(descriptor, mode, 0, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, "utf-8", "replace", line_buffering=True)


def _read_all(descriptor: int) -> bytes:
    pieces = []
    while piece := os.read(descriptor, 1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def _outcome(text: str, value_characters: int) -> bytes:
    letter, said = wire.NOTHING, ""
    try:
        value = _executed(text)
        if value is not None:
            letter, said = wire.VALUE, repr(value)
    except SystemExit as end:
        if end.code:
            letter, said = wire.ERROR, f"SystemExit: {end.code}"
    except MemoryError:
        gc.collect()
        letter = wire.NO_MEMORY
    except BaseException as error:
        letter, said = wire.ERROR, _described(error)
    with contextlib.suppress(BaseException):  # which the program may have closed or replaced
        sys.stdout.flush()
    return (letter + said[:value_characters]).encode(errors="replace")


def _executed(text: str) -> Any:
    """The value of the last expression, if the program ends with one."""
    tree = ast.parse(text, NAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    names = module.__dict__
    names["__builtins__"] = builtins
    exec(compile(tree, NAME, "exec"), names)  # noqa: S102 - what all these layers are for
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), NAME, "eval"), names)  # noqa: S307


def _described(error: BaseException) -> str:
    """The last line of a traceback, and the line of the program."""
    said = traceback.format_exception_only(error)[-1].strip()
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if frame.filename == NAME]
    line = error.lineno if isinstance(error, SyntaxError) else own[-1] if own else None
    return f"{said} (line {line})" if line else said
