"""Runs a stage in a process of its own and turns the ways it can end into exceptions.

A worker killed by a signal (out of memory, an operator, a fault test) or cut off from its network
may succeed the next time: `WorkerKilled` and `NetworkError` are worth a retry. A Python exception
of the stage is not: `StageFailed`. A user's mistake and a full disk pass through as what they
are.
"""

import contextlib
import dataclasses
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from storage.durable import DiskFull, full_disk_is_clear
from storage.errors import UserError

POLL_SECONDS = 0.2
STDERR_TAIL_LINES = 40
PIPE_CLOSE_SECONDS = 5.0
STOP_SECONDS = 10.0  # that a training loop gets to save a checkpoint when the run is cancelled
# torchrun reports a rank's death by signal in its own log only.
TORCHRUN_SIGNAL = re.compile(r"exitcode\s*:\s*-(\d+)")


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
    peak_memory_bytes: int


def run_worker(
    spec: dict[str, Any],
    desk: Path,
    place: str,
    on_event: Callable[[dict[str, Any]], None],
    on_log: Callable[[str], None],
) -> Outcome:
    """Run `python -m pipeline.worker` on the spec, which is written to `desk`, a folder of its own.

    `place` is the lake, for a disk-full message.
    """
    path = desk / "spec.json"
    with full_disk_is_clear(place):
        path.write_text(json.dumps({**spec, "owner_pid": os.getpid()}))
    worker = subprocess.Popen(
        [sys.executable, "-m", "pipeline.worker", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that it and its children can be ended as one group
        env=_environment(),
    )
    try:
        return _follow(worker, spec["kind"], place, on_event, on_log)
    finally:
        if worker.returncode is None:  # we were interrupted while it ran
            _stop(worker)


def _environment() -> dict[str, str]:
    # The packages must be found from any working directory; hashing of strings must not differ
    # between two runs, whatever a library builds from a set.
    paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "true",
        # Threads that spin at OpenMP's barriers hold the core another one needs: beside one busy
        # process training fell from 24,000 to 1,400 tokens/s on two cores; sleeping costs nothing.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    }


def _follow(
    worker: subprocess.Popen[bytes],
    kind: str,
    place: str,
    on_event: Callable[[dict[str, Any]], None],
    on_log: Callable[[str], None],
) -> Outcome:
    lines: queue.Queue[tuple[str, str]] = queue.Queue()
    readers = [_reader(worker.stdout, "event", lines), _reader(worker.stderr, "log", lines)]
    tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)
    last: dict[str, Any] = {}
    ended_at: float | None = None
    while True:
        with contextlib.suppress(queue.Empty):
            source, line = lines.get(timeout=POLL_SECONDS)
            event = _event(line) if source == "event" else None
            if event is None:
                tail.append(line)
                on_log(line)
            elif event["event"] in ("progress", "metric", "note"):
                on_event(event)
            else:
                last = event
            continue
        if ended_at is None and _has_ended(worker):
            ended_at = time.monotonic()
            _kill_group(worker.pid)  # children that outlive the worker would keep its pipes open
        if ended_at is not None:
            drained = not any(reader.is_alive() for reader in readers) and lines.empty()
            if drained or time.monotonic() - ended_at > PIPE_CLOSE_SECONDS:
                break
    _, status, usage = os.wait4(worker.pid, 0)
    worker.returncode = os.waitstatus_to_exitcode(status)
    _raise_failure(worker.returncode, last, "\n".join(tail), kind, place)
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Outcome(last["statistics"], usage.ru_utime + usage.ru_stime, peak_bytes)


def _raise_failure(code: int, last: dict[str, Any], log: str, kind: str, place: str) -> None:
    event = last.get("event")
    if event == "user_error":
        raise UserError(last["text"])
    if event == "disk_full":
        raise DiskFull(place)
    if event == "network_error":
        raise NetworkError(f"{kind}: {last['text']}")
    if code == 0 and event == "done":
        return
    rank_death = TORCHRUN_SIGNAL.search(log)
    if code < 0 or code > 128:  # shells and our training loop say a signal as 128 + number
        number = -code if code < 0 else code - 128
    else:
        number = int(rank_death.group(1)) if rank_death else 0
    if number:
        name = signal.Signals(number).name
        hint = " (out of memory?)" if number == signal.SIGKILL else ""
        raise WorkerKilled(f"{kind}: its process was ended by {name}{hint}")
    reason = next(
        (line for line in reversed(log.splitlines()) if line.strip()), f"exit code {code}"
    )
    raise StageFailed(f"{kind}: {reason.strip()}", log)


def _event(line: str) -> dict[str, Any] | None:
    """The event of a line; None if it is none (cut off by a kill, say)."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _reader(
    stream: IO[bytes] | None, source: str, lines: "queue.Queue[tuple[str, str]]"
) -> threading.Thread:
    assert stream is not None

    def read() -> None:
        for line in stream:
            lines.put((source, line.decode("utf-8", "replace").rstrip("\n")))

    thread = threading.Thread(target=read, name=f"worker-{source}s", daemon=True)
    thread.start()
    return thread


def _has_ended(worker: subprocess.Popen[bytes]) -> bool:
    # WNOWAIT leaves the process to wait4, which also tells what it used.
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, worker.pid, options) is not None


def _stop(worker: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(STOP_SECONDS)
        return
    _kill_group(worker.pid)
    worker.wait()


def _kill_group(leader_pid: int) -> None:
    # Only before the leader is reaped: until then nobody else can have got its number.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, signal.SIGKILL)
