"""What every stage shares: the shape of its entry function and how it reports progress.

A stage is a module-level `Stage` that names its artifact kind, its version (bumped by hand when the
output changes) and its build function:

    build(out: Path, inputs: dict[str, list[Path]], config: C, progress: Progress,
          scratch: Path) -> dict

It writes files into the empty folder `out` and returns statistics: small, JSON, reproducible
to the byte. What a clock measures goes below `out/provenance/`. `scratch` outlives a killed run:
long stages keep their checkpoints there. `inputs` are folders of earlier artifacts, or input files.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO


@dataclasses.dataclass(frozen=True)
class Stage:
    """One kind of artifact and how it is made."""

    kind: str
    version: int
    config: type
    build: Callable[..., dict[str, Any]]

    @property
    def entry(self) -> str:
        """`module:function` by which a worker process finds the build function again."""
        return f"{self.build.__module__}:{self.build.__name__}"


class Progress:
    """Writes one JSON line an event: the task that owns this process relays it to people.

    Events: progress (done, total, unit, and any numbers), metric (a step's numbers), note (text).
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

    def metric(self, stage: str, step: int, **numbers: float) -> None:
        """A training step's figures, for live curves."""
        self._write({"event": "metric", "stage": stage, "step": step, **numbers})

    def note(self, text: str) -> None:
        """A line people should see once (a choice made, a warning)."""
        self._write({"event": "note", "text": text})

    def _write(self, event: dict[str, Any]) -> None:
        if self.stream is not None:
            self.stream.write(json.dumps(event) + "\n")
            self.stream.flush()


SILENT = Progress()


def stderr_progress() -> Progress:
    """Progress for a stage run by hand."""
    return Progress(sys.stderr)
