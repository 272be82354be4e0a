"""A run's own story: from notes and back, the best validation, the newest one."""

import json
import math
from typing import cast

import pytest
import torch

from pipeline.training.config import LoopConfig
from pipeline.training.matrix_rate import MatrixRate
from pipeline.training.meter import TrainingMeter
from pipeline.training.run_records import TimingRow
from pipeline.training.runlog import RunLog, kept_row
from storage.schemas import METRICS
from storage.tables import table

CONFIG = LoopConfig(steps=10, rows_per_step=2)
STEP = {"loss": 2.0, "lr": 0.1, "grad_norm": 1.0}


def meter() -> TrainingMeter:
    return TrainingMeter(torch.device("cpu"), MatrixRate(1e9), 0, {})


def rows_of(log: RunLog, measured: list[float | None]) -> RunLog:
    for value in measured:
        log.done += 1
        log.tokens += 32
        log.add("pretrain", STEP, value, cast(TimingRow, {"step": log.done}))
        log.is_best(value)
    return log


def test_a_fresh_run_has_nothing() -> None:
    log = RunLog.of(0, {}, CONFIG)
    assert (log.done, log.tokens, log.metrics, log.timing, log.used) == (0, 0, [], [], {})
    assert (log.best, log.best_step, log.validated) == (math.inf, None, None)


def test_rows_carry_step_tokens_and_what_was_measured() -> None:
    log = rows_of(RunLog.of(0, {}, CONFIG), [None, 1.5])
    assert [(row["step"], row["tokens"]) for row in log.metrics] == [(1, 32), (2, 64)]
    assert [row["validation_bits_per_byte"] for row in log.metrics] == [None, 1.5]
    assert {row["stage"] for row in log.metrics} == {"pretrain"}
    assert {row["rollbacks"] for row in log.metrics} == {0}
    assert [row["loss"] for row in log.metrics] == [2.0, 2.0]
    assert log.timing == [{"step": 1}, {"step": 2}]


def test_the_best_is_the_least_and_the_first_of_equals() -> None:
    log = RunLog.of(0, {}, CONFIG)
    log.done = 3
    assert log.is_best(1.5)
    log.done = 4
    assert not log.is_best(1.5)
    assert not log.is_best(math.nan)
    assert not log.is_best(None)
    assert (log.best, log.best_step) == (1.5, 3)
    log.done = 5
    assert log.is_best(1.25)
    assert (log.best, log.best_step) == (1.25, 5)


def test_the_newest_measurement_is_remembered() -> None:
    log = rows_of(RunLog.of(0, {}, CONFIG), [1.5, 1.7, None])
    assert log.validated == 1.7
    again = RunLog.of(3, json.loads(json.dumps(log.notes(meter()))), CONFIG)
    assert again.validated == 1.7
    assert (again.best, again.best_step) == (1.5, 1)
    assert (again.done, again.tokens) == (3, 96)
    assert again.metrics == log.metrics
    assert again.timing == log.timing
    assert set(again.used) == {"seconds", "joules"}


def test_notes_do_not_grow_with_the_run() -> None:
    """A checkpoint is written while training goes on."""
    log = rows_of(RunLog.of(0, {}, CONFIG), [1.5])
    notes = log.notes(meter())
    rows_of(log, [1.4])
    assert len(notes["metrics"]) == len(notes["timing"]) == 1


def test_without_rollbacks_no_spike_is_one() -> None:
    """Deviations of 0 switch the watch off; a loss that is no number stays one."""
    for steps, judged in ((0, False), (2, True)):
        config = LoopConfig(steps=300, rows_per_step=2, rollback_steps=steps, spike_patience=1)
        log = RunLog.of(0, {}, config)
        for step in range(config.spike_window + 1):
            assert not log.spikes.judge(2.0 + 0.001 * (step % 3), 1.0)
        assert bool(log.spikes.judge(50.0, 1.0)) is judged


def test_records_in_order_and_the_validations_since() -> None:
    log = rows_of(RunLog.of(0, {}, CONFIG), [5.0, None, 3.0, 3.0, math.nan, 4.0])
    assert log.best_steps() == [1, 3]
    assert (log.best_step, log.without_gain) == (3, 3)
    again = RunLog.of(6, json.loads(json.dumps(log.notes(meter()))), CONFIG)
    assert (again.best_step, again.without_gain, again.best_steps()) == (3, 3, [1, 3])
    assert rows_of(again, [2.0]).without_gain == 0


@pytest.mark.parametrize(
    ("done", "without_gain", "patience", "expected"),
    [(9, 9, 0, True), (10, 0, 0, False), (9, 2, 3, True), (9, 3, 3, False), (10, 0, 3, False)],
)
def test_a_run_goes_on_until_its_steps_or_its_patience_end(
    done: int, without_gain: int, patience: int, expected: bool
) -> None:
    log = RunLog.of(done, {}, CONFIG)
    log.without_gain = without_gain
    assert log.goes_on(LoopConfig(steps=10, early_stop_patience=patience)) is expected


@pytest.mark.parametrize(
    ("measured", "keep_best", "expected"),
    [
        ([5.0, None, 3.0, 3.0, 4.0], True, 3),  # the first of equals
        ([5.0, None, 3.0, 3.0, 4.0], False, 5),
        ([math.nan, 3.0, math.nan, 4.0], True, 2),
        ([math.nan, None], True, 2),  # none is a number: the run kept its last model
    ],
)
def test_the_row_of_the_model_that_a_run_ended_with(
    measured: list[float | None], keep_best: bool, expected: int
) -> None:
    log = rows_of(RunLog.of(0, {}, CONFIG), measured)
    config = LoopConfig(steps=10, keep_best=keep_best)
    assert kept_row(table(log.metrics, METRICS), config)["step"] == expected
    if keep_best:  # as the loop decides
        assert expected == (log.best_step or log.done)
