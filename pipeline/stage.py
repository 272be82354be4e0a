"""What every stage shares: the shape of its entry function and how it reports progress.

A stage is a module-level `Stage` that names its artifact kind, its version (bumped by hand when the
output changes) and its build function:

    build(out: Path, inputs: dict[str, list[Path]], config: C, progress: Progress,
          scratch: Path) -> dict

It writes files into the empty folder `out` and returns statistics: small, JSON, reproducible
to the byte. What a clock measures goes below `out/provenance/`. `scratch` outlives a killed run:
long stages keep their checkpoints there. `inputs` are folders of earlier artifacts, or input files.
A stage that says what it `reads` of them must read nothing else: no more is fetched for it from a
lake in an object store.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TextIO

from storage.reads import WHOLE, Read

Reads = Mapping[str, Sequence[Read]]  # by the key of an input


@dataclasses.dataclass(frozen=True)
class Stage:
    """One kind of artifact and how it is made."""

    kind: str
    version: int
    config: type
    build: Callable[..., dict[str, Any]]
    # Loads into memory what every build needs (lists, models). A stage that has one is built by a
    # host that loads once and forks for each build; see pipeline.worker.child.
    preload: Callable[[Any], None] | None = None
    # What of its inputs' files, by its config and the keys of what it is given; None = all of all.
    reads: Callable[[Any, Collection[str]], Reads] | None = None
    # What decides its output beside config and inputs, by the names of pipeline.data.
    data: tuple[str, ...] = ()

    @property
    def entry(self) -> str:
        """`module:function` by which a worker process finds the build function again."""
        return _entry(self.build)

    def read_of(self, key: str, config: Any, given: Collection[str]) -> Sequence[Read]:
        """What it reads of the artifacts under a key; all of one that it doesn't mention."""
        return WHOLE if self.reads is None else self.reads(config, given).get(key, WHOLE)

    @property
    def preload_entry(self) -> str:
        """The same for the preload function; "" if there is none."""
        return _entry(self.preload) if self.preload else ""


class Progress:
    """Writes one JSON line an event: the task that owns this process relays it to people.

    Events: progress (done, total, unit, and any numbers), history (a training run begins, goes on
    or went back: the rows so far follow), metric (a step's numbers), note (text).
    """

    def __init__(self, stream: TextIO | None = None, min_seconds: float = 0.5) -> None:
        self.stream = stream
        self.min_seconds = min_seconds
        self._last = 0.0

    def update(self, done: float, total: float | None, unit: str, **numbers: Any) -> None:
        """Say how far the work is; calls closer than `min_seconds` are dropped, the last never."""
        now = time.monotonic()
        if now - self._last < self.min_seconds and done != total:
            return
        self._last = now
        self._write({"event": "progress", "done": done, "total": total, "unit": unit, **numbers})

    def history(self, stage: str, rows: Iterable[dict[str, Any]]) -> None:
        """All rows of a training run so far; whatever was said of later steps isn't so any more."""
        known = list(rows)
        seconds = known[-1].get("seconds", 0.0) if known else 0.0
        self._write({"event": "history", "stage": stage, "rows": len(known), "seconds": seconds})
        for row in known:
            self._write({"event": "metric", "past": True, **_known(row)})

    def metric(self, stage: str, step: int, **numbers: float | None) -> None:
        """A row of a training run, for live curves: None is left out."""
        self._write({"event": "metric", "stage": stage, "step": step, **_known(numbers)})

    def note(self, text: str) -> None:
        """A line people should see once (a choice made, a warning)."""
        self._write({"event": "note", "text": text})

    def _write(self, event: dict[str, Any]) -> None:
        if self.stream is not None:
            self.stream.write(json.dumps(event) + "\n")
            self.stream.flush()


SILENT = Progress()


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _entry(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__name__}"
