"""The stage: reward rises, figures are logged, kills change nothing, hopeless starts are named."""

import dataclasses
import io
import json
from math import nan
from typing import Any

import pytest
import torch
import torch.utils.checkpoint
from toy_rl import reinforce

from pipeline import model as models
from pipeline.rl import train as rl
from pipeline.rl.config import RlConfig
from pipeline.stage import SILENT, Progress
from pipeline.training.config import OptimizerConfig
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=6,
    prompts_per_step=6,
    answers_per_prompt=4,
    max_new_tokens=16,
    tasks=("sum:1-2=1",),
    rate_factor=1.0,
    precision="float32",
    threads=1,
    device="cpu",
    checkpoint_seconds=0.0,
)


def run(post_training, out, config=CONFIG, progress=SILENT, scratch=None):
    return reinforce(post_training.chat, out, config, progress, scratch)


def test_reward_rises_and_everything_is_logged(post_training, tmp_path, easy):
    config = dataclasses.replace(CONFIG, steps=25, prompts_per_step=12, checkpoint_seconds=1e9)
    statistics = run(post_training, tmp_path / "rl", config)
    metrics = read_table(tmp_path / "rl" / "metrics.parquet").to_pylist()
    rewards = [row["reward"] for row in metrics]
    assert sum(rewards[-5:]) > sum(rewards[:5]) + 0.5
    for name in ("length", "entropy", "worked_share", "flat_group_share", "loss", "grad_norm"):
        assert all(row[name] is not None for row in metrics), name
    assert [row["step"] for row in metrics] == list(range(1, 26))
    rollouts = read_table(tmp_path / "rl" / "rollouts.parquet").to_pylist()
    assert len(rollouts) == 25 * 12 * 4 == statistics["answers"]
    for step in (1, 25):
        of = [row for row in rollouts if row["step"] == step]
        assert sum(row["reward"] for row in of) / 48 == pytest.approx(metrics[step - 1]["reward"])
        for group in range(12):
            values = [row["advantage"] for row in of if row["group"] == group]
            assert len(values) == 4
            assert sum(values) == pytest.approx(0.0, abs=1e-9)
    assert statistics["start"]["reward"] == metrics[0]["reward"]
    assert statistics["end"]["reward"] == metrics[-1]["reward"]
    assert "entropy" in statistics["end"]  # which is another after each step, unlike the reward
    assert statistics["end"] == {name: metrics[-1][name] for name in statistics["end"]}
    _, tokenizer = models.load(tmp_path / "rl")
    assert tokenizer.has_conversation_tokens


def test_a_killed_run_ends_in_the_same_bytes(post_training, tmp_path, easy, killed_after):
    whole = run(post_training, tmp_path / "whole")
    scratch = tmp_path / "scratch"
    for steps in (2, 2):
        with pytest.raises(KeyboardInterrupt):
            run(post_training, tmp_path / "out", CONFIG, killed_after(steps), scratch)
    again = run(post_training, tmp_path / "out", CONFIG, SILENT, scratch)
    assert again == whole
    for name in ("model.safetensors", "metrics.parquet", "rollouts.parquet"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_recomputed_activations_change_no_byte(post_training, tmp_path, easy, monkeypatch):
    recomputed = []
    checkpoint = torch.utils.checkpoint.checkpoint

    def spied(*arguments, **settings):
        recomputed.append(arguments)
        return checkpoint(*arguments, **settings)

    monkeypatch.setattr(torch.utils.checkpoint, "checkpoint", spied)
    config = dataclasses.replace(CONFIG, steps=2)
    run(post_training, tmp_path / "kept", config)
    assert not recomputed
    config = dataclasses.replace(config, activation_checkpointing="layers")
    run(post_training, tmp_path / "again", config)
    assert recomputed
    for name in ("model.safetensors", "metrics.parquet"):
        kept, again = tmp_path / "kept" / name, tmp_path / "again" / name
        assert kept.read_bytes() == again.read_bytes(), name


def test_a_hopeless_start_is_named_and_moves_nothing(post_training, tmp_path):
    stream = io.StringIO()
    config = dataclasses.replace(CONFIG, tasks=("sum:5=1",), steps=2)
    statistics = run(post_training, tmp_path / "rl", config, Progress(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert any("learn nothing" in event.get("text", "") for event in events)
    shown = [event for event in events if event["event"] == "progress"]
    assert all(event["reward"] == 0.0 and "loss" not in event for event in shown)
    assert shown[-1]["done"] == shown[-1]["total"] == 2
    assert statistics["start"]["flat_group_share"] == 1.0
    before, _ = models.load(post_training.chat)
    after, _ = models.load(tmp_path / "rl")
    for (name, old), new in zip(before.named_parameters(), after.parameters()):
        assert torch.equal(old, new), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answers_per_prompt": 1}, "answers_per_prompt"),
        ({"temperature": 0.0}, "temperature"),
        ({"steps": 0}, "steps"),
        ({"tasks": ()}, "tasks: no task is left"),
        ({"tasks": ("sums=1",)}, "tasks: 'sums=1': no kind sums"),
        ({"spike_ratio": 1.0}, "spike_ratio"),
        ({"rollback_steps": -1}, "rollback_steps"),
        ({"activation_checkpointing": "some"}, "unknown 'some': one of off, layers"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(CONFIG, **changes)


LEAST: dict[str, Any] = {
    "steps": 1,
    "prompts_per_step": 1,
    "micro_rows": 1,
    "answers_per_prompt": 2,  # a group of one is its own mean
    "ratio_limit": 1.0,  # the ratio of two sides that agree
}


@pytest.mark.parametrize(
    ("field", "less"), [*((name, least - 1) for name, least in LEAST.items()), ("ratio_limit", nan)]
)
def test_the_least_that_works_is_accepted_and_less_is_not(field, less):
    least = dataclasses.replace(CONFIG, **LEAST)
    with pytest.raises(UserError, match=field):
        dataclasses.replace(least, **{field: less})


def test_a_base_model_is_refused(post_training, tmp_path):
    with pytest.raises(UserError, match="chat model"):
        rl.build(tmp_path, {"sft": [post_training.base]}, CONFIG, SILENT, tmp_path)


def test_defaults_take_pretrainings_rates():
    assert RlConfig().optimizer == OptimizerConfig()
    assert RlConfig().optimizer.scaled(0.05).matrix_lr == pytest.approx(0.001)


def test_the_stage_by_its_name_and_version():
    stage = rl.STAGE
    assert (stage.kind, stage.version, stage.config) == ("rl", 12, RlConfig)
    assert stage.data == ("unicode",)
