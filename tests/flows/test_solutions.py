"""A teacher's right answers as a source of fine-tuning: off by default, what goes in."""

from pathlib import Path
from typing import Any

import pytest

from flows import brought_files, solutions
from flows.config import load
from flows.interrogate import SOURCES
from pipeline.rl.solutions import SOURCE
from storage.errors import UserError
from storage.views import SOURCES as VIEWS

NAMED = {"teacher_model": "abc123"}


class Asked:
    """A run that makes nothing: it tells what it was asked for."""

    def __init__(self, *changes: str, **given: Any) -> None:
        self.config = load("ci", list(changes), input={**NAMED, **given})

    def make(self, stage: Any, config: Any, title: str, **inputs: Any) -> str:
        self.stage, self.made, self.inputs = stage, config, inputs
        return "made"


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.imported.model", lambda run, key, name: f"{key} {name}")


def test_off_by_default_no_teacher_is_looked_for() -> None:
    run: Any = Asked()
    assert solutions.conversations(run, {}) == {}
    assert not hasattr(run, "stage")


def test_the_students_tokenizer_and_the_teacher_go_in_settled() -> None:
    run: Any = Asked("solutions.prompts=7")
    made: Any = {"tokenizer": "the student's"}
    assert solutions.conversations(run, made) == {"solutions": "made"}
    assert run.stage.kind == "solutions"
    assert run.inputs == {"teacher": ["teacher_model abc123"], "tokenizer": ["the student's"]}
    assert run.made.prompts == 7
    assert "auto" not in (run.made.device, run.made.precision, run.made.products)


def test_files_are_handed_on_where_the_mixture_names_them(tmp_path: Path) -> None:
    file = tmp_path / "gsm8k_train.jsonl"
    file.write_text("{}", encoding="utf-8")
    run: Any = Asked("solutions.prompts=7", 'solutions.tasks=["gsm8k=1"]', tasks=[str(tmp_path)])
    made: Any = {"tokenizer": "t"}
    solutions.conversations(run, made)
    assert [given.path.name for given in run.inputs["tasks"]] == [file.name]


def test_a_teacher_of_no_model_is_refused_before_a_run() -> None:
    with pytest.raises(UserError, match=r"input\.teacher_model"):
        brought_files.check(load("ci", input={"teacher_model": "nowhere/at all"}))


def test_what_follows_fine_tuning_and_the_views_know_the_source() -> None:
    assert SOURCE in SOURCES  # interrogation's tuning and RL's rehearsal learn from it as well
    assert SOURCE in VIEWS["conversations"].kinds
    assert SOURCE in VIEWS["rollouts"].kinds
