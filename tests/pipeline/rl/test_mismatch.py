"""Sampler against trainer: figures by hand; what trains on quietly elsewhere ends a run here."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from toy_rl import reinforce

from pipeline.model import sampling
from pipeline.model.engine import Engine
from pipeline.rl import mismatch, policy_gradient, policy_update, sampled_batch
from pipeline.rl.config import RlConfig
from pipeline.rl.mismatch import Mismatch, MismatchFigures
from pipeline.rl.sampled_batch import Sampler
from pipeline.stage import SILENT
from pipeline.training import distribution
from storage.errors import UserError
from storage.tables import read_table

CPU = torch.device("cpu")
CONFIG = RlConfig(
    steps=2,
    prompts_per_step=6,
    answers_per_prompt=4,
    max_new_tokens=16,
    tasks=("sum:1-2=1",),
    rate_factor=1.0,
    precision="float32",
    threads=1,
    device="cpu",
)


def noted(*parts, limit=0.1):
    found = Mismatch(limit)
    for number, (nats, sampled, clipped) in enumerate(parts):
        found.note(number, torch.tensor(nats), torch.tensor(sampled), torch.tensor(clipped))
    return found


FIRST = ([1.0, 2.0, 3.0], [-1.0, -2.25, -3.0], [False, True, False])
SECOND = ([math.inf, math.nan], [-1.0, -1.0], [True, True])


def test_figures_by_hand():
    """Apart by 0, 0.25, 0; then one that can't be drawn and one that is no number."""
    found = noted(FIRST, SECOND).figures(CPU)
    assert found == MismatchFigures(tokens=4, apart=0.25, beyond=2, clipped=2, largest=0.25)
    assert found.logged() == {
        "mismatch_max": 0.25,
        "mismatch_mean": 0.0625,
        "clipped_share": 0.5,
    }


def test_nothing_that_was_learned_from_has_no_figures():
    assert noted().figures(CPU) is None
    assert noted(([math.nan], [-1.0], [False])).figures(CPU) is None


def test_of_processes_the_farthest_counts(monkeypatch):
    sent = []

    def summed(values, device):
        sent.append(values)
        return [value * 2 for value in values[:4]] + [0.125, values[5]]

    monkeypatch.setattr(distribution, "sum_numbers", summed)
    monkeypatch.setattr(distribution, "world", lambda: 2)
    monkeypatch.setattr(distribution, "rank", lambda: 1)
    found = noted(FIRST).figures(CPU)
    assert sent == [[3, 0.25, 1, 1, 0.0, 0.25]]
    assert found == MismatchFigures(6, 0.5, 2, 2, 0.25)


def test_beyond_the_limit_a_run_ends_in_one_line():
    good = MismatchFigures(1000, 0.1, 0, 0, 9e-5)
    good.check(1e-4, top_k=0)
    bad = dataclasses.replace(good, beyond=1, largest=2e-4)
    with pytest.raises(UserError, match=r"up to 2.0e-04 nats on a token, 0.1% .* 0.0001") as e:
        bad.check(1e-4, top_k=0)
    assert "\n" not in str(e.value)
    # of a truncated distribution some tokens lie at the edge
    dataclasses.replace(bad, beyond=10).check(1e-4, top_k=5)
    with pytest.raises(UserError, match="disagree"):
        dataclasses.replace(bad, beyond=11).check(1e-4, top_k=5)


def run(post_training, folder, **changes):
    return reinforce(post_training.chat, folder, dataclasses.replace(CONFIG, **changes))


@pytest.mark.usefixtures("torch_restored")
@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 0)])
def test_a_run_logs_how_far_they_are_apart(post_training, tmp_path, easy, temperature, top_k):
    run(post_training, tmp_path / "rl", temperature=temperature, top_k=top_k)
    for row in read_table(tmp_path / "rl" / "metrics.parquet").to_pylist():
        assert 0.0 < row["mismatch_mean"] < row["mismatch_max"] < 1e-4
        assert row["clipped_share"] == 0.0


def forgets_the_temperature(monkeypatch):
    made = policy_gradient.UpdateRule
    monkeypatch.setattr(policy_update, "UpdateRule", lambda _, *rest: made(1.0, *rest))


def forgets_to_renormalise(monkeypatch):
    made = policy_gradient.UpdateRule
    monkeypatch.setattr(
        policy_update, "UpdateRule", lambda temperature, _, *rest: made(temperature, 0, *rest)
    )


def samples_by_old_weights(monkeypatch):
    def stale(model):
        own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict({name: 1.02 * tensor for name, tensor in own.items()})
        made: Any = Engine(model)
        generate = made.generate

        def generated(*given, **more):
            try:
                return generate(*given, **more)
            finally:
                model.load_state_dict(own)

        made.generate = generated
        return made

    monkeypatch.setattr(sampled_batch, "Engine", stale)


@pytest.mark.usefixtures("torch_restored")
@pytest.mark.parametrize(
    "flaw", [forgets_the_temperature, forgets_to_renormalise, samples_by_old_weights]
)
def test_known_silent_bugs_end_a_run(post_training, tmp_path, easy, monkeypatch, flaw):
    flaw(monkeypatch)
    with pytest.raises(UserError, match="sampler and trainer disagree"):
        run(post_training, tmp_path / "rl", temperature=0.7, top_k=12)


@pytest.mark.usefixtures("torch_restored")
def test_a_limit_of_zero_only_logs(post_training, tmp_path, easy, monkeypatch):
    forgets_the_temperature(monkeypatch)
    run(post_training, tmp_path / "rl", temperature=0.7, mismatch_limit=0.0)
    rows = read_table(tmp_path / "rl" / "metrics.parquet").to_pylist()
    assert all(row["mismatch_max"] > 1e-2 for row in rows)


def test_in_bf16_it_is_reported(chat_model, tmp_path, easy):
    model, tokenizer = chat_model
    model.compute_dtype = torch.bfloat16
    loss = policy_update.step_loss(Sampler(model, tokenizer, CONFIG), None, tmp_path, SILENT, 0, 0)
    for term in loss.terms:
        term()
    assert 1e-4 < loss.learned()["mismatch_max"] < 1.0


def test_the_share_at_the_edge_is_small():
    assert mismatch.MOST_TIED <= 0.01
    assert sampling.kept_scores(torch.tensor([1.0, 2.0, 2.0]), 1.0, 1).isfinite().sum() == 2
