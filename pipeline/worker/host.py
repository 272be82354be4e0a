"""A warm process that runs builds one after another: `python -m pipeline.worker.host OWNER_PID`.

Modules are imported once, and what a stage's `preload` loads (lists, models) once as well; each
build then runs in a fork of this process, which starts in milliseconds and returns its memory when
it ends. Nothing is computed here: of threads there are only those that OpenBLAS and jemalloc start
when they are imported, and start anew in a fork. In, on stdin: a line with the path of a spec (see
`child`) for each build. Out, on stdout: `taken`, the build's events, then `ended` with its exit
code and what it used; its log on stderr, then END_OF_LOG. After IDLE_SECONDS without work the
process ends.
"""

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

from pipeline.config import from_dict
from pipeline.worker import child
from pipeline.worker.lifetime import die_with_parent, leave
from pipeline.worker.spec import BuildSpec

END_OF_LOG = "\x04"  # a line by itself
IDLE_SECONDS = 30.0  # between two stages of a run lies a second or two
STOPPED = 128 + signal.SIGTERM


def main(owner_pid: int) -> int:
    die_with_parent(owner_pid)
    events = child.take_stdout()
    stop = Stop()
    for line in lines():
        child.write_event(events, {"event": "taken"})
        spec: BuildSpec = json.loads(Path(line.rstrip("\n")).read_text())
        with contextlib.suppress(Exception):  # the build has the same error again, and reports it
            preload(spec)
        with stop.after_the_build():
            code, cpu_seconds = build_in_fork(spec, events)
            ended = {"event": "ended", "code": code, "cpu_seconds": cpu_seconds}
            sys.stderr.write(f"{END_OF_LOG}\n")
            sys.stderr.flush()
            child.write_event(events, ended)
    return 0


def lines() -> Iterator[str]:
    """The lines of stdin, until it is closed or nothing comes for a while."""
    while select.select([sys.stdin], [], [], IDLE_SECONDS)[0]:
        if not (line := sys.stdin.readline()):  # one at a time is sent: none waits in the buffer
            return
        yield line


class Stop:
    """SIGTERM goes to this process and the build: the build may save what it has, then both end."""

    def __init__(self) -> None:
        self._building = self._wanted = False
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._building:
            sys.exit(STOPPED)
        self._wanted = True

    @contextlib.contextmanager
    def after_the_build(self) -> Iterator[None]:
        """A signal that comes meanwhile ends this process afterwards."""
        self._building = True
        yield
        self._building = False
        if self._wanted:
            sys.exit(STOPPED)


def build_in_fork(spec: BuildSpec, events: TextIO) -> tuple[int, float]:
    """The build's exit code, negative for a signal, and its CPU seconds, children included."""
    host_pid = os.getpid()
    # A signal between fork and the next line would find this process' handler in the build.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    fork = os.fork()
    if fork == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        die_with_parent(host_pid)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the lines are the host's
        leave(child.run, spec, events)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    _, status, usage = os.wait4(fork, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def preload(spec: BuildSpec) -> None:
    """Import and load into memory what a build needs, unless it is there already."""
    config_type = child.config_of(child.named(spec["entry"]))
    if function := spec.get("preload"):
        child.named(function)(from_dict(config_type, spec["config"]))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
