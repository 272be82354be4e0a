"""A process of our own, its two streams read by threads, ended as one group with its children."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
from typing import IO

from flows.runner.environment import child_environment, command

PIPE_CLOSE_SECONDS = 5.0
STOP_SECONDS = 10.0  # that a training loop gets to save a checkpoint when the run is cancelled


class WorkerProcess:
    """`python -m` something, which gives events and a log, and may take lines."""

    def __init__(self, module: str, argument: str, takes_lines: bool = False) -> None:
        self.environment = worker_environment()
        self._process = subprocess.Popen(
            command(module, argument),
            stdin=subprocess.PIPE if takes_lines else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that it and its children can be ended as one group
            env=self.environment,
        )
        self.lines: queue.Queue[tuple[str, str]] = queue.Queue()  # (event or log, the line)
        self._readers = [
            _reader(self._process.stdout, "event", self.lines),
            _reader(self._process.stderr, "log", self.lines),
        ]

    @property
    def is_reaped(self) -> bool:
        return self._process.returncode is not None

    @property
    def is_drained(self) -> bool:
        """Whether there is no line left and there will be none."""
        return not any(reader.is_alive() for reader in self._readers) and self.lines.empty()

    def send(self, line: str) -> None:
        """A line on its stdin; a process that is dead is noticed by whoever follows it."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def has_ended(self) -> bool:
        """Whether it is dead; what it used is still to be asked of `reap`."""
        # WNOWAIT leaves the process to wait4, which also tells what it used.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return self.is_reaped or os.waitid(os.P_PID, self._process.pid, options) is not None

    def kill_group(self) -> None:
        """SIGKILL to it and its children."""
        # Only before the leader is reaped: until then nobody else can have got its number.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def reap(self) -> tuple[int, float]:
        """Wait for its end: exit code and CPU seconds, children included."""
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode, usage.ru_utime + usage.ru_stime

    def stop(self) -> None:
        """End it, with a moment to save what it has."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
            return
        self.kill_group()
        self._process.wait()

    def end(self) -> None:
        """End it at once: it has nothing to save."""
        self.kill_group()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def worker_environment() -> dict[str, str]:
    """The variables of a worker that would start now."""
    return {
        **child_environment(),
        # Hashing of strings must not differ between two runs, whatever a library builds from a set.
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "true",
        # Threads that spin at OpenMP's barriers hold the core another one needs: beside one busy
        # process training fell from 24,000 to 1,400 tokens/s on two cores; sleeping costs nothing.
        # Nor a short spin first (GOMP_SPINCOUNT=5000): 6% sooner alone, 45% later beside others.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        # One arena of memory for all threads, which keeps what is freed (training/allocator.py):
        # of those that glibc makes for each thread it returns whole pieces, and each training step
        # pays for them again (2,000 page faults a step of the demo, 140 with one). It must be known
        # before the process begins.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "1"),
    }


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
