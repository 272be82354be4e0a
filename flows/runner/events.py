"""What a worker process says on its stdout, a JSON object a line, by the name in `event`.

`pipeline.stage.Progress` writes the first four while a stage runs; they go to people. The others
say how a build came to its end: `pipeline.worker.child` writes the last word of each build, and
`pipeline.worker.host` what surrounds it.
"""

import json
from typing import Any, Literal, NotRequired, TypedDict, cast


class ProgressEvent(TypedDict):
    """How far a stage is; it may have any numbers besides."""

    event: Literal["progress"]
    done: float
    total: float | None  # None: not known
    unit: str


class HistoryEvent(TypedDict):
    """A training run begins, continues or was rolled back; its rows so far follow."""

    event: Literal["history"]
    stage: str
    rows: int
    seconds: float  # that it has trained for


class MetricEvent(TypedDict):
    """A step of a training run, with the columns of `metrics` and `timing`."""

    event: Literal["metric"]
    step: int
    past: NotRequired[bool]  # of an earlier try


class NoteEvent(TypedDict):
    """A line that people should see once."""

    event: Literal["note"]
    text: str


class DoneEvent(TypedDict):
    """The stage is done."""

    event: Literal["done"]
    statistics: dict[str, Any]  # the stage's own
    peak_memory_bytes: int


class FailureEvent(TypedDict):
    """The build has failed in a way that has a name."""

    event: Literal["user_error", "disk_full", "network_error"]
    text: str


class TakenEvent(TypedDict):
    """A host has begun with a build."""

    event: Literal["taken"]


class EndedEvent(TypedDict):
    """A host's fork has ended."""

    event: Literal["ended"]
    code: int
    cpu_seconds: float


LiveEvent = ProgressEvent | HistoryEvent | MetricEvent | NoteEvent
LastWord = DoneEvent | FailureEvent | TakenEvent
WorkerEvent = LiveEvent | LastWord | EndedEvent


def event_of(line: str) -> WorkerEvent | None:
    """The event of a line; None if it is none (cut off by a kill, say)."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return cast(WorkerEvent, event) if isinstance(event, dict) and "event" in event else None
