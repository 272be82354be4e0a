"""A training run's figures as they come, to files and services that draw curves of them.

In: the rows of the tables `metrics` and `timing`, joined, under the tables' own names. Each sink
has a thread of its own, so that a full disk or a network that is gone holds up nothing; one that
fails is said in one line and left out from there on. The tables of the finished artifact are the
truth; what lies here can be deleted at any time.
"""

import dataclasses
import functools
import importlib
import importlib.util
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from flows.config_tables import LoggingConfig
from storage import Lake
from storage.errors import UserError

Row = Mapping[str, Any]  # of the tables `metrics` and `timing`, joined

FLUSH_SECONDS = 5.0  # between two writings of what waits in a sink's own buffer
CLOSE_SECONDS = 60.0  # a sink that does not end by then is left to itself
PATIENCE_SECONDS = 600.0  # a sink that takes no row for so long has failed


@dataclasses.dataclass(frozen=True)
class About:
    """A run, for whoever draws its curves."""

    name: str  # kind and digest of the artifact to be: the same at every try
    title: str
    recipe: dict[str, Any]
    project: str
    folder: Path  # of its own


class Sink(Protocol):
    """What draws curves. Any exception of it is its end, and no one else's."""

    def history(self, seconds: float) -> None:
        """The run begins, goes on or went back: its rows so far come anew, from the first.

        So far it has trained for so many seconds, by the clock of its rows.
        """

    def add(self, row: Row) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...


class Curves:
    """All sinks of one run."""

    def __init__(self, sinks: Mapping[str, Callable[[], Sink]]) -> None:
        self._feeds = [Feed(name, make) for name, make in sinks.items()]

    def history(self, seconds: float) -> None:
        """Rows from the first one follow."""
        for feed in self._feeds:
            feed.put(seconds)

    def add(self, row: Row) -> None:
        """A row of the run."""
        for feed in self._feeds:
            feed.put(row)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what waits; no longer than so many seconds."""
        for feed in self._feeds:
            feed.end()
        until = time.monotonic() + seconds
        for feed in self._feeds:
            feed.join(max(0.0, until - time.monotonic()))

    def failures(self) -> Iterator[str]:
        """A line for each sink that has failed, once."""
        for feed in self._feeds:
            if feed.failure and not feed.said:
                feed.said = True
                yield f"no more curves by {feed.name}: {feed.failure}; training goes on"


class Feed:
    """One sink and the thread that feeds it, from the first row on."""

    def __init__(self, name: str, make: Callable[[], Sink]) -> None:
        self.name, self.make = name, make
        self.failure, self.said = "", False
        self._rows: queue.Queue[Row | float | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._took_at = time.monotonic()

    def put(self, row: Row | float | None) -> None:
        """Hand over a row; a number: the rows of so many seconds follow; None: that was all."""
        if self.failure:
            return
        if self._thread is None:  # only training runs come here
            self._took_at = time.monotonic()
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        if time.monotonic() - self._took_at > PATIENCE_SECONDS + FLUSH_SECONDS:
            self.failure = f"it took no row for {PATIENCE_SECONDS:g} s"
        self._rows.put(row)

    def end(self) -> None:
        """No more rows come."""
        if self._thread is not None:
            self.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the thread's end."""
        if self._thread is None:
            return
        self._thread.join(seconds)
        if self._thread.is_alive() and not self.failure:
            self.failure = "it did not end in time"

    def _run(self) -> None:
        try:
            self._feed(self.make())
        except BaseException as error:
            self.failure = _in_one_line(error)

    def _feed(self, sink: Sink) -> None:
        flushed = time.monotonic()
        while not self.failure:
            try:
                row = self._rows.get(timeout=FLUSH_SECONDS)
            except queue.Empty:
                sink.flush()
                self._took_at = time.monotonic()
                continue
            self._took_at = time.monotonic()
            if row is None:
                sink.close()
                return
            if isinstance(row, Mapping):
                sink.add(row)
            else:
                sink.history(row)
            if time.monotonic() - flushed >= FLUSH_SECONDS:
                sink.flush()
                flushed = time.monotonic()


def check(config: LoggingConfig) -> None:
    """See, before anything runs, that the services that are asked for have their packages.

    Raises:
        UserError: one is not installed.
    """
    for name in ("wandb", "trackio"):
        if getattr(config, name) and importlib.util.find_spec(name) is None:
            raise UserError(
                f"logging.{name}: its package is not installed: pip install {name},"
                f" or set logging.{name}=false"
            )


def runs_folder(config: LoggingConfig, lake: Lake) -> Path:
    """Where a folder is made for each run."""
    return Path(config.folder).expanduser() if config.folder else lake.runs


def begin(config: LoggingConfig, about: About) -> Curves:
    """The sinks that are asked for; none begins, or is imported, before the first row comes."""
    made = {
        "tensorboard": ("flows.runner.event_files", "Tensorboard"),
        "wandb": ("flows.runner.trackers", "start_wandb"),
        "trackio": ("flows.runner.trackers", "start_trackio"),
    }
    sinks = {
        name: functools.partial(_made, module, maker, about)
        for name, (module, maker) in made.items()
        if getattr(config, name)
    }
    return Curves(sinks)


def _made(module: str, name: str, about: About) -> Sink:
    sink: Sink = getattr(importlib.import_module(module), name)(about)
    return sink


def figures(row: Row) -> dict[str, float]:
    """The row's numbers, but the step."""
    return {
        name: value
        for name, value in row.items()
        if name != "step" and isinstance(value, int | float) and not isinstance(value, bool)
    }


def _in_one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
