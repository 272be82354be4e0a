"""Runs a stage in a process of its own and turns the ways it can end into exceptions.

A worker killed by a signal (out of memory, an operator, a fault test) or cut off from its network
may succeed the next time: `WorkerKilled` and `NetworkError` are worth a retry. A Python exception
of the stage is not: `StageFailed`. A user's mistake and a full disk pass through as what they
are. A build in one process is a fork of a host, which has imported and loaded what the builds
before it needed and is kept for the next; on macOS, whose frameworks don't all bear a fork, only
where a stage has much to load.
"""

import contextlib
import dataclasses
import json
import os
import queue
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flows.runner.child_process import PIPE_CLOSE_SECONDS, WorkerProcess, worker_environment
from flows.runner.events import DoneEvent, EndedEvent, LastWord, LiveEvent, event_of
from pipeline.worker.host import END_OF_LOG
from pipeline.worker.lifetime import signal_name, signal_of
from pipeline.worker.rendezvous import LOST_PEER
from pipeline.worker.spec import BuildSpec
from storage.durable import DiskFull, full_disk_is_clear
from storage.errors import UserError

FORKS_ALL = sys.platform.startswith("linux")
POLL_SECONDS = 0.2
STDERR_TAIL_LINES = 40
# torchrun reports how ranks end in its own log only: those that ended before it ended the others.
TORCHRUN_CODE = re.compile(r"exitcode\s*:\s*(-?\d+)")
# What its own part of several nodes' meeting failed by.
RENDEZVOUS = re.compile(r"\b(?:Rendezvous\w+Error|DistNetworkError|DistStoreError)\b.*")
FINAL = ("user_error", "disk_full")  # events that what follows from them must not hide
HINTS: dict[int, str] = {
    signal.SIGKILL: " (out of memory?)",
    signal.SIGALRM: " (its watchdog: nothing moved for too long; its log shows where it hung)",
}

OnEvent = Callable[[LiveEvent], None]
OnLog = Callable[[str], None]


class WorkerKilled(RuntimeError):
    """A signal ended the worker."""


class NetworkError(RuntimeError):
    """The network or the object store failed the worker."""


class StageFailed(RuntimeError):
    """The stage raised an exception; `log` holds the end of its stderr, traceback included."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.log)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a finished worker leaves besides its files."""

    statistics: dict[str, Any]
    cpu_seconds: float  # user and system, of the worker and the children it waited for
    peak_memory_bytes: int  # of the worker, or of its largest child; of several the first's


def run_worker(
    spec: BuildSpec, desk: Path, place: str, on_event: OnEvent, on_log: OnLog
) -> Outcome:
    """Build in another process.

    Args:
        spec: of the build.
        desk: a folder of its own, where the spec is written.
        place: the lake, for a disk-full message.
        on_event: gets each event while the stage runs.
        on_log: gets each line of its stderr.

    Raises:
        WorkerKilled, NetworkError: another try may go well.
        StageFailed: the stage raised an exception.
        UserError, DiskFull: as the worker says.
    """
    path = desk / "spec.json"
    with full_disk_is_clear(place):
        path.write_text(json.dumps({**spec, "owner_pid": os.getpid()}))
    alone = spec["processes"] == 1 and not spec.get("rendezvous")
    if alone and (FORKS_ALL or spec.get("preload")):
        ended = _follow_host(str(path), on_event, on_log)
    else:  # of several processes it becomes torchrun
        worker = WorkerProcess("pipeline.worker.child", str(path))
        with _stopped_if_interrupted(worker):
            ended = _follow(worker, on_event, on_log)
    done = _done(ended, spec["kind"], place)
    return Outcome(done["statistics"], ended.cpu_seconds, done["peak_memory_bytes"])


def _follow_host(path: str, on_event: OnEvent, on_log: OnLog) -> "_Ended":
    """A build in a fork of a host; a host that died while it waited is replaced."""
    with _hosts.taken() as host:
        host.send(path)
        ended = _follow(host, on_event, on_log)
    # It can have ended before it took the line, and be seen only then: nothing was begun.
    if ended.last:
        return ended
    with _hosts.taken(new=True) as host:
        host.send(path)
        return _follow(host, on_event, on_log)


