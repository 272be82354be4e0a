"""TensorBoard's event files of a training run: its folder holds every step of it once.

Whenever the run begins, is resumed or goes back, its rows come anew; they go into a new file, and
the one before is cut to its head: a TensorBoard that looks on would wait for ever on a file that is
gone. It is told to forget what it had read.
"""

import json
import os
import time
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import text

from flows.runner.curves import About, Row, figures

FILES = "events.out.tfevents.*"
RECORD_BYTES = 16  # of a record beside its data: length and two checksums


class Tensorboard:
    """A sink of `curves`."""

    def __init__(self, about: About) -> None:
        self.about = about
        self._writer: EventsWriter | None = None
        self._began = 0.0  # when the run would have begun had nothing interrupted it

    def history(self, seconds: float) -> None:
        """A new file in the place of those before."""
        self.close()
        folder = self.about.folder
        folder.mkdir(parents=True, exist_ok=True)
        before = sorted(folder.glob(FILES))
        # Files are read in the order of their names: after the second come process and number. Two
        # tries may begin in one second, and no file of the run ever goes.
        suffix = f".{os.getpid()}.{len(before):04d}"
        self._began = time.time() - seconds
        self._writer = EventsWriter(str(folder / "events"), suffix)
        self._write(Event(session_log=SessionLog(status=SessionLog.START)))
        recipe = f"{self.about.title}\n\n    {json.dumps(self.about.recipe, sort_keys=True)}"
        self._write(Event(summary=text("recipe", recipe)))
        self._writer.flush()
        for file in before:
            _cut(file)

    def add(self, row: Row) -> None:
        """All figures of a step in one event."""
        values = [
            Summary.Value(tag=name, simple_value=value) for name, value in figures(row).items()
        ]
        when = self._began + row["seconds"] if row.get("past") else None
        self._write(Event(step=row["step"], summary=Summary(value=values)), when)

    def flush(self) -> None:
        """To the disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """The end of the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, event: Event, when: float | None = None) -> None:
        assert self._writer is not None
        event.wall_time = time.time() if when is None else when
        self._writer.write_event(event)


def _cut(path: Path) -> None:
    """Leave a file's first record, which says that it is an event file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little") + RECORD_BYTES
    os.truncate(path, min(length, path.stat().st_size))
