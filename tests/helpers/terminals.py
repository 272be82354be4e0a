"""`crawl2chat` at a terminal of its own: keys in, everything that is shown out."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from patience import PATIENCE_SECONDS

CLI = [sys.executable, "-m", "flows.cli"]
AGAIN_SECONDS = 30.0  # until a key is pressed again


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*CLI, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, **environment},
            preexec_fn=self._own_terminal,
        )
        os.close(slave)
        self.text = ""

    @staticmethod
    def _own_terminal() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in the background ignores it
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def say(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, words: str, times: int = 1, seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while self.text.count(words) < times:
            assert time.monotonic() < deadline, self.text
            self._read(0.2)

    def end(self, key: str = "", seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the end; `key`: pressed again now and then, as people do.

        Python looks for signals before it waits for a key: one that comes in between is not heard.
        """
        began = pressed = time.monotonic()
        while self.process.poll() is None and time.monotonic() < began + seconds:
            self._read(0.1)
            if key and time.monotonic() > pressed + AGAIN_SECONDS:
                pressed = time.monotonic()
                self.say(key)
        self._read(0.1)
        self.process.kill()
        os.close(self.master)
        return self.process.wait()

    def _read(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # the other end is closed
                self.text += os.read(self.master, 65536).decode("utf-8", "replace")


@pytest.fixture
def at_terminal() -> Iterator[Any]:
    opened: list[Terminal] = []

    def start(*arguments: str, **environment: str) -> Terminal:
        opened.append(Terminal(*arguments, **environment))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.process.kill()
