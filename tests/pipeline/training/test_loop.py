import io
import json
import math
import os
import signal
import types

import pytest
import torch
from checkpoints import newest

from pipeline.stage import SILENT, Progress
from pipeline.training import checkpoint, distribution
from pipeline.training.checkpoint_manager import CheckpointManager
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data_loader import Batch
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from storage.errors import UserError

OPTIMIZER = OptimizerConfig()


def batch_of(step: int) -> Batch:
    """Random tokens with a random mask: a pure function of the step."""
    generator = torch.Generator().manual_seed(step)
    tokens = torch.randint(300, (6, 17), generator=generator)
    mask = (torch.rand(6, 16, generator=generator) < 0.8).long()
    return Batch(tokens[:, :-1], tokens[:, 1:], mask, None)


def run(model, scratch, batches=batch_of, validate=None, progress=SILENT, **settings):
    config = LoopConfig(**{"steps": 12, "rows_per_step": 6, "warmup_steps": 2, **settings})
    optimizer = build_optimizer(model, OPTIMIZER)
    return train(
        model,
        optimizer,
        batches,
        config,
        stage="pretrain",
        scratch=scratch,
        progress=progress,
        validate=validate,
    )


def test_overfits_a_single_batch(tiny_model, tmp_path):
    batch = batch_of(0)
    metrics, _ = run(tiny_model, tmp_path, lambda step: batch, steps=60)
    losses = metrics["loss"].to_pylist()
    assert losses[0] > 5.0
    assert losses[-1] < 0.5


def told(stream):
    """What live curves are drawn from: (past rows, live rows) since each history."""
    found: list[tuple[list[dict], list[dict]]] = []
    for event in map(json.loads, stream.getvalue().splitlines()):
        if event["event"] == "history":
            assert event["stage"] == "pretrain"
            found.append(([], []))
        elif event["event"] == "metric":
            row = {k: v for k, v in event.items() if k not in ("event", "past")}
            found[-1][0 if event.get("past") else 1].append(row)
    return found


def test_live_curves_are_told_the_tables_rows_all_of_them(make_model, tmp_path):
    settings = {"log_every": 2, "validate_every": 5, "checkpoint_steps": 4}
    whole, stopped, resumed = io.StringIO(), io.StringIO(), io.StringIO()

    def tables(scratch, stream, batches=batch_of):
        made = run(
            make_model(), scratch, batches, lambda: 1.5, progress=Progress(stream), **settings
        )
        rows = zip(made[0].to_pylist(), made[1].to_pylist())
        return [{k: v for k, v in (a | b).items() if v is not None} for a, b in rows]

    expected = tables(tmp_path / "a", whole)
    assert told(whole) == [([], expected)]
    assert [row["step"] for row in expected] == [2, 4, 5, 6, 8, 10, 12]

    def failing(step):
        if step == 9:
            raise KeyError("killed")
        return batch_of(step)

    with pytest.raises(KeyError):
        tables(tmp_path / "b", stopped, failing)
    expected = tables(tmp_path / "b", resumed)
    ((past, live),) = told(resumed)
    assert [row["step"] for row in past] == [2, 4, 5, 6, 8]
    assert past + live == expected


def test_metrics_and_timing_rows(tiny_model, tmp_path):
    metrics, timing = run(tiny_model, tmp_path, log_every=5, validate_every=4, validate=lambda: 1.5)
    assert metrics["step"].to_pylist() == [4, 5, 8, 10, 12]
    assert metrics["validation_bits_per_byte"].to_pylist() == [1.5, None, 1.5, None, 1.5]
    assert metrics["tokens"].to_pylist() == [96 * step for step in (4, 5, 8, 10, 12)]
    assert set(metrics["stage"].to_pylist()) == {"pretrain"}
    assert timing["step"].to_pylist() == metrics["step"].to_pylist()
    seconds = timing["seconds"].to_pylist()
    assert seconds == sorted(seconds)
    assert all(speed > 0 for speed in timing["tokens_per_second"].to_pylist())


@pytest.mark.parametrize("micro_rows", [1, 4])
def test_accumulation_gives_the_same_curve(make_model, tmp_path, micro_rows):
    whole, _ = run(make_model(), tmp_path / "whole", steps=6)
    parts, _ = run(make_model(), tmp_path / "parts", steps=6, micro_rows=micro_rows)
    assert parts["loss"].to_pylist() == pytest.approx(whole["loss"].to_pylist(), abs=1e-4)


def test_clipping_bounds_the_update_not_the_reported_norm(make_model, tmp_path):
    free, _ = run(make_model(), tmp_path / "free", steps=3)
    clipped, _ = run(make_model(), tmp_path / "clipped", steps=3, max_grad_norm=1e-3)
    assert clipped["grad_norm"][0] == free["grad_norm"][0]
    assert clipped["grad_norm"][0].as_py() > 1e-3


