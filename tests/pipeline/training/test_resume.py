"""Bitwise resume at any step: across the ends of epochs and of groups of rows, between a checkpoint
and the next."""

import contextlib
import io
import itertools

import pyarrow as pa
import pytest
import torch
from checkpoints import newest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.stage import SILENT, Progress
from pipeline.training import checkpoint
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data_loader import PretrainData
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from pipeline.training.packing_groups import GroupLimits
from storage.errors import UserError

STEPS = 24
GROUPS = GroupLimits(tokens=2_000, documents=1_000, block_tokens=300)
SLOW = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking would train for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Killed(Exception):
    """Stands for SIGKILL: nothing in the loop knows it."""


class Trained:
    """A model trained until its end or until it is killed while it draws batch `kill_at`."""

    def __init__(self, model, tokens, scratch, kill_at=None, **changes):
        config = LoopConfig(
            **{"steps": STEPS, "rows_per_step": 40, "warmup_steps": 3, "log_every": 2}
            | {"validate_every": 5, "checkpoint_seconds": 1e9, "watchdog_seconds": 0.0}
            | changes
        )
        data = PretrainData(tokens, 32, BatchSizes.of(config), seed=3, limits=GROUPS)
        assert data.groups.count > 5
        self.rows_per_epoch = data.rows_per_epoch
        self.seen: list[torch.Tensor] = []
        self.noise: list[float] = []

        def batch_of(step):
            if step == kill_at:
                raise Killed
            self.noise.append(float(torch.rand(())))  # the run's random numbers go on as well
            batch = data.batch(step)
            self.seen.append(batch.tokens)
            return batch

        self.metrics: pa.Table | None = None
        optimizer = build_optimizer(model, OptimizerConfig())
        with contextlib.suppress(Killed):
            self.metrics, _ = train(
                model,
                optimizer,
                batch_of,
                config,
                stage="pretrain",
                scratch=scratch,
                progress=SILENT,
                validate=lambda: float(sum(p.detach().sum() for p in model.parameters())),
            )
        self.state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.state |= {f"optimizer {k}": t.clone() for k, t in optimizer.state_tensors().items()}


def same(one: Trained, other: Trained) -> bool:
    assert one.state.keys() == other.state.keys()
    return all(torch.equal(tensor, other.state[name]) for name, tensor in one.state.items())


@given(
    kills=st.lists(st.integers(0, STEPS - 1), min_size=1, max_size=3),
    rhythm=st.integers(1, 10),
    anchors=st.sampled_from([0, 4, 200]),
)
@SLOW
def test_any_kills_any_rhythm_the_same_bits(
    make_model, artifacts, tmp_path_factory, kills, rhythm, anchors
):
    tokens = artifacts["tokens"]
    torch.manual_seed(5)
    expected = Trained(make_model(), tokens, tmp_path_factory.mktemp("whole"))
    assert 2 * expected.rows_per_epoch < STEPS * 40  # it goes over the ends of two epochs
    scratch = tmp_path_factory.mktemp("killed")
    noise: list[float] = []
    for kill, seed in zip([*sorted(kills), None], itertools.count(9)):
        done = newest(scratch)
        # all but a fresh start's comes from the checkpoint
        torch.manual_seed(5 if done is None else 0)
        model = make_model(0 if done is None else seed)
        resumed = Trained(
            model, tokens, scratch, kill, checkpoint_steps=rhythm, rollback_steps=anchors
        )
        noise[0 if done is None else done.step :] = resumed.noise
    assert resumed.metrics is not None
    assert resumed.metrics.equals(expected.metrics)
    assert same(resumed, expected)
    assert noise == expected.noise


def test_killed_on_a_ramp_of_batch_sizes_the_same_bits(make_model, artifacts, tmp_path):
    # 8 rows for 4 steps, 16, 24 and 32 likewise, then 40: killed within the third size
    ramp = {"first_rows": 8, "ramp_fraction": 16 / STEPS}
    tokens = artifacts["tokens"]
    expected = Trained(make_model(), tokens, tmp_path / "whole", **ramp)
    Trained(make_model(), tokens, tmp_path / "killed", 10, checkpoint_steps=3, **ramp)
    resumed = Trained(make_model(9), tokens, tmp_path / "killed", checkpoint_steps=3, **ramp)
    assert [len(batch) for batch in expected.seen[2:18:4]] == [8, 16, 24, 32]
    assert len(resumed.seen) == STEPS - 9
    assert expected.metrics is not None
    assert resumed.metrics is not None
    assert resumed.metrics.equals(expected.metrics)
    assert same(resumed, expected)
    rows = [8] * 4 + [16] * 4 + [24] * 4 + [32] * 4 + [40] * 8
    seen = {step: sum(rows[:step]) * 32 for step in range(1, STEPS + 1)}
    metrics = expected.metrics.to_pylist()
    assert {row["step"]: row["tokens"] for row in metrics}.items() <= seen.items()
    assert metrics[-1]["tokens"] == seen[STEPS]


