"""What every stage shares: the contract of its build function and how it reports progress.

A stage is a module-level `Stage` that names its artifact kind, its version (bumped by hand when the
output changes) and its build function:

    build(out: Path, inputs: dict[str, list[Path]], config: C, progress: Progress,
          scratch: Path) -> Statistics

It writes files into the empty folder `out` and returns statistics: small, JSON, reproducible
to the byte, their keys named by a TypedDict. Of several processes under torchrun only the first
need return them; the others may return None. What a clock measures goes below `out/provenance/`.
`scratch` outlives a killed run: long stages keep their checkpoints there. `inputs` are folders of
earlier artifacts, or input files, by their key. A stage that declares what it `reads` of them must
read nothing else: no more is fetched for it from a lake in an object store.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, TextIO, TypeVar, cast

from storage.manifest import Manifest
from storage.reads import WHOLE, Read

Reads = Mapping[str, Sequence[Read]]  # by the key of an input
Statistics = TypeVar("Statistics", bound=Mapping[str, Any])  # a stage's TypedDict


@dataclasses.dataclass(frozen=True)
class Stage(Generic[Statistics]):
    """One kind of artifact and how it is made."""

    kind: str
    version: int
    config: type
    build: Callable[..., Statistics | None]
    # Loads into memory what every build needs (lists, models), once in the host that forks for each
    # build (pipeline.worker.host), and must start no thread there.
    preload: Callable[[Any], None] | None = None
    # Which files of its inputs it reads, by its config and the keys of its inputs; None: all.
    reads: Callable[[Any, Collection[str]], Reads] | None = None
    # Data that decides its output besides config and inputs, by the names of
    # pipeline.reference_data.
    data: tuple[str, ...] = ()
    # Fields of its config that change no byte: how an endpoint is asked, not what. They reach the
    # build, and neither digest nor manifest.
    aside: tuple[str, ...] = ()

    @property
    def entry(self) -> str:
        """`module:function`, by which a worker process finds the build function."""
        return _entry(self.build)

    def statistics_of(self, manifest: Manifest) -> Statistics:
        """The statistics of one of this stage's artifacts, with their types.

        Raises:
            ValueError: the manifest is of another kind.
        """
        if manifest.kind != self.kind:
            raise ValueError(f"{manifest.kind} {manifest.artifact} is no {self.kind}")
        return cast(Statistics, manifest.statistics)

    def read_of(self, key: str, config: Any, given: Collection[str]) -> Sequence[Read]:
        """What it reads of the artifacts under a key; everything of a key it doesn't mention.

        Args:
            key: of an input.
            config: the stage's.
            given: the keys of all inputs.
        """
        return WHOLE if self.reads is None else self.reads(config, given).get(key, WHOLE)

    @property
    def preload_entry(self) -> str:
        """`module:function` of the preload function; "" if there is none."""
        return _entry(self.preload) if self.preload else ""


class Progress:
    """Writes one JSON line for each event; the task that owns this process shows them to people.

    Events: progress (done, total, unit, and any numbers), history (a training run begins, continues
    or was rolled back: the rows so far follow), metric (a step's numbers), note (text).

    Args:
        stream: where to; None: nowhere.
        min_seconds: the least time between two progress events.
    """

    def __init__(self, stream: TextIO | None = None, min_seconds: float = 0.5) -> None:
        self.stream = stream
        self.min_seconds = min_seconds
        self._last = 0.0

    def update(self, done: float, total: float | None, unit: str, **numbers: Any) -> None:
        """Report how much is done; calls within `min_seconds` are dropped, except the last.

        Args:
            done: so far.
            total: of the same unit; None: unknown.
            unit: what is counted, in the plural.
            numbers: JSON to show beside it.
        """
        now = time.monotonic()
        if now - self._last < self.min_seconds and done != total:
            return
        self._last = now
        self._write({"event": "progress", "done": done, "total": total, "unit": unit, **numbers})

    def history(self, stage: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Report all rows of a training run so far; earlier reports of later steps are void.

        Args:
            stage: the run's name.
            rows: as `metric` is given them, with the time in `seconds`.
        """
        known = list(rows)
        seconds = known[-1].get("seconds", 0.0) if known else 0.0
        self._write({"event": "history", "stage": stage, "rows": len(known), "seconds": seconds})
        for row in known:
            self._write({"event": "metric", "past": True, **_known(row)})

    def metric(self, stage: str, step: int, **numbers: float | None) -> None:
        """Report a row of a training run, for live curves; None is left out."""
        self._write({"event": "metric", "stage": stage, "step": step, **_known(numbers)})

    def note(self, text: str) -> None:
        """Report a line that people should see once (a choice, a warning)."""
        self._write({"event": "note", "text": text})

    def _write(self, event: Mapping[str, Any]) -> None:
        if self.stream is not None:
            self.stream.write(json.dumps(event) + "\n")
            self.stream.flush()


SILENT = Progress()


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _entry(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__name__}"
