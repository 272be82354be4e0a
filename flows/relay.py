"""Passes a worker's events on: to the terminal, to Prefect's log, and to Prefect's artifacts.

Progress becomes a progress artifact, training figures a picture that is drawn anew while the run
goes on. Both are throttled: each costs a request.
"""

import time
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from flows import publish, terminal

PROGRESS_SECONDS = 3.0
CURVE_SECONDS = 30.0
MAX_LOG_LINES = 200  # of a worker's stderr that reach Prefect's log, per task


class Relay:
    """For one task run."""

    def __init__(self, kind: str, title: str) -> None:
        self.kind, self.title = kind, title
        self.logger = get_run_logger()
        self.bar = terminal.Bar(title)
        self.progress_id: UUID | None = None
        self.progress_at = self.curve_at = time.monotonic()
        self.points: publish.Series = {}
        self.log_lines = 0

    def event(self, event: dict[str, Any]) -> None:
        """One event of the worker."""
        if event["event"] == "progress":
            self._progress(event["done"], event["total"], event["unit"], event)
        elif event["event"] == "metric":
            self._metric(event)
        else:
            self.logger.info(event["text"])
            terminal.note(f"  {event['text']}")

    def log(self, line: str) -> None:
        """One line of the worker's stderr."""
        self.log_lines += 1
        if self.log_lines <= MAX_LOG_LINES:
            self.logger.info(line)

    def done(self, seconds: float) -> None:
        """The artifact is committed."""
        if self.progress_id is not None:
            progress_id = self.progress_id
            publish.attempt(lambda: update_progress_artifact(progress_id, progress=100.0))
        self.bar.close(f"✓ {self.title}  ({terminal.duration(seconds)})")

    def failed(self, error: BaseException, may_pass: bool) -> None:
        """The attempt failed. What is final is said by whoever started the run, and only there."""
        self.bar.close(f"✗ {self.title}: {error}; trying again" if may_pass else "")

    def draw(self) -> None:
        """The curves so far."""
        self.curve_at = time.monotonic()
        publish.draw(f"curves-{_slug(self.kind)}", self.points, self.title)

    def _progress(
        self, done: float, total: float | None, unit: str, numbers: dict[str, Any]
    ) -> None:
        self.bar.update(done, total, unit, numbers)
        now = time.monotonic()
        if not total or now - self.progress_at < PROGRESS_SECONDS:
            return
        self.progress_at = now
        percent = min(100.0, 100.0 * done / total)
        if self.progress_id is None:
            key = f"progress-{_slug(self.kind)}"
            made = publish.attempt(
                lambda: create_progress_artifact(percent, key=key, description=self.title)
            )
            self.progress_id = made if isinstance(made, UUID) else None
        else:
            progress_id = self.progress_id
            publish.attempt(lambda: update_progress_artifact(progress_id, progress=percent))

    def _metric(self, event: dict[str, Any]) -> None:
        publish.add_points(self.points, event)
        if time.monotonic() - self.curve_at >= CURVE_SECONDS:
            self.draw()


def _slug(kind: str) -> str:
    return kind.replace("_", "-")
