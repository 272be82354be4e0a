"""Arms of RL at toy size: settings are read by type, every arm is run and measured alike."""

from pathlib import Path

import pytest
from toy_artifacts import PostTraining, post_training, torch_restored  # noqa: F401

from tests.benchmarks import rl_tasks


def test_arms_are_read_by_type() -> None:
    assert rl_tasks.settings("plain") == ("plain", {})
    name, changes = rl_tasks.settings(
        "b:curriculum=pools,replacement_rounds=2,clip_low=0.1,objective=dapo"
    )
    assert name == "b"
    assert changes == {
        "curriculum": "pools",
        "replacement_rounds": 2,
        "clip_low": 0.1,
        "objective": "dapo",
    }
    with pytest.raises(KeyError):
        rl_tasks.settings("b:curriculums=pools")


@pytest.mark.usefixtures("torch_restored")
def test_two_arms_at_toy_size(
    post_training: PostTraining,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    size = ["--steps", "1", "--prompts", "4", "--answers", "2", "--max-new-tokens", "8"]
    size += ["--seeds", "2", "--held-out", "4", "--threads", "1", "--tasks", "sum:1=1"]
    chat = ["--chat", str(post_training.chat), "--out", str(tmp_path)]
    arms = ["--arm", "plain", "--arm", "replaced:replacement_rounds=1"]
    found = rl_tasks.main([*chat, *arms, *size])
    assert {len(marks) for arm in found["after"].values() for marks in arm.values()} == {8}
    plain, replaced = found["seen"]["plain"], found["seen"]["replaced"]
    assert [one["answers sampled"] for one in plain] == [8, 8]
    # nothing is ever right here: every group is flat and gives way once
    assert [one["answers sampled"] for one in replaced] == [16, 16]
    assert [one["wasted answers"] for one in replaced] == [1.0, 1.0]
    said = capsys.readouterr().out
    assert "| held-out problems | before | plain | replaced |" in said
    assert (tmp_path / "rl_tasks.json").exists()
