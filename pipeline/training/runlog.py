"""What a training run knows of itself beside its tensors: rows so far, course, watch over losses.

To JSON in a checkpoint's notes and back, so that a resumed run tells its whole story and decides as
the undisturbed one would have.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from pipeline.training.config import LoopConfig
from pipeline.training.course import Course
from pipeline.training.meter import TrainingMeter
from pipeline.training.spikes import LOSS, Spikes


@dataclasses.dataclass
class RunLog:
    """A run so far, apart from its tensors."""

    done: int
    tokens: int
    metrics: list[dict[str, Any]]
    timing: list[dict[str, Any]]
    course: Course
    spikes: Spikes
    used: dict[str, float]  # seconds and joules of earlier processes
    best: float = math.inf  # validation bits per byte, measured …
    best_step: int | None = None  # … after this step
    validated: float | None = None  # the newest measurement

    @staticmethod
    def of(done: int, notes: dict[str, Any], config: LoopConfig, watched: str = LOSS) -> "RunLog":
        """As a checkpoint's notes tell it."""
        spikes = Spikes(
            config.spike_window,
            config.spike_deviations if config.rollback_steps else 0.0,
            config.spike_nats,
            config.spike_patience,
            watched,
        )
        spikes.recall(notes.get("spikes", {}))
        course = Course.of_json(notes.get("course", []))
        metrics, timing = notes.get("metrics", []), notes.get("timing", [])
        log = RunLog(
            done, notes.get("tokens", 0), metrics, timing, course, spikes, notes.get("used", {})
        )
        log.best, log.best_step = notes.get("best", [math.inf, None])
        known = (row["validation_bits_per_byte"] for row in reversed(metrics))
        log.validated = next((value for value in known if value is not None), None)
        return log

    def notes(self, meter: TrainingMeter) -> dict[str, Any]:
        """What a checkpoint keeps of it; written while training goes on, hence copies."""
        return {
            "metrics": list(self.metrics),
            "timing": list(self.timing),
            "tokens": self.tokens,
            "course": self.course.as_json(),
            "spikes": self.spikes.as_json(),
            "used": meter.used(),
            "best": [self.best, self.best_step],
        }

    def add(
        self, stage: str, step: dict[str, float], measured: float | None, timing: dict[str, Any]
    ) -> None:
        """A row of both tables."""
        row: dict[str, Any] = {"stage": stage, "step": self.done, "tokens": self.tokens, **step}
        row["validation_bits_per_byte"] = measured
        self.validated = self.validated if measured is None else measured
        row["rollbacks"] = self.course.rollbacks(self.done - 1)
        self.metrics.append(row)
        self.timing.append(timing)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Both tables' rows, joined: what live curves are drawn from."""
        return (row | timing for row, timing in zip(self.metrics, self.timing))

    def is_best(self, measured: float | None) -> bool:
        """Whether this validation is the best so far, which is then remembered."""
        if measured is None or not measured < self.best:
            return False
        self.best, self.best_step = measured, self.done
        return True
