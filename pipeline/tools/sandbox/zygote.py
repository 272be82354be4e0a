"""A small process that has imported what programs need and forks for each: milliseconds, not 40.

`pipeline.tools.fork_server` starts it, with nothing in its environment; its descriptor 0 is a
socket to its owner. It puts on the layers that hold for all its forks and reports them. Then, for
each message with three descriptors (the program, its output, its outcome), it forks, waits, kills
what takes too long, and answers how the fork ended. It never reads what goes through these
descriptors: no fork can find another's program in its memory.
"""

import contextlib
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from pipeline.tools.sandbox import guest, landlock, namespaces, seccomp, system_calls, wire

# What programs that compute import; others are found in the standard library's folder.
PRELOADED = """
ast array base64 bisect calendar cmath collections copy csv ctypes dataclasses datetime decimal
enum fractions functools hashlib heapq io itertools json math numbers operator pprint random re
statistics string struct textwrap threading time traceback typing unicodedata uuid zlib
"""
WITHOUT_PROC_BYTES = 256 << 20  # far more than it takes


def main(settings_text: str) -> int:
    settings: dict[str, Any] = json.loads(settings_text)
    # Not among the low numbers, which forks give to the program's streams.
    control = socket.socket(fileno=fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 16))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name in PRELOADED.split():
        importlib.import_module(name)
    library = Path(os.__file__).parent
    sys.path[:] = [place for place in sys.path if Path(place).is_relative_to(library)]
    address_bytes = _address_bytes() + settings["memory_bytes"]
    if "environment" in settings["layers"]:
        os.environ.clear()
    os.chdir(library)  # see namespaces.new_files
    layers = _Layers(set(settings["layers"]), library)
    layers.put_on()
    made = guest.GuestSettings(
        layers=tuple(layers.held),
        seconds=settings["seconds"],
        address_bytes=address_bytes,
        value_characters=settings["value_characters"],
        seed=settings["seed"],
        landlock_rules=layers.rules,
        seccomp_program=layers.program,
    )
    control.send(json.dumps({"held": layers.held, "absent": layers.absent}).encode())
    gc.collect()
    gc.freeze()  # forks write to less of what they share
    with contextlib.suppress(ConnectionError):  # its owner is gone
        _serve(control, made, layers.home)
    return 0


class _Layers:
    """Layers as they are put on: what holds, and why the rest doesn't."""

    def __init__(self, wanted: set[str], library: Path) -> None:
        self._wanted, self._library = wanted, library
        self.held: list[str] = []
        self.absent: dict[str, str] = {}
        self.rules = self.home = -1  # descriptors
        self.program: seccomp.Program | None = None

    def put_on(self) -> None:
        """All that are wanted and that the machine has, in the one order that works."""
        for name in ("environment", "descriptors", "limits"):
            self._layer(name, lambda: None)  # these never fail
        self._layer("privileges", self._privileges)
        self._layer("landlock", self._landlock)
        self._layer("seccomp", self._seccomp)
        self._layer("user", self._user)
        self._layer("network", namespaces.new_network)
        self._layer("pid", self._pid)
        self._layer("mount", lambda: namespaces.new_files(self._library))

    def _layer(self, name: str, put_on: Callable[[], None]) -> None:
        if name not in self._wanted:
            self.absent[name] = "switched off"
            return
        try:
            put_on()
            self.held.append(name)
        except (OSError, AttributeError, KeyError) as error:
            self.absent[name] = str(error)

    def _privileges(self) -> None:
        system_calls.prctl(system_calls.PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
        _try(guest.give_up_rights)

    def _landlock(self) -> None:
        folder = os.open(".", os.O_PATH)
        rules = landlock.reading_alone(folder)
        os.close(folder)
        _try(lambda: landlock.restrict(rules))
        self.rules = rules

    def _seccomp(self) -> None:
        program = seccomp.computing_alone()
        _try(lambda: seccomp.restrict(program))
        self.program = program

    def _user(self) -> None:
        if "privileges" in self.held:
            namespaces.leave_root()
        namespaces.new_users()

    def _pid(self) -> None:
        if child := namespaces.new_processes():
            _end_with(child)
        # Rights have changed for the last time, which would undo it.
        system_calls.prctl(system_calls.PR_SET_PDEATHSIG, int(signal.SIGKILL), "prctl")
        self.home = os.open("/proc/self/ns/pid", os.O_RDONLY)


def _try(last: Callable[[], None]) -> None:
    """Do in a fork what can't be taken back.

    Raises:
        OSError: it failed.
    """
    said, says = os.pipe()
    if (child := os.fork()) == 0:
        try:
            last()
            os.write(says, b"+")
        except BaseException as error:
            os.write(says, str(error).encode())
        os._exit(0)
    os.close(says)
    text = os.read(said, 4096).decode(errors="replace")
    os.close(said)
    os.waitpid(child, 0)
    if text != "+":  # seccomp may also have killed it
        raise OSError(text or "refused without a word")


def _end_with(child: int) -> NoReturn:
    """Be nothing but the parent of the process that goes on."""
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)


def _serve(control: socket.socket, made: guest.GuestSettings, home: int) -> None:
    while True:
        message, streams, _, _ = socket.recv_fds(control, 64, 3)
        if not message:
            return
        if message == wire.STOP:  # came when its program had ended by itself
            continue
        try:
            child = namespaces.fork_into_new(home) if "pid" in made.layers else os.fork()
        except OSError as error:
            answer: dict[str, Any] = {"fault": f"no fork: {error}"}
        else:
            if child == 0:
                guest.run(made, streams)
            answer = _ended(child, control, made.seconds)
        for stream in streams:
            os.close(stream)
        control.send(json.dumps(answer).encode())


def _ended(child: int, control: socket.socket, seconds: float) -> dict[str, Any]:
    """How a fork ended; it is killed when its time is up or its owner says so, or is gone."""
    watch = os.pidfd_open(child)
    ready = select.select([watch, control.fileno()], [], [], seconds)[0]
    owner_is_gone = False
    if watch not in ready:
        owner_is_gone = bool(ready) and not control.recv(64)
        os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(OSError):  # what it has started, where it can: it led a group
        os.killpg(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(watch)
    if owner_is_gone:
        os._exit(0)
    return {"code": os.waitstatus_to_exitcode(status), "timed_out": not ready}


def _address_bytes() -> int:
    """The address space that this process takes already."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return WITHOUT_PROC_BYTES
    return pages * resource.getpagesize()
