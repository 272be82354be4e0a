"""pass@k at toy size: both kinds of model are asked, and crossings are said as they are."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from toy_artifacts import PostTraining, post_training, torch_restored  # noqa: F401

from pipeline.curriculum.task_type import Task
from tests.benchmarks import pass_at_k


def points(*values: float) -> list[dict[str, float]]:
    return [
        {"k": 1 << place, "value": value, "low": value, "high": value}
        for place, value in enumerate(values)
    ]


def test_crossings_by_hand() -> None:
    curves = {
        "base": points(0.1, 0.3, 0.8),
        "SFT": points(0.2, 0.3, 0.6),
        "RL": points(0.9, 0.9, 0.9),
    }
    assert pass_at_k.crossings(curves) == [
        "base reaches SFT at k = 2 and passes it at k = 4",
        "base reaches RL at no k up to 4 and passes it at no k up to 4",
        "SFT reaches RL at no k up to 4 and passes it at no k up to 4",
    ]
    table = pass_at_k.markdown(curves, "Note.").split("\n")
    assert table[4] == "| 1 | 10.0% [10.0, 10.0] | 20.0% [20.0, 20.0] | 90.0% [90.0, 90.0] |"


def test_a_curve_is_the_mean_over_prompts() -> None:
    found = pass_at_k.curve([0, 2, 4], 4, seed=0)
    assert [point["k"] for point in found] == [1, 2, 4]
    assert [point["value"] for point in found] == pytest.approx([1 / 2, (0 + 5 / 6 + 1) / 3, 2 / 3])
    assert all(point["low"] <= point["value"] <= point["high"] for point in found)


@pytest.mark.usefixtures("torch_restored")
def test_base_and_chat_model_answer_the_same_prompts(
    post_training: PostTraining,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    right = pass_at_k.right_answers

    def spied(folder: Path, tasks: Sequence[Task], options: argparse.Namespace) -> list[int]:
        asked.append([task.prompt for task in tasks])
        return right(folder, tasks, options)

    monkeypatch.setattr(pass_at_k, "right_answers", spied)
    monkeypatch.setattr(pass_at_k, "is_right", lambda kind, text, answer: "e" in text)
    models = [f"base={post_training.base}", f"SFT={post_training.chat}"]
    options = [word for model in models for word in ("--model", model)]
    size = ["--prompts", "3", "--samples", "4", "--max-new-tokens", "16", "--threads", "1"]
    curves = pass_at_k.main([*options, *size, "--tasks", "sum:1=1", "--out", str(tmp_path)])
    assert asked[0] == asked[1]
    assert len(asked[0]) == 3
    for name in ("base", "SFT"):
        values = [point["value"] for point in curves[name]]
        assert [point["k"] for point in curves[name]] == [1, 2, 4]
        assert values == sorted(values)
    assert max(point["value"] for own in curves.values() for point in own) > 0
    kept = json.loads((tmp_path / "pass_at_k.json").read_text())
    assert kept["curves"] == curves
    assert (tmp_path / "pass_at_k.png").read_bytes().startswith(b"\x89PNG")
