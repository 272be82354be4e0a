"""Several updates a batch: each its part of the answers, the same bytes after any kill."""

import dataclasses
from collections import Counter
from typing import Any

import pytest
from toy_rl import reinforce

from pipeline.rl import kept_answers, policy_gradient, policy_update, sampled_batch
from pipeline.rl.config import RlConfig
from pipeline.rl.kept_answers import KeptAnswer
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=5,
    prompts_per_step=6,
    answers_per_prompt=4,
    max_new_tokens=12,
    tasks=("sum:1-2=1",),
    rate_factor=1.0,
    objective="dapo",
    updates_per_batch=2,
    precision="float32",
    threads=1,
    device="cpu",
    checkpoint_seconds=0.0,
)


def run(post_training, out, config=CONFIG, progress=SILENT, scratch=None):
    return reinforce(post_training.chat, out, config, progress, scratch)


def test_answers_come_back_as_they_were(tmp_path):
    kept = [
        KeptAnswer(3, [1, 2], [4, 5], [-0.1, -2.0 / 3.0], 0.1 + 0.2),
        KeptAnswer(4, [1], [4, 5, 6], [-0.1, 0.0, -0.5], 0.0, (True, False, True)),
    ]
    assert [answer.length for answer in kept] == [2, 2]
    kept_answers.keep(tmp_path / "answers.parquet", kept)
    assert kept_answers.read(tmp_path / "answers.parquet") == kept
    with pytest.raises(UserError, match="another number of processes"):
        kept_answers.read(tmp_path / "none.parquet")


def test_every_group_is_learned_from_once_and_later_updates_are_off_policy(
    post_training, tmp_path, easy, monkeypatch
):
    seen = []
    terms = policy_gradient.policy_terms

    def policy_terms(model, answers, *rest):
        seen.append(Counter(answer.group for answer in answers))
        return terms(model, answers, *rest)

    monkeypatch.setattr(policy_update, "policy_terms", policy_terms)
    statistics = run(post_training, tmp_path / "rl")
    parts = [dict.fromkeys((part, part + 2, part + 4), 4) for part in (0, 1)]
    assert seen == [parts[0], parts[1], parts[0], parts[1], parts[0]]
    rollouts = read_table(tmp_path / "rl" / "rollouts.parquet").to_pylist()
    assert sorted({row["step"] for row in rollouts}) == [1, 3, 5]
    assert len(rollouts) == statistics["answers"] == 3 * 24
    metrics = read_table(tmp_path / "rl" / "metrics.parquet").to_pylist()
    assert metrics[0]["reward"] == metrics[1]["reward"]  # of the batch that both learn from
    assert metrics[0]["mismatch_max"] < 1e-4 < metrics[1]["mismatch_max"]
    assert metrics[2]["mismatch_max"] < 1e-4
    learned = sum(row["length"] for row in rollouts if row["step"] < 5 or row["group"] % 2 == 0)
    assert statistics["tokens"] == learned


@pytest.mark.parametrize(("kills", "objective"), [((2, 2), "dapo"), ((3, 1), "gspo")])
def test_a_run_killed_between_two_updates_ends_in_the_same_bytes(
    post_training, tmp_path, easy, killed_after, kills, objective
):
    config = dataclasses.replace(CONFIG, objective=objective)
    whole = run(post_training, tmp_path / "whole", config)
    scratch = tmp_path / "scratch"
    for steps in kills:
        with pytest.raises(KeyboardInterrupt):
            run(post_training, tmp_path / "out", config, killed_after(steps), scratch)
    assert run(post_training, tmp_path / "out", config, SILENT, scratch) == whole
    for name in ("model.safetensors", "metrics.parquet", "rollouts.parquet", "rl_levels.parquet"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_no_batch_comes_twice_after_a_way_back(monkeypatch, tmp_path):
    """Numbers run on from where the run went wrong, be it in the middle of a batch."""
    drawn = []

    @dataclasses.dataclass
    class Fake:
        config: RlConfig

        def sample(self, number, rates):
            drawn.append(number)
            return [], []

    monkeypatch.setattr(sampled_batch, "keep", lambda *_: None)
    monkeypatch.setattr(sampled_batch, "kept_rows", lambda *_: [])
    for number in (0, 2, 4, 6, 7, 9, 11):  # 6 went wrong: back to a step where a batch begins
        sampler: Any = Fake(CONFIG)
        policy_update._batch(sampler, tmp_path, 0, number, 0)
    assert drawn == [0, 1, 2, 3, 4, 5, 6]
