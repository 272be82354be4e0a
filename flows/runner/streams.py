"""The three streams of a command line, whatever is at their other ends.

A closed or full stdout raises `OutputLost`, which nothing but the command line catches: a broken
pipe of its own is no failure of the network. What can't be encoded is escaped, what can't be
decoded becomes U+FFFD. Text of pages and models never commands a terminal.
"""

import contextlib
import io
import os
import sys
from typing import IO, Any

# Visible signs (Unicode's control pictures) for what a terminal would obey; \n and \t are text.
CONTROLS = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)}
CONTROLS |= {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


class OutputLost(Exception):
    """Nothing more can be written to stdout; `errno` says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"stdout: {error.strerror or error}")
        self.errno = error.errno


class Stdout(io.TextIOWrapper):
    """Says `OutputLost` where the file says OSError."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise OutputLost(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputLost(error) from error


def prepare() -> None:
    """Make the process's streams safe; once, at its start."""
    for number in (0, 1, 2):  # a closed one would be the next file that is opened
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    stdin: Any = sys.stdin or open(0)  # noqa: SIM115 — it lives as long as the process
    stderr: Any = sys.stderr or open(2, "w")  # noqa: SIM115
    stdout: Any = sys.stdout or open(1, "w")  # noqa: SIM115
    stdin.reconfigure(errors="replace")
    stderr.reconfigure(errors="backslashreplace")
    lines, through, encoding = stdout.line_buffering, stdout.write_through, stdout.encoding
    sys.stdin, sys.stderr = stdin, stderr
    sys.stdout = Stdout(
        stdout.detach(), encoding, "backslashreplace", line_buffering=lines, write_through=through
    )


def give_up_stdout() -> None:
    """What is still in its buffer goes nowhere, silently."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def is_plain(stream: IO[str]) -> bool:
    """Whether nothing but text may go there: no terminal, one without escape codes, or NO_COLOR."""
    if not stream.isatty():
        return True
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "") in ("", "dumb", "unknown")


def harmless(text: str) -> str:
    """The text with control characters made visible: no page and no model commands a terminal."""
    return text.translate(CONTROLS)