class _Hosts:
    """Warm processes that wait for work, by the thread that started them.

    A host dies with that thread (pipeline.worker.lifetime), so no other one may rely on it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[int, WorkerProcess] = {}

    @contextlib.contextmanager
    def taken(self, new: bool = False) -> Iterator[WorkerProcess]:
        """One for the time of a build; it is kept unless it died, or the build was cancelled."""
        thread = threading.get_ident()
        with self._lock:
            host = self._idle.pop(thread, None)
        if host is not None and (
            new or host.has_ended() or host.environment != worker_environment()
        ):
            host.end()
            host = None
        host = host or WorkerProcess("pipeline.worker.host", str(os.getpid()), takes_lines=True)
        with _stopped_if_interrupted(host):
            yield host
        if not host.is_reaped:
            with self._lock:
                self._idle[thread] = host

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for host in idle.values():
            host.end()


_hosts = _Hosts()


def close_hosts() -> None:
    """End the processes that were kept for a next build."""
    _hosts.close()


@contextlib.contextmanager
def _stopped_if_interrupted(worker: WorkerProcess) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if not worker.is_reaped:
            worker.stop()
        raise


@dataclasses.dataclass(frozen=True)
class _Ended:
    """How a build came to its end."""

    code: int
    last: LastWord | None  # None: it was killed before it could say how it ended
    log: str  # the end of its stderr
    cpu_seconds: float


def _follow(worker: WorkerProcess, on_event: OnEvent, on_log: OnLog) -> _Ended:
    """Pass on what a build says until it has ended: the process, or the host's fork."""
    tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)
    last: LastWord | None = None
    report: EndedEvent | None = None  # a host's, of its fork
    log_ended = False
    ended_at: float | None = None
    while True:
        if report and log_ended:
            return _Ended(report["code"], last, "\n".join(tail), report["cpu_seconds"])
        with contextlib.suppress(queue.Empty):
            source, line = worker.lines.get(timeout=POLL_SECONDS)
            event = event_of(line) if source == "event" else None
            if event is None and line == END_OF_LOG:
                log_ended = True
            elif event is None:
                tail.append(line)
                on_log(line)
            elif event["event"] == "ended":
                report = event
            elif (  # one by one, so that mypy sees what is left
                event["event"] == "progress"
                or event["event"] == "history"
                or event["event"] == "metric"
                or event["event"] == "note"
            ):
                on_event(event)
            elif last is None or last["event"] not in FINAL:
                last = event
            continue
        if ended_at is None and worker.has_ended():
            ended_at = time.monotonic()
            worker.kill_group()  # children that outlive it would keep its pipes open
        if ended_at is None:
            continue
        if worker.is_drained or time.monotonic() - ended_at > PIPE_CLOSE_SECONDS:
            code, cpu_seconds = worker.reap()
            return _Ended(code, last, "\n".join(tail), cpu_seconds)


def _done(ended: _Ended, kind: str, place: str) -> DoneEvent:
    """What a build that went well says; else what its end means is raised."""
    code, last, log = ended.code, ended.last, ended.log
    if last and last["event"] == "user_error":
        raise UserError(last["text"])
    if last and last["event"] == "disk_full":
        raise DiskFull(place)
    codes = [int(code) for code in TORCHRUN_CODE.findall(log)]
    # Once one has ended torchrun ends the others, and lists them as well.
    codes = [code for code in codes if code != -signal.SIGTERM] or codes
    if last and last["event"] == "network_error":
        raise NetworkError(f"{kind}: {last['text']}")
    if code == 0 and last and last["event"] == "done":
        return last
    if codes and all(number == LOST_PEER for number in codes):
        raise NetworkError(f"{kind}: a process on another node is gone, or cannot be reached")
    if not codes and (failure := RENDEZVOUS.search(log)):
        raise NetworkError(f"{kind}: the nodes did not meet, or node 0 is gone: {failure.group()}")
    if number := signal_of(code) or next((-code for code in codes if code < 0), 0):
        hint = HINTS.get(number, "")
        raise WorkerKilled(f"{kind}: its process was ended by {signal_name(number)}{hint}")
    reason = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "no word")
    # An exception's last line says it all, and Python's code for it is 1.
    raise StageFailed(f"{kind}: {reason}" + (f" (exit code {code})" if code != 1 else ""), log)