def test_retention_in_a_whole_run(make_model, artifacts, tmp_path):
    worst_first = iter([5.0, 3.0, 4.0, 4.5, 4.2, 4.1])

    model = make_model()
    data = PretrainData(artifacts["tokens"], 32, 40, seed=3)
    config = LoopConfig(
        steps=STEPS,
        rows_per_step=40,
        validate_every=4,
        checkpoint_steps=1,
        checkpoint_keep=1,
        checkpoint_keep_every=10,
        checkpoint_keep_best=True,
        rollback_steps=0,
    )
    optimizer = build_optimizer(model, OptimizerConfig())
    train(
        model,
        optimizer,
        data.batch,
        config,
        stage="pretrain",
        scratch=tmp_path,
        progress=SILENT,
        validate=lambda: next(worst_first),
    )
    steps = checkpoint.steps(tmp_path)
    assert steps == [8, 10, 20, STEPS - 1]  # the best, the multiples of ten, the newest
    best = checkpoint.load(tmp_path, 8)
    assert best is not None
    assert best.meta["notes"]["best"] == [3.0, 8]


STORY = {4: 5.0, 8: 3.0, 12: 4.0, 16: 3.0, 20: 3.5, 24: 3.25}  # validations by step


class Told:
    """A run whose validations are `STORY`'s, killed while it draws batch `kill_at`."""

    def __init__(self, model, tokens, scratch, kill_at=None, **changes):
        config = LoopConfig(
            **{"steps": STEPS, "rows_per_step": 40, "validate_every": 4, "rollback_steps": 0}
            | {"checkpoint_seconds": 1e9, "checkpoint_keep": 1, "checkpoint_steps": 3}
            | changes
        )
        data = PretrainData(tokens, 32, 40, seed=3)
        self.drawn: list[int] = []

        def batch_of(step):
            if step == kill_at:
                raise Killed
            self.drawn.append(step)
            return data.batch(step)

        said = io.StringIO()
        self.metrics: pa.Table | None = None
        with contextlib.suppress(Killed):
            self.metrics, _ = train(
                model,
                build_optimizer(model, OptimizerConfig()),
                batch_of,
                config,
                stage="pretrain",
                scratch=scratch,
                progress=Progress(said),
                validate=lambda: STORY[self.drawn[-1] + 1],
            )
        self.said = said.getvalue()
        self.state = {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_the_best_model_is_kept_whatever_kills_the_run(make_model, artifacts, tmp_path):
    tokens = artifacts["tokens"]
    last = Told(make_model(), tokens, tmp_path / "last")
    after_8 = Told(make_model(), tokens, tmp_path / "eight", 8)
    kept = Told(make_model(), tokens, tmp_path / "kept", keep_best=True)
    assert "the model is that of step 8, the best validation" in kept.said
    for name, tensor in kept.state.items():  # the first of equals, bit for bit
        assert torch.equal(tensor, after_8.state[name])
    assert not torch.equal(kept.state["norm.weight"], last.state["norm.weight"])
    assert kept.metrics is not None
    assert kept.metrics.equals(last.metrics)
    for kills in ([9], [3, 13, 23]):
        scratch = tmp_path / f"killed {kills}"
        for seed, kill in enumerate(kills):
            Told(make_model(seed), tokens, scratch, kill, keep_best=True)
        resumed = Told(make_model(7), tokens, scratch, keep_best=True)
        assert resumed.metrics is not None
        assert resumed.metrics.equals(kept.metrics)
        assert all(torch.equal(tensor, kept.state[name]) for name, tensor in resumed.state.items())


def test_a_run_without_gains_ends_early_and_a_resumed_one_at_the_same_step(
    make_model, artifacts, tmp_path
):
    tokens = artifacts["tokens"]
    whole = Told(make_model(), tokens, tmp_path / "whole", early_stop_patience=2)
    assert whole.drawn == list(range(16))
    assert "ended after step 16 of 24: the last 2 validations brought no gain" in whole.said
    Told(make_model(), tokens, tmp_path / "killed", 14, early_stop_patience=2)
    resumed = Told(make_model(3), tokens, tmp_path / "killed", early_stop_patience=2)
    assert resumed.drawn == list(range(12, 16))
    assert whole.metrics is not None
    assert resumed.metrics is not None
    assert resumed.metrics.equals(whole.metrics)
    assert all(torch.equal(tensor, whole.state[name]) for name, tensor in resumed.state.items())
    patient = Told(make_model(), tokens, tmp_path / "patient", early_stop_patience=5)
    assert patient.drawn == list(range(STEPS))


def test_a_choice_among_validations_needs_some(make_model, artifacts, tmp_path):
    model = make_model()
    data = PretrainData(artifacts["tokens"], 32, 40, seed=3)
    for choice in ({"keep_best": True}, {"early_stop_patience": 1}):
        with pytest.raises(UserError, match="nothing to validate on"):
            train(
                model,
                build_optimizer(model, OptimizerConfig()),
                data.batch,
                LoopConfig(rows_per_step=40, **choice),
                stage="sft",
                scratch=tmp_path,
                progress=SILENT,
            )
        with pytest.raises(UserError, match="validate_every"):
            LoopConfig(validate_every=0, **choice)
