"""A training run's events on their way to pictures and curves."""

import logging
import time

import pytest

from flows.runner import progress, ui
from flows.runner.curves import Curves


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(progress, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(ui, "attempt", lambda request: None)
    return progress.Relay("base", "base model")


def row(step, **rest):
    return {"event": "metric", "stage": "pretrain", "step": step, "loss": 1.0 * step, **rest}


def history(rows, seconds=0.0):
    return {"event": "history", "stage": "pretrain", "rows": rows, "seconds": seconds}


def steps(told):
    return [step for step, _ in told.points.get("loss", [])]


def test_the_picture_takes_few_points_and_every_validation(told, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    told.event(history(0))
    for step in range(1, 21):
        clock[0] += 0.125
        told.event(row(step, **({"validation_bits_per_byte": 1.0} if step == 3 else {})))
    assert steps(told) == [1, 3, 7, 11, 15, 19]


def test_a_run_that_goes_on_or_back_is_drawn_anew(told):
    told.event(history(0))
    told.event(row(9))
    told.event(history(3, seconds=2.0))
    for step in (1, 2, 3):
        told.event(row(step, past=True))
    assert steps(told) == [1, 2, 3]
    told.event(history(10_000))
    for step in range(1, 10_001):
        told.event(row(step, past=True))
    assert len(steps(told)) == 1_666


def test_curves_get_every_row_and_failures_are_said_once(monkeypatch, caplog):
    monkeypatch.setattr(progress, "get_run_logger", lambda: logging.getLogger("test"))
    got = []

    class Sink:
        def history(self, seconds):
            got.append(seconds)

        def add(self, row):
            got.append(row["step"])

        def flush(self):
            pass

        def close(self):
            raise OSError("gone")

    told = progress.Relay("base", "base model", Curves({"a": Sink}))
    told.event(history(0, seconds=1.5))
    for step in range(1, 8):
        told.event(row(step))
    with caplog.at_level("INFO"):
        told.done(1.0)
    assert got == [1.5, 1, 2, 3, 4, 5, 6, 7]
    lines = [r.message for r in caplog.records]
    assert lines == ["base: no more curves by a: OSError: gone; training goes on"]


@pytest.mark.parametrize(("beside", "expected"), [(1, 33), (12, 33), (80, 5), (1600, 0)])
def test_many_tasks_together_ask_no_more_than_one_alone(monkeypatch, beside, expected):
    """Progress of a hundred seconds, said eight times a second."""
    clock, asked = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(progress, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(ui, "attempt", lambda request: asked.append(clock[0]))
    told = progress.Relay("scan", "one of many", beside=beside)
    for done in range(800):
        clock[0] += 0.125
        told.event({"event": "progress", "done": done, "total": 800, "unit": "bytes"})
    assert len(asked) == expected
