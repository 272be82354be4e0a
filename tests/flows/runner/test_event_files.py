"""TensorBoard's files hold what the tables hold, each step once, whatever happened to the run."""

import itertools
import threading
import time

import pytest
from event_files import events, scalars
from patience import PATIENCE_SECONDS, eventually
from small_disk import small_disk  # noqa: F401

from flows.runner.curves import About, Curves
from flows.runner.event_files import Tensorboard


@pytest.fixture
def about(tmp_path):
    return About("base-0123", "base model", {"seed": 7}, "crawl2chat", tmp_path / "base-0123")


def row(step, past=False, **figures):
    told = {"event": "metric", "stage": "pretrain", "step": step, "seconds": step / 10}
    return {**told, **({"past": True} if past else {}), **figures}


def test_every_figure_by_its_own_name_and_step(about):
    sink = Tensorboard(about)
    sink.history(0.0)
    sink.add(row(3, loss=2.5, validation_bits_per_byte=1.25))
    sink.add(row(6, loss=float("nan"), tokens=4096))
    sink.close()
    (first, said), (second, then) = scalars(about.folder)
    assert (first, second) == (3, 6)
    assert said == {"loss": 2.5, "validation_bits_per_byte": 1.25, "seconds": pytest.approx(0.3)}
    assert then["loss"] != then["loss"]
    assert then["tokens"] == 4096
    head = events(about.folder)
    assert head[0].file_version == "brain.Event:2"
    assert head[1].session_log.status == 1  # START
    assert b'"seed": 7' in head[2].summary.value[0].tensor.string_val[0]


def test_a_resumed_run_and_one_that_went_back_hold_each_step_once(about):
    sink = Tensorboard(about)
    sink.history(0.0)
    for step in range(1, 9):
        sink.add(row(step, loss=1.0))
    sink.flush()  # killed: never closed
    resumed = Tensorboard(about)
    for reached in (5, 3):  # resumed after step 5; later it goes back to 3
        resumed.history(reached / 10)
        for step in range(1, reached + 1):
            resumed.add(row(step, past=True, loss=2.0))
        for step in range(reached + 1, 7):
            resumed.add(row(step, loss=3.0))
    resumed.close()
    found = scalars(about.folder)
    assert [step for step, _ in found] == [1, 2, 3, 4, 5, 6]
    assert [said["loss"] for _, said in found] == [2.0, 2.0, 2.0, 3.0, 3.0, 3.0]
    first, *_ = sorted(about.folder.iterdir())
    assert first.stat().st_size < 50


def test_a_try_in_the_second_of_the_one_before_has_a_file_of_its_own(about, monkeypatch):
    """Whose head isn't cut while it is written, which leaves a hole."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    for said in (2.0, 3.0):
        sink = Tensorboard(about)
        sink.history(0.0)
        sink.add(row(1, loss=said))
        sink.close()
    assert [figures["loss"] for _, figures in scalars(about.folder)] == [3.0]
    assert len(list(about.folder.iterdir())) == 2


def test_times_run_on_as_if_nothing_had_interrupted(about):
    sink = Tensorboard(about)
    sink.history(0.5)
    for step in (1, 2, 5):
        sink.add(row(step, past=True))
    sink.add(row(6))
    sink.close()
    times = [event.wall_time for event in events(about.folder) if event.step]
    assert times[-1] == pytest.approx(time.time(), abs=PATIENCE_SECONDS)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == pytest.approx([0.1, 0.3, 0.0], abs=0.5)
    assert gaps[:2] == pytest.approx([0.1, 0.3], abs=1e-3)


def test_what_is_written_can_be_seen_while_the_run_goes_on(about, monkeypatch):
    monkeypatch.setattr("flows.runner.curves.FLUSH_SECONDS", 0.05)
    curves = Curves({"tensorboard": lambda: Tensorboard(about)})
    curves.history(0.0)
    curves.add(row(1, loss=2.0))
    eventually(lambda: about.folder.is_dir() and scalars(about.folder))
    assert threading.active_count() > 1
    curves.close()
    assert [step for step, _ in scalars(about.folder)] == [1]


def test_a_full_disk_is_one_line_and_no_more(small_disk):  # noqa: F811
    about = About("base-1", "", {}, "", small_disk / "runs")
    curves = Curves({"tensorboard": lambda: Tensorboard(about)})
    curves.history(0.0)
    for step in range(1, 40_000):
        curves.add(row(step, **{f"figure_{n}": float(step) for n in range(20)}))
    curves.close()
    (line,) = curves.failures()
    assert "no more curves by tensorboard: OSError: [Errno 28]" in line
    assert list(curves.failures()) == []


def test_tensorboard_reads_it(about):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    sink = Tensorboard(about)
    sink.history(0.0)
    for step in range(1, 6):
        sink.add(row(step, loss=1.0 / step))
    sink.flush()
    looking_on = reader.EventAccumulator(str(about.folder)).Reload()
    assert [e.step for e in looking_on.Scalars("loss")] == [1, 2, 3, 4, 5]
    sink.history(0.2)
    for step in range(1, 5):
        sink.add(row(step, past=step < 3, loss=2.0 / step))
    sink.close()
    looking_on.Reload()
    found = [(e.step, round(e.value, 4)) for e in looking_on.Scalars("loss")]
    assert found == [(1, 2.0), (2, 1.0), (3, 0.6667), (4, 0.5)]
    assert "recipe/text_summary" in looking_on.Tags()["tensors"]
