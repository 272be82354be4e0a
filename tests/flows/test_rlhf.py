"""Which model goes on, who compares, and what is left out where nobody does."""

import types
from pathlib import Path
from typing import Any

import pytest

from flows import brought_files, preference_sources
from flows import rlhf as flow
from flows.config import load
from flows.crawl_to_chat import crawl_to_chat
from storage.errors import UserError

KNOWN = {"sft": "tuned", "interrogation": "questions", "rl": "reinforced"}
TOLD = {"conversations": "by rules"}


class Recorder:
    """A run that makes nothing: it tells what it was asked for."""

    lake: Any = types.SimpleNamespace()

    def __init__(self, config: Any) -> None:
        self.config = config
        self.said: list[str] = []
        self.configs: dict[str, Any] = {}
        self.inputs: dict[str, Any] = {}

    def make(self, stage: Any, config: Any, title: str, **inputs: Any) -> str:
        self.configs[stage.kind], self.inputs[stage.kind] = config, inputs
        return str(stage.kind)

    train = make

    def hand_over(self, made: Any, **new: Any) -> Any:
        return {**made, **new}


@pytest.fixture
def optimised(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the flow on what is made already, and gives what it handed over and was asked for."""

    def run(made: Any, *changes: str, **tables: Any) -> tuple[Any, Recorder]:
        config = load("ci", list(changes), **tables)
        recorder = Recorder(config)
        monkeypatch.setattr("flows.runner.terminal.say", recorder.said.append)
        monkeypatch.setattr(flow, "begin", lambda config, lake: recorder)
        monkeypatch.setattr("flows.runner.ui.curves", lambda lake, model: None)
        return flow.rlhf.fn(config, "lake", made=made), recorder

    return run


def test_answers_are_compared_learned_and_optimised_for(optimised: Any) -> None:
    made, run = optimised({**KNOWN, **TOLD})
    assert list(run.inputs) == ["preferences", "reward_model", "rlhf"]
    assert run.inputs["preferences"] == {
        "model": ["reinforced"],
        "interrogation": ["questions"],
        "conversations": ["by rules"],
    }
    assert run.inputs["reward_model"] == {"model": ["reinforced"], "preferences": ["preferences"]}
    assert run.inputs["rlhf"] == {
        "model": ["reinforced"],
        "preferences": ["preferences"],
        "reward_model": ["reward_model"],
        "conversations": ["by rules"],
    }
    assert run.configs["preferences"].compared_by == ("simulated",)
    assert run.configs["preferences"].device != "auto"
    assert run.configs["rlhf"].true_reward == "taste"
    assert made == {
        **KNOWN,
        **TOLD,
        "preferences": "preferences",
        "reward_model": "reward_model",
        "rlhf": "rlhf",
    }
    assert run.said == []


def test_the_truth_that_the_gain_is_measured_by_is_what_the_raters_like(optimised: Any) -> None:
    _, run = optimised({**KNOWN, **TOLD}, "preferences.taste.correct=7.0")
    assert run.configs["rlhf"].taste == run.configs["preferences"].taste
    assert run.configs["rlhf"].taste.correct == 7.0


@pytest.mark.parametrize(
    ("made", "model"),
    [
        ({"sft": "tuned", "interrogated": "honest", "rl": "reinforced"}, "reinforced"),
        ({"sft": "tuned", "interrogated": "honest"}, "honest"),
        ({"sft": "tuned"}, "tuned"),
    ],
)
def test_the_last_chat_model_goes_on(optimised: Any, made: Any, model: str) -> None:
    _, run = optimised({**made, "interrogation": "questions", **TOLD})
    assert {inputs["model"][0] for inputs in run.inputs.values()} == {model}


@pytest.mark.parametrize("method", ["dpo", "ipo", "kto"])
def test_what_learns_from_pairs_needs_no_reward_model(optimised: Any, method: str) -> None:
    made, run = optimised({**KNOWN, **TOLD}, f"rlhf.method={method}")
    assert list(run.inputs) == ["preferences", "rlhf"]
    assert "reward_model" not in run.inputs["rlhf"]
    assert "reward_model" not in made
    assert made["rlhf"] == "rlhf"


def test_where_nobody_compares_the_model_stays_which_is_said(optimised: Any) -> None:
    """On a real crawl without an interrogation nobody knows what is true."""
    given = {"sft": "tuned", "rl": "reinforced", **TOLD}
    for changes in ((), ("preferences.compared_by=[]",)):
        made, run = optimised(given, *changes)
        assert made == given
        assert run.inputs == {}
        assert run.said == [
            "  rlhf: nobody compares answers (no interrogation to know the truth by, no labels,"
            " files or judge): left out"
        ]
    made, run = optimised({**given, "interrogation": "questions"}, "preferences.compared_by=[]")
    assert "rlhf" not in made


def test_files_of_pairs_are_enough(optimised: Any, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("{}", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    made, run = optimised({"sft": "tuned"}, input={"preferences": [str(tmp_path)]})
    assert made["rlhf"] == "rlhf"
    given = run.inputs["preferences"]
    assert [file.path.name for file in given["files"]] == ["pairs.jsonl"]
    assert given.keys() == {"model", "files"}
    assert run.configs["preferences"].compared_by == ()
    assert run.configs["rlhf"].true_reward == "unknown", "else their answers would be judged by it"
    assert run.configs["rlhf"].rehearsal_rows == 0
    assert run.said == ["  rlhf: no conversations, so none are rehearsed against forgetting"]


def test_a_file_that_is_not_there_is_said_before_a_run(tmp_path: Path) -> None:
    config = load("ci", input={"preferences": [str(tmp_path / "none.jsonl")]})
    with pytest.raises(UserError, match=r"input\.preferences: no file at .*none\.jsonl"):
        brought_files.check(config)


def test_people_who_compared_join_the_others(
    optimised: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = optimised({**KNOWN, "labels": "of people"})
    assert run.inputs["preferences"]["labels"] == ["of people"]
    assert run.inputs["preferences"]["conversations"] == ["of people"]
    counted: list[Any] = []

    def finished(run: Any, tokenizer: Any) -> str:
        counted.append(tokenizer)
        return "found"

    monkeypatch.setattr("flows.labels.finished", finished)
    made, run = optimised({"sft": "brought"}, input={"labels": "store.sqlite"})
    assert run.inputs["preferences"]["labels"] == ["found"]
    assert counted == ["brought"], "a model that was brought has the tokenizer"
    assert (made["labels"], made["rlhf"]) == ("found", "rlhf")


def test_a_judge_stands_beside_the_others_or_alone(
    optimised: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAWL2CHAT_TEACHER_URL", "http://127.0.0.1:9/v1")
    both = ['preferences.compared_by=["simulated", "judge"]', "preferences.judge.model=large"]
    _, run = optimised({**KNOWN, **TOLD}, *both)
    assert run.configs["preferences"].compared_by == ("simulated", "judge")
    _, run = optimised({"sft": "tuned", **TOLD}, *both)
    assert run.configs["preferences"].compared_by == ("judge",)
    assert run.configs["rlhf"].true_reward == "unknown"


def test_a_judge_without_an_address_is_missed_before_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CRAWL2CHAT_TEACHER_URL", raising=False)
    config = load("ci", ['preferences.compared_by=["judge"]', "preferences.judge.model=large"])
    for begin in (flow.rlhf.fn, crawl_to_chat.fn):
        with pytest.raises(UserError, match="no endpoint"):
            begin(config, "nowhere")
    preference_sources.check(load("ci"))


def test_a_chat_model_that_is_brought_goes_on_as_it_is(
    optimised: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("flows.imported.model", lambda run, key, name: f"{key} {name}")
    (tmp_path / "pairs.jsonl").write_text("{}", encoding="utf-8")
    named = {"chat_model": "abc123", "preferences": [str(tmp_path)]}
    made, run = optimised(None, input=named)
    assert made["sft"] == "chat_model abc123"
    assert "rl" not in made
    assert run.inputs["rlhf"]["model"] == ["chat_model abc123"]
