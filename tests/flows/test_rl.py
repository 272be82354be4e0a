"""Which model goes on, and whether honesty is asked for."""

import types
from pathlib import Path
from typing import Any

import pytest

from flows import brought_files
from flows import rl as flow
from flows.config import load
from storage.errors import UserError


class Recorder:
    """A run that trains nothing: it tells what it was asked for."""

    lake: Any = types.SimpleNamespace()

    def __init__(self) -> None:
        self.said: list[str] = []

    def train(self, stage: Any, config: Any, title: str, **inputs: Any) -> str:
        self.config, self.inputs = config, inputs
        return "trained"

    def hand_over(self, made: Any, **new: Any) -> Any:
        return {**made, **new}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr("flows.runner.terminal.say", recorder.said.append)
    monkeypatch.setattr(flow, "begin", lambda config, lake: recorder)
    monkeypatch.setattr("flows.runner.ui.curves", lambda lake, model: None)
    return recorder


def reinforced(made: dict[str, Any]) -> Any:
    return flow.rl.fn(load("ci"), "lake", made=made)


def test_an_interrogated_model_goes_on_with_its_interrogation(run: Recorder) -> None:
    made = {
        "sft": "tuned",
        "interrogated": "honest",
        "interrogation": "questions",
        "conversations": "by rules",
    }
    assert reinforced(made)["rl"] == "trained"
    assert run.inputs == {
        "sft": ["honest"],
        "interrogation": ["questions"],
        "conversations": ["by rules"],
    }
    assert run.config.honesty_share == load("ci").rl.honesty_share > 0
    assert run.said == []


def test_a_teacher_is_handed_on_where_it_weighs_something(
    run: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "flows.imported.model", lambda run, key, name: f"the model {name} of input.{key}"
    )
    given: dict[str, Any] = {"sft": "tuned", "conversations": "by rules"}
    named = {"teacher_model": "abc123"}
    flow.rl.fn(load("ci", ["rl.distillation_weight=0.5"], input=named), "lake", made=given)
    assert run.inputs["teacher"] == ["the model abc123 of input.teacher_model"]
    flow.rl.fn(load("ci", input=named), "lake", made=given)
    assert "teacher" not in run.inputs


@pytest.mark.parametrize("change", ["rl.distillation_weight=0.5", "solutions.prompts=10"])
def test_without_a_teacher_that_is_said_before_a_run(change: str) -> None:
    with pytest.raises(UserError, match=f"{change.split('=')[0]}: needs a teacher: name"):
        load("ci", [change])
    load("ci", [change], input={"teacher_model": "abc123"})


def test_all_that_fine_tuning_learned_from_is_rehearsed(run: Recorder) -> None:
    made = {"sft": "tuned", "labels": "of raters", "conversations": "by rules", "corpus": "pages"}
    reinforced(made)
    assert run.inputs == {"sft": ["tuned"], "conversations": ["by rules", "of raters"]}
    assert run.config.rehearsal_rows == load("ci").rl.rehearsal_rows > 0


def test_a_recipe_without_rehearsal_names_no_conversations(run: Recorder) -> None:
    config = load("ci", ["rl.rehearsal_rows=0"])
    made: dict[str, Any] = {"sft": "tuned", "conversations": "by rules"}
    flow.rl.fn(config, "lake", made=made)
    assert run.inputs == {"sft": ["tuned"]}


def test_without_an_interrogation_honesty_is_not_asked_for_which_is_said(run: Recorder) -> None:
    reinforced({"sft": "tuned"})
    assert run.inputs == {"sft": ["tuned"]}
    assert run.config.honesty_share == 0
    assert run.config.rehearsal_rows == 0
    assert run.said == [
        "  rl: no interrogation, so no prompt states a confidence target",
        "  rl: no conversations, so none are rehearsed against forgetting",
    ]


def test_a_mixture_with_gsm8k_hands_on_its_file_alone(run: Recorder, tmp_path: Path) -> None:
    for name in ("gsm8k_train.jsonl", "gsm8k_test.jsonl", "copa.jsonl"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    given = {"tasks": [str(tmp_path)]}
    config = load("ci", ['rl.tasks=["gsm8k=1", "sum=1"]'], input=given)
    made: Any = {"sft": "tuned", "conversations": "by rules"}
    flow.rl.fn(config, "lake", made=made)
    assert [file.path.name for file in run.inputs["tasks"]] == ["gsm8k_train.jsonl"]
    flow.rl.fn(load("ci", input=given), "lake", made=made)
    assert "tasks" not in run.inputs


def test_what_the_mixture_needs_is_asked_for_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load("ci", ['rl.tasks=["gsm8k=1"]'], input={"tasks": [str(tmp_path)]})
    with pytest.raises(UserError, match=r"give a file gsm8k_train\.jsonl"):
        brought_files.check(config)
    solved = load(
        "ci",
        ["solutions.prompts=5", 'solutions.tasks=["gsm8k=1"]'],
        input={
            "tasks": [str(tmp_path)],
            "teacher_model": "abc123",
        },
    )
    with pytest.raises(UserError, match=r"solutions\.tasks names gsm8k: give a file"):
        brought_files.check(solved)
    (tmp_path / "gsm8k_train.jsonl").write_text("{}", encoding="utf-8")
    brought_files.check(config)
    brought_files.check(solved)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install reasoning-gym"):
        brought_files.check(load("ci", ['rl.tasks=["reasoning_gym/gcd=1"]']))
