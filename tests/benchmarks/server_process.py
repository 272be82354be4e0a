"""A server as a process of its own: started, waited for, its processor seconds counted, ended.

In: its command and address. Out: the process while it answers. What it prints goes to a file, whose
end is shown if it doesn't come up.
"""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence

import psutil

START_SECONDS = 120.0
LOOK_SECONDS = 0.02


@contextlib.contextmanager
def started(
    command: Sequence[str], url: str, cores: set[int], environment: Mapping[str, str]
) -> Iterator[psutil.Process]:
    """The server while it lasts, from when its /health answers with 200.

    Raises:
        SystemExit: it ends, or doesn't answer in time.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not healthy(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    said = log.read().decode("utf-8", "replace")[-4000:]
                    raise SystemExit(f"{' '.join(command)} doesn't answer at {url}:\n{said}")
                time.sleep(LOOK_SECONDS)
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def cpu_seconds(process: psutil.Process) -> float:
    """Of the process and its children, since they began."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        spent = one.cpu_times()
        total += spent.user + spent.system
    return total


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
