"""What a person at a terminal sees of a run: one line a task, with rate and time left.

On a terminal the lines move (rich); into a file or a pipe each running task writes a line now and
then. Everything goes to stderr: stdout belongs to results. Without `shown()` nothing is written,
so that runs started by a Prefect worker leave only Prefect's log.
"""

import contextlib
import dataclasses
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from flows.runner import streams
from storage.redaction import redact

PLAIN_LINE_SECONDS = 15.0  # between two lines of one task, where lines can't move

# A stage's numbers, in the order in which they are shown.
SHOWN = {
    "loss": "loss {:.3f}",
    "bits_per_byte": "{:.3f} bits/byte",
    "reward": "reward {:.2f}",
    "tokens_per_second": "{:,.0f} tokens/s",
    "mfu": "MFU {:.0%}",
    "spent": "{:,.2f} spent",  # in money
}

_screen: "Screen | None" = None


class Screen:
    """The terminal, or its stand-in; shared by all tasks of the process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.moving = not streams.is_plain(sys.stderr)
        self.console = Console(stderr=True, highlight=False, force_terminal=self.moving)
        self.notes: set[str] = set()
        self.progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=self.console,
        )

    def say(self, text: str) -> None:
        """A line of text above the moving ones."""
        text = redact(text)
        with self.lock:
            if self.moving:
                self.progress.console.print(text, markup=False)
            else:
                with contextlib.suppress(OSError):  # nobody reads it: no reason to stop a run
                    print(text, file=sys.stderr, flush=True)


@dataclasses.dataclass
class Bar:
    """One task's line."""

    title: str
    started: float = dataclasses.field(default_factory=time.monotonic)
    row: TaskID | None = None
    written: float = dataclasses.field(default_factory=time.monotonic)
    first: float | None = None  # where it began: what an earlier run did says nothing of the rate

    def update(
        self,
        done: float,
        total: float | None,
        unit: str,
        numbers: Mapping[str, Any] | None = None,
    ) -> None:
        """Show how far the task is, and of a training run's numbers those that are known here."""
        if _screen is None:
            return
        if self.first is None:
            self.first, self.started = done, time.monotonic()
        figures = _figures(done, total, unit, done - self.first, time.monotonic() - self.started)
        figures = ", ".join([figures, *_said(numbers or {})])
        if _screen.moving:
            if self.row is None:
                self.row = _screen.progress.add_task(self.title, total=total, figures="")
            _screen.progress.update(self.row, completed=done, total=total, figures=figures)
        elif time.monotonic() - self.written >= PLAIN_LINE_SECONDS:
            self.written = time.monotonic()
            _screen.say(f"  … {self.title}: {figures}")

    def close(self, words: str) -> None:
        """Replace the moving line by its last words."""
        if _screen is None:
            return
        if self.row is not None:
            _screen.progress.remove_task(self.row)
        if words:
            _screen.say(words)


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Show the tasks' lines while this lasts."""
    global _screen
    if _screen is not None:
        yield
        return
    _screen = Screen()
    try:
        with _screen.progress if _screen.moving else contextlib.nullcontext():
            yield
    finally:
        _screen = None


def put_back() -> None:
    """Leave the terminal as it was, for a process that ends at once."""
    if _screen is not None and _screen.moving:
        with contextlib.suppress(Exception):
            _screen.progress.stop()


def say(text: str) -> None:
    """A line for the person at the terminal, if there is one."""
    if _screen is not None:
        _screen.say(text)


def note(text: str) -> None:
    """The same, but once: what eight tasks find out alike is one line."""
    if _screen is not None and text not in _screen.notes:
        _screen.notes.add(text)
        _screen.say(text)


def duration(seconds: float) -> str:
    """`8.3 s`, `4 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def _said(numbers: Mapping[str, Any]) -> list[str]:
    return [
        words.format(numbers[name])
        for name, words in SHOWN.items()
        if numbers.get(name) is not None
    ]


def _figures(done: float, total: float | None, unit: str, new: float, seconds: float) -> str:
    rate = new / seconds if seconds > 0 else 0.0
    if total is None:
        return f"{done:,.0f} {unit}, {rate:,.1f}/s"
    left = f", {duration((total - done) / rate)} left" if rate > 0 and done < total else ""
    return f"{done:,.0f}/{total:,.0f} {unit}, {rate:,.1f}/s{left}"
