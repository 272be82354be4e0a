"""Checkpoints beside the training: written by a thread, kept by rule, missed without harm."""

import errno
import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import newest
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE_SECONDS

from pipeline.model import Transformer
from pipeline.stage import Progress
from pipeline.training import checkpoint, state
from pipeline.training.checkpoint_manager import ANCHORS, CheckpointManager, Rhythm
from pipeline.training.config import OptimizerConfig
from pipeline.training.optimizers import build_optimizer
from storage.errors import UserError


class Bench:
    """A checkpoint manager whose writing can be held up or made to fail."""

    def __init__(self, model: Transformer, folder: Path, rhythm: Rhythm):
        self.model, self.stream = model, io.StringIO()
        self.failure: BaseException | None = None
        self.gate = threading.Event()
        self.gate.set()
        optimizer = build_optimizer(model, OptimizerConfig())
        progress = Progress(self.stream)
        self.manager = CheckpointManager(folder, model, optimizer, ["x"], rhythm, progress, self)

    writes = staticmethod(state.writes)
    snapshot = staticmethod(state.snapshot)
    restore = staticmethod(state.restore)
    forget = staticmethod(state.forget)

    def write(self, folder, step, tensors, meta, keep):
        self.gate.wait(PATIENCE_SECONDS)
        if self.failure is not None:
            raise self.failure
        state.write(folder, step, tensors, meta, keep)

    @property
    def notes(self) -> list[str]:
        return [json.loads(line)["text"] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def bench(tiny_model, tmp_path):
    def make(**rhythm: Any) -> Bench:
        return Bench(tiny_model, tmp_path / "scratch", Rhythm(**{"seconds": 0.0, **rhythm}))

    return make


def test_what_is_written_is_the_state_at_the_moment_of_saving(bench, tmp_path):
    held = bench()
    held.gate.clear()
    before = held.model.norm.weight.detach().clone()
    held.manager.save(5, {"a": 1})
    with torch.no_grad():
        held.model.norm.weight.mul_(3.0)
    assert held.manager.busy
    held.gate.set()
    held.manager.wait()
    assert not held.manager.busy
    found = newest(tmp_path / "scratch")
    assert found.step == 5
    assert torch.equal(found.tensors["model.norm.weight"], before)
    assert held.manager.resume() == (5, {"a": 1})
    assert torch.equal(held.model.norm.weight, before)


def test_the_clock_and_fixed_steps_decide_when():
    never = 1e9
    assert not Rhythm(never).fixed(100)
    rhythm = Rhythm(never, steps=30, keep_every=50, anchor_steps=40)
    assert [s for s in range(1, 101) if rhythm.fixed(s)] == [30, 40, 50, 60, 80, 90, 100]


def test_a_checkpoint_is_due_by_the_first_process_clock_when_nobody_is_writing(bench, monkeypatch):
    manager = bench(seconds=10.0, steps=7).manager
    manager.save(0, {})
    manager.wait()
    now = manager._saved_at
    for rank in (0, 1):
        monkeypatch.setattr(
            "pipeline.training.checkpoint_manager.distribution.rank", lambda rank=rank: rank
        )
        for seconds, late in ((9.9, False), (10.1, True)):
            monkeypatch.setattr(
                "pipeline.training.checkpoint_manager.time.monotonic",
                lambda later=seconds: now + later,
            )
            assert manager.waited is (late and rank == 0)
    for waited, busy, due in ((0, 0, 0), (1, 0, 1), (0, 1, 0), (1, 1, 0)):
        assert manager.due(6, bool(waited), bool(busy)) is bool(due)
        assert manager.due(7, bool(waited), bool(busy))  # a fixed step asks nobody


@given(
    st.sets(st.integers(0, 60), min_size=1),
    st.integers(1, 4),
    st.integers(0, 20),
    st.integers(0, 20),
    st.sets(st.integers(0, 60)),
)
def test_what_stays(steps, keep, every, anchor, records):
    rhythm = Rhythm(1.0, keep=keep, keep_every=every, anchor_steps=anchor)
    bests = sorted(records)
    kept = rhythm.kept(sorted(steps), bests)
    assert kept <= steps
    assert set(sorted(steps)[-keep:]) <= kept
    assert not bests or bests[-1] not in steps or bests[-1] in kept
    without = rhythm.kept(sorted(steps))
    for step in without:  # whatever the run goes back to, the best of then is there
        then = [best for best in bests if best <= step]
        assert not then or then[-1] not in steps or then[-1] in kept
    assert kept - without <= records
    if every:
        assert {s for s in steps if s and s % every == 0} <= kept
    if anchor:
        anchors = [s for s in sorted(steps) if s % anchor == 0]
        assert set(anchors[-ANCHORS:]) <= kept
    rule = keep + ANCHORS * bool(anchor) + 1
    assert len([s for s in without if not every or s % every]) <= rule
    assert len(kept) <= 2 * len(without) + 1


def test_with_each_checkpoint_stays_the_best_before_it():
    rhythm = Rhythm(1.0, keep=1, anchor_steps=10)
    steps = [5, 8, 10, 15, 20, 22, 25, 30]
    assert rhythm.kept(steps) == {10, 20, 30}
    assert rhythm.kept(steps, [5, 8, 15, 22]) == {8, 10, 15, 20, 22, 30}
    assert rhythm.kept(steps, [15, 20, 25]) == {10, 20, 25, 30}  # 20 is its own best


def test_a_fresh_runs_start_is_an_anchor(bench, tmp_path):
    one = bench(anchor_steps=10)
    assert one.manager.resume() == (0, {})
    one.manager.wait()
    assert checkpoint.steps(tmp_path / "scratch") == [0]
    assert bench().manager.resume() == (0, {})
    assert checkpoint.steps(tmp_path / "scratch") == [0]


def test_going_back_takes_the_newest_whole_anchor_and_deletes_what_came_after(bench, tmp_path):
    folder = tmp_path / "scratch"
    one = bench(anchor_steps=10, keep=3)
    for step in (0, 10, 20, 25, 30, 33):
        one.manager.save(step, {"step": step})
    one.manager.wait()
    assert checkpoint.steps(folder) == [10, 20, 25, 30, 33]
    (folder / "checkpoint-000000020.safetensors").write_bytes(b"damaged")
    assert one.manager.back(29) == (10, {"step": 10})
    assert checkpoint.steps(folder) == [10]
    with pytest.raises(UserError, match="no checkpoint at or before step 9"):
        one.manager.back(9)


def test_a_full_disk_is_said_once_and_older_ones_stay(bench, tmp_path):
    folder = tmp_path / "scratch"
    one = bench()
    one.manager.save(1, {})
    one.manager.save(2, {})
    one.failure = OSError(errno.ENOSPC, "No space left on device")
    for step in (3, 4, 5):
        one.manager.wait()
        one.manager.save(step, {})
    one.manager.wait()
    assert len(one.notes) == 1
    assert "disk full" in one.notes[0]
    assert str(folder) in one.notes[0]
    assert checkpoint.steps(folder) == [1, 2]
    one.failure = None
    one.manager.save(6, {})
    one.manager.wait()
    assert checkpoint.steps(folder) == [2, 6]
    assert one.notes[1:] == ["there is room for checkpoints again"]


def test_any_other_failure_ends_the_run(bench):
    one = bench()
    one.failure = PermissionError(errno.EACCES, "no")
    one.manager.save(1, {})
    with pytest.raises(PermissionError):
        one.manager.wait()
    one.manager.wait()  # said once


def test_the_copy_is_written_over_not_made_anew(bench):
    one = bench()
    one.manager.save(1, {})
    first = {name: tensor.data_ptr() for name, tensor in one.manager._copy.items()}
    one.manager.save(2, {})
    assert {name: tensor.data_ptr() for name, tensor in one.manager._copy.items()} == first
    one.manager.wait()


def test_the_state_that_is_taken_is_the_named_one_or_none(bench, tmp_path):
    one = bench(keep=1)
    weight = one.model.norm.weight.detach()
    for step in (2, 4):
        weight.fill_(step)
        one.manager.save(step, {}, [2])
    weight.fill_(5.0)
    one.manager.take(2)
    assert set(weight.tolist()) == {2.0}
    assert checkpoint.steps(tmp_path / "scratch") == [2, 4]
    with pytest.raises(UserError, match="step 3, the best, is not there"):
        one.manager.take(3)