def test_resuming_after_an_error_is_bitwise(make_model, tmp_path):
    undisturbed = make_model()
    expected, _ = run(undisturbed, tmp_path / "a", validate=lambda: 2.0, validate_every=3)

    def failing(step: int) -> Batch:
        if step == 8:
            raise OSError("disk gone")
        return batch_of(step)

    model = make_model()
    with pytest.raises(OSError, match="disk gone"):
        run(model, tmp_path / "b", failing, lambda: 2.0, validate_every=3, checkpoint_steps=3)
    resumed = make_model(seed=99)  # the weights come from the checkpoint
    seen = []

    def recording(step: int) -> Batch:
        seen.append(step)
        return batch_of(step)

    metrics, _ = run(resumed, tmp_path / "b", recording, lambda: 2.0, validate_every=3)
    assert seen == list(range(6, 12))
    assert metrics.equals(expected)
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(tensor, undisturbed.state_dict()[name]), name


@pytest.mark.parametrize("values", [[3.0, 2.0, 1.0], [math.nan] * 3])
def test_the_last_model_stays_where_no_earlier_one_was_better(make_model, tmp_path, values):
    measured = iter(values)
    kept, plain = make_model(), make_model()
    settings = {"steps": 6, "validate_every": 2}
    run(kept, tmp_path / "a", validate=lambda: next(measured), keep_best=True, **settings)
    run(plain, tmp_path / "b", **settings)
    for name, tensor in kept.state_dict().items():
        assert torch.equal(tensor, plain.state_dict()[name]), name


@pytest.mark.parametrize(
    ("values", "keep_best", "steps"),
    [
        ([2.0, 1.0, 3.0], True, [4]),
        ([2.0, 1.0, 3.0], False, []),
        ([3.0, 2.0, 1.0], True, [4]),  # the run ends with the last: nobody would read its state
    ],
)
def test_a_record_is_saved_whatever_the_clock_says(tiny_model, tmp_path, values, keep_best, steps):
    measured = iter(values)
    settings = {"steps": 6, "validate_every": 2, "checkpoint_seconds": 1e9, "checkpoint_keep": 1}
    settings |= {"checkpoint_keep_best": keep_best, "rollback_steps": 0}
    run(tiny_model, tmp_path, validate=lambda: next(measured), **settings)
    assert checkpoint.steps(tmp_path) == steps


def test_sigterm_saves_and_exits_with_143(make_model, tmp_path):
    def interrupted(step: int) -> Batch:
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch_of(step)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped:
        run(make_model(), tmp_path, interrupted)
    assert stopped.value.code == 143
    assert newest(tmp_path).step == 6
    assert signal.getsignal(signal.SIGTERM) is before
    metrics, _ = run(make_model(), tmp_path)
    expected, _ = run(make_model(), tmp_path / "undisturbed")
    assert metrics.equals(expected)


def test_divergence_stops_and_names_the_step(tiny_model, tmp_path):
    def poisoned(step: int) -> Batch:
        if step == 4:
            with torch.no_grad():
                tiny_model.norm.weight[0] = float("nan")
        return batch_of(step)

    with pytest.raises(UserError, match=r"pretrain: loss nan .* at step 5: .* look at batch 4"):
        run(tiny_model, tmp_path, poisoned, checkpoint_steps=1, rollback_steps=0)
    assert newest(tmp_path).step == 4


def test_another_runs_checkpoint_is_refused(make_model, tmp_path):
    def ended(step: int) -> Batch:
        os.kill(os.getpid(), 15)
        return batch_of(step)

    with pytest.raises(SystemExit):
        run(make_model(), tmp_path, ended)
    with pytest.raises(UserError, match="other settings"):
        run(make_model(), tmp_path, steps=13)


def test_a_batch_that_teaches_nothing_is_an_error(tiny_model, tmp_path):
    empty = batch_of(0)._replace(loss_mask=torch.zeros(6, 16, dtype=torch.long))
    with pytest.raises(RuntimeError, match="without a single token"):
        run(tiny_model, tmp_path, lambda step: empty)


@pytest.mark.parametrize(
    ("writes", "others_write", "saved"),
    [(False, False, [2, 4]), (False, True, [4]), (True, False, [4])],
)
def test_checkpoints_follow_the_first_process_clock(
    tiny_model, tmp_path, monkeypatch, writes, others_write, saved
):
    """As seen by the second of two processes, whose own clock says at every step that it is time.

    Step 2 is due by the first one's clock, step 4 by number. While anybody's disk is busy nobody
    may begin to wait for it.
    """
    second = types.SimpleNamespace(**{**vars(distribution), "rank": lambda: 1})
    monkeypatch.setattr("pipeline.training.checkpoint_manager.distribution", second)
    steps, sent = [], []

    def summed(values, device):
        if len(values) != 4:
            return values
        sent.append(values)
        others = (0.0, 0.0, float(len(sent) == 2), float(others_write))
        return [value + other for value, other in zip(values, others)]

    class Saved(CheckpointManager):
        busy = writes

        def save(self, step, notes, best=None):
            steps.append(step)

    monkeypatch.setattr(distribution, "sum_numbers", summed)
    monkeypatch.setattr("pipeline.training.loop.CheckpointManager", Saved)
    run(tiny_model, tmp_path, steps=5, checkpoint_seconds=0.0, checkpoint_steps=4, rollback_steps=0)
    assert steps == saved
    assert sent == [[0.0, 0.0, 0.0, float(writes)]] * 5  # its own clock has nothing to say
