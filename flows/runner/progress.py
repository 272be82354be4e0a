"""Passes a worker's events on: to the terminal, to Prefect's log, and to Prefect's artifacts.

Progress becomes a progress artifact, training figures a picture that is drawn anew while the run
goes on. Both are throttled: each costs a request, and a server takes some hundred a second from all
tasks together. The figures go to `curves` too, every row.
"""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from flows.runner import terminal, ui
from flows.runner.curves import Curves
from flows.runner.events import HistoryEvent, LiveEvent, MetricEvent
from storage.redaction import redact

PROGRESS_SECONDS = 3.0
MOST_PER_SECOND = 4.0  # progress of all tasks that run side by side
CURVE_SECONDS = 30.0
POINT_SECONDS = 0.5  # between two points of the picture, but for those with a validation
PAST_POINTS = 2_000  # of what an earlier try did, about
STOPPED_SECONDS = 10.0  # for the curves to be written, where the run has failed
MAX_LOG_LINES = 200  # of a worker's stderr that reach Prefect's log, per task


class Relay:
    """For one task run."""

    def __init__(
        self, kind: str, title: str, curves: Curves | None = None, beside: int = 1
    ) -> None:
        self.kind, self.title = kind, title
        self.every_seconds = max(PROGRESS_SECONDS, beside / MOST_PER_SECOND)
        self.curves = curves or Curves({})
        self.logger = get_run_logger()
        self.bar = terminal.Bar(title)
        self.progress_id: UUID | None = None
        self.progress_at = self.curve_at = time.monotonic()
        self.points: ui.Series = {}
        self.point_at = 0.0
        self.past, self.past_every = 0, 1
        self.log_lines = 0

    def event(self, event: LiveEvent) -> None:
        """One event of the worker."""
        if event["event"] == "progress":
            self._progress(event["done"], event["total"], event["unit"], event)
        elif event["event"] == "history":
            self._history(event)
        elif event["event"] == "metric":
            self._metric(event)
        else:
            self._note(event["text"])
        self._say_failures()

    def log(self, line: str) -> None:
        """One line of the worker's stderr."""
        self.log_lines += 1
        if self.log_lines <= MAX_LOG_LINES:
            self.logger.info(redact(line))

    def done(self, seconds: float) -> None:
        """The artifact is committed."""
        if self.progress_id is not None:
            progress_id = self.progress_id
            ui.attempt(lambda: update_progress_artifact(progress_id, progress=100.0))
        self.curves.close()
        self._say_failures()
        self.bar.close(f"✓ {self.title}  ({terminal.duration(seconds)})")

    def failed(self, error: BaseException, is_transient: bool) -> None:
        """The attempt failed. What is final is said by whoever started the run, and only there."""
        self.curves.close(STOPPED_SECONDS)
        self._say_failures()
        self.bar.close(f"✗ {self.title}: {error}; trying again" if is_transient else "")

    def draw(self) -> None:
        """The curves so far."""
        self.curve_at = time.monotonic()
        ui.draw(f"curves-{_slug(self.kind)}", self.points, self.title)

    def _progress(
        self, done: float, total: float | None, unit: str, numbers: Mapping[str, Any]
    ) -> None:
        self.bar.update(done, total, unit, numbers)
        now = time.monotonic()
        if not total or now - self.progress_at < self.every_seconds:
            return
        self.progress_at = now
        percent = min(100.0, 100.0 * done / total)
        if self.progress_id is None:
            key = f"progress-{_slug(self.kind)}"
            made = ui.attempt(
                lambda: create_progress_artifact(percent, key=key, description=self.title)
            )
            self.progress_id = made if isinstance(made, UUID) else None
        else:
            progress_id = self.progress_id
            ui.attempt(lambda: update_progress_artifact(progress_id, progress=percent))

    def _history(self, event: HistoryEvent) -> None:
        """A training run begins, goes on or went back; its rows so far follow."""
        self.curves.history(event["seconds"])
        self.points, self.past = {}, 0
        self.past_every = 1 + event["rows"] // PAST_POINTS

    def _metric(self, event: MetricEvent) -> None:
        self.curves.add(event)
        now = time.monotonic()
        if event.get("past"):
            self.past += 1
            wanted = self.past % self.past_every == 0
        else:
            wanted = now - self.point_at >= POINT_SECONDS
        if wanted or "validation_bits_per_byte" in event:
            self.point_at = now
            ui.add_points(self.points, event)
        if now - self.curve_at >= CURVE_SECONDS:
            self.draw()

    def _note(self, text: str) -> None:
        text = redact(text)
        self.logger.info(text)
        terminal.note(f"  {text}")

    def _say_failures(self) -> None:
        for line in self.curves.failures():
            self._note(f"{self.kind}: {line}")


def _slug(kind: str) -> str:
    return kind.replace("_", "-")
