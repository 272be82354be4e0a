"""What training runs on this machine have done so far: the event files that they write as they go.

In: the folder of all runs (`Lake.runs`), a folder a run, as `flows.runner.event_files` writes them.
Out: `LiveRun`s. A look reads what has been added since the last one. Of a run's files the newest
that holds figures has all of them; the ones before are cut when it begins.
"""

import dataclasses
import json
import re
import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.serve.live_run import LiveRun

if TYPE_CHECKING:  # loaded with the first run that is looked at
    from tensorboardX.proto.event_pb2 import Event

FILES = "events.out.tfevents.*"
NAME = re.compile(r"([a-z_]+)-([0-9a-f]{16})")
RECIPE = "recipe/text_summary"  # what `tensorboardX.summary.text` makes of the name
HEAD_BYTES, SUM_BYTES = 12, 4  # of a record: its length and that one's checksum; the data's
MOST_BYTES = 1 << 20  # of a record: what claims more is no event
MOST_RUNS = 20  # that were never finished, the newest; ours


@dataclasses.dataclass
class _Read:
    """How far a run's file was read, and what stood there."""

    path: Path
    at: int = 0  # bytes
    count: int = 0  # rows
    title: str = ""
    recipe: str = "{}"
    columns: dict[str, "array[float]"] = dataclasses.field(default_factory=dict)


class LiveRuns:
    """Of one lake; used by several threads at a time.

    Args:
        folder: of all runs; it need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._read: dict[str, _Read] = {}

    def look(self, is_finished: Callable[[str], bool]) -> list[LiveRun]:
        """The runs so far, the one that was heard of last first.

        Args:
            is_finished: tells of an artifact's short name whether the lake has it: those aren't
                read.
        """
        found: list[tuple[float, str, str, Path]] = []
        for folder in self.folder.glob("*-*"):
            if (name := NAME.fullmatch(folder.name)) and not is_finished(name[2]):
                files = sorted(folder.glob(FILES))
                if files:
                    found.append((_written(files[-1]), name[1], name[2], files[-1]))
        newest = sorted(found, reverse=True)[:MOST_RUNS]
        with self._lock:
            names = {artifact for _, _, artifact, _ in newest}
            self._read = {name: read for name, read in self._read.items() if name in names}
            return [self._run(kind, artifact, path, seen) for seen, kind, artifact, path in newest]

    def _run(self, kind: str, artifact: str, path: Path, seen: float) -> LiveRun:
        read = self._read.get(artifact)
        if read is None or read.path != path:
            read = self._read[artifact] = _Read(path)
        _read_on(read)
        columns = {name: np.array(values) for name, values in read.columns.items()}
        try:
            recipe = json.loads(read.recipe)
        except ValueError:
            recipe = {}
        recipe = recipe if isinstance(recipe, dict) else {}
        return LiveRun(kind, artifact, read.title or kind, recipe, seen, columns)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0


def _read_on(read: _Read) -> None:
    """Take in the whole records that have been added; half a one waits for the next look."""
    from google.protobuf.message import DecodeError
    from tensorboardX.proto.event_pb2 import Event

    try:
        with read.path.open("rb") as file:
            file.seek(read.at)
            data = file.read()
    except OSError:
        return
    at = 0
    while len(data) - at >= HEAD_BYTES:
        length = int.from_bytes(data[at : at + 8], "little")
        end = at + HEAD_BYTES + length + SUM_BYTES
        if length > MOST_BYTES or end > len(data):
            break
        try:
            _take(read, Event.FromString(data[at + HEAD_BYTES : end - SUM_BYTES]))
        except DecodeError:
            break
        at = end
    read.at += at


def _take(read: _Read, event: "Event") -> None:
    row: dict[str, float] = {}
    for value in event.summary.value:
        if value.WhichOneof("value") == "simple_value":
            row[value.tag] = value.simple_value
        elif value.tag == RECIPE and value.tensor.string_val:
            said = value.tensor.string_val[0].decode("utf-8", "replace")
            read.title, _, recipe = said.partition("\n\n")
            read.recipe = recipe.strip() or "{}"
    if not row:
        return
    row["step"] = event.step
    for name in row.keys() - read.columns.keys():
        read.columns[name] = array("d", [float("nan")] * read.count)
    for name, column in read.columns.items():
        column.append(row.get(name, float("nan")))
    read.count += 1
