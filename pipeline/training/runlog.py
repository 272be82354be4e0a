"""What a training run knows of itself beside its tensors: rows so far, course, watch over losses.

To JSON in a checkpoint's notes and back, so that a resumed run tells its whole story and decides as
the undisturbed one would have.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pyarrow as pa

from pipeline.training.config import LoopConfig
from pipeline.training.course import Course
from pipeline.training.meter import TrainingMeter
from pipeline.training.run_records import MetricsRow, RunNotes, TimingRow, Usage
from pipeline.training.spikes import LOSS, Spikes


@dataclasses.dataclass
class RunLog:
    """A run so far, apart from its tensors."""

    done: int  # steps
    tokens: int  # seen, by all processes
    metrics: list[MetricsRow]
    timing: list[TimingRow]
    course: Course
    spikes: Spikes
    used: Usage  # by earlier processes
    best: float = math.inf  # validation bits per byte, measured …
    best_step: int | None = None  # … after this step
    without_gain: int = 0  # measurements since then
    validated: float | None = None  # the newest measurement

    @staticmethod
    def of(done: int, notes: RunNotes, config: LoopConfig, watched: str = LOSS) -> "RunLog":
        """A run as a checkpoint's notes tell it.

        Args:
            done: steps.
            notes: of the checkpoint; empty for a fresh run.
            config: what counts as a spike.
            watched: LOSS or GRAD_NORM.
        """
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
        log.best, log.best_step = notes.get("best", (math.inf, None))
        known = [row for row in metrics if row["validation_bits_per_byte"] is not None]
        log.validated = known[-1]["validation_bits_per_byte"] if known else None
        log.without_gain = sum(row["step"] > (log.best_step or 0) for row in known)
        return log

    def notes(self, meter: TrainingMeter) -> RunNotes:
        """What a checkpoint keeps of it; written while training continues, hence copies."""
        return {
            "metrics": list(self.metrics),
            "timing": list(self.timing),
            "tokens": self.tokens,
            "course": self.course.as_json(),
            "spikes": self.spikes.as_json(),
            "used": meter.used(),
            "best": (self.best, self.best_step),
        }

    def add(
        self, stage: str, step: Mapping[str, float], measured: float | None, timing: TimingRow
    ) -> None:
        """Append a row to both tables.

        Args:
            stage: whose run it is.
            step: the step's numbers, by columns of METRICS.
            measured: validation bits per byte, if measured after this step.
            timing: the row of the other table.
        """
        row = {
            "stage": stage,
            "step": self.done,
            "tokens": self.tokens,
            **step,
            "validation_bits_per_byte": measured,
            "rollbacks": self.course.rollbacks(self.done - 1),
        }
        self.validated = self.validated if measured is None else measured
        self.metrics.append(cast(MetricsRow, row))
        self.timing.append(timing)

    def rows(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """Both tables' rows, joined: what live curves are drawn from.

        Args:
            first: the index of the first row to give; -1: the newest one alone.
        """
        return ({**row, **timing} for row, timing in zip(self.metrics[first:], self.timing[first:]))

    def is_best(self, measured: float | None) -> bool:
        """Whether this validation is the best so far, which is then remembered."""
        if measured is None:
            return False
        if not measured < self.best:
            self.without_gain += 1
            return False
        self.best, self.best_step, self.without_gain = measured, self.done, 0
        return True

    def best_steps(self) -> list[int]:
        """The steps after which a validation was better than all before it, in order."""
        found: list[int] = []
        best = math.inf
        for row in self.metrics:
            measured = row["validation_bits_per_byte"]
            if measured is not None and measured < best:
                best = measured
                found.append(row["step"])
        return found

    def goes_on(self, config: LoopConfig) -> bool:
        """Whether there is a step to take: not all are done, nor is the patience at its end."""
        patience = config.early_stop_patience
        return self.done < config.steps and not 0 < patience <= self.without_gain


def kept_row(metrics: pa.Table, config: LoopConfig) -> MetricsRow:
    """The row of the step whose model a run ended with: the last, or that of the best validation.

    Args:
        metrics: of the run (METRICS).
        config: of its loop.
    """
    rows: list[MetricsRow] = metrics.to_pylist()
    best = rows[-1]
    if config.keep_best:
        measured = [(v, row) for row in rows if (v := row["validation_bits_per_byte"]) is not None]
        numbers = [pair for pair in measured if not math.isnan(pair[0])]
        best = min(numbers, key=lambda pair: pair[0], default=(0.0, best))[1]
    return best
