"""The suite asks every kind and level on held-out problems, in trained and new wordings apart."""

import dataclasses
from collections import Counter
from typing import Any

import pytest

from pipeline.curriculum.held_out import problem_split, sum_split, word_split
from pipeline.curriculum.task_kinds import KINDS
from pipeline.curriculum.task_type import Task
from pipeline.evals import tasks_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import ALL_SUITES, DETAIL_SUITES, SUITES, EvalsConfig
from pipeline.evals.tasks_suite import AskedTask, draw
from pipeline.intervals import wilson

CONFIG = EvalsConfig(tasks_per_kind=8, max_new_tokens=8, samples_per_suite=5)


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, CONFIG)


def of(scores: Scores, suite: str, task: str) -> Any:
    (row,) = [r for r in scores.rows if (r["suite"], r["task"]) == (suite, task)]
    return row


def test_every_kind_has_as_many_in_either_wording_and_its_levels_share_them():
    found = draw(8, 0)
    asked = Counter((item.task.kind, item.new_wording) for item in found)
    assert asked == {(kind, new): 8 for kind in KINDS for new in (True, False)}
    levels = Counter((i.task.kind, i.task.level) for i in found if i.new_wording)
    assert [levels["date", level] for level in (1, 2, 3, 4)] == [2, 2, 2, 2]
    assert [levels["product", level] for level in range(1, 6)] == [1, 1, 2, 2, 2]
    few = Counter((i.task.kind, i.new_wording) for i in draw(1, 0))
    assert set(few.values()) == {1}
    assert len({item.task.prompt for item in found}) == len(found)


def test_nothing_asked_is_trained():
    for task in (item.task for item in draw(20, 1)):
        sort, _, rest = task.problem.partition(":")
        if sort == "sum":
            a, b = map(int, rest.split("+"))
            assert sum_split(a, b) == "evaluation"
        else:
            split = word_split(rest) if sort == "word" else problem_split(task.problem)
            assert split == "evaluation"


def test_the_same_seed_asks_the_same():
    assert draw(4, 3) == draw(4, 3) != draw(4, 4)


def test_a_used_up_level_gives_what_it_has(monkeypatch):
    monkeypatch.setattr(tasks_suite, "KINDS", {"weekday": KINDS["weekday"]})
    found = Counter((i.task.level, i.new_wording) for i in draw(450, 0))
    assert 0 < found[1, True] < 150  # 72 problems, of which a tenth is evaluation's
    assert found[3, True] == 150


def task(kind: str, level: int, answer: str, prompt: str) -> Task:
    return Task(prompt, answer, kind, 0, level=level)


ASKED = [
    AskedTask(task("sum", 1, "5", "a"), True),
    AskedTask(task("sum", 2, "50", "b"), True),
    AskedTask(task("sum", 1, "5", "c"), False),
    AskedTask(task("yes_no", 1, "yes", "d"), False),
    AskedTask(task("yes_no", 1, "no", "e"), False),
    AskedTask(task("yes_no", 1, "yes", "f"), False),
]
REPLIES = [
    Reply("5", True),
    Reply("50", False),
    Reply("The answer is 5.", True),
    *[Reply("No.", True), Reply("Yes, no.", True), Reply("No idea.", True)],
]


def test_kinds_levels_and_wordings_are_apart_with_their_intervals(subject):
    scores = Scores()
    tasks_suite.report(subject, ASKED, REPLIES, scores)
    row = of(scores, "tasks", "sum_new_wordings")
    assert (row["value"], row["n"], row["metric"]) == (0.5, 2, "accuracy")
    assert (row["low"], row["high"]) == wilson(1, 2)
    assert of(scores, "tasks", "sum")["value"] == 1.0
    assert of(scores, "tasks", "yes_no")["value"] == 0.0
    assert (of(scores, "tasks", "all")["value"], of(scores, "tasks", "all")["n"]) == (0.25, 4)
    assert of(scores, "tasks", "all_new_wordings")["n"] == 2
    assert of(scores, "tasks_by_level", "sum_1_new_wordings")["value"] == 1.0
    assert of(scores, "tasks_by_level", "sum_2_new_wordings")["value"] == 0.0
    assert of(scores, "tasks_by_level", "sum_1")["value"] == 1.0
    one = of(scores, "tasks", "yes_no_one_answer")
    assert (one["value"], one["n"]) == (2 / 3, 3)
    assert not [row for row in scores.rows if row["task"] == "sum_one_answer"]
    named = [row["task"] for row in scores.rows if row["suite"] == "tasks"]
    assert named.index("sum_new_wordings") < named.index("sum")
    assert [sample["correct"] for sample in scores.samples][:3] == [True, False, True]
    assert scores.samples[1] == {
        "suite": "tasks",
        "prompt": "b",
        "completion": "50",
        "expected": "50",
        "correct": False,
    }


def test_a_page_has_no_turn_that_could_end(subject):
    class Base:
        has_conversation_tokens = False

    scores = Scores()
    base: Any = dataclasses.replace(subject, tokenizer=Base())
    tasks_suite.report(base, ASKED, REPLIES, scores)
    assert of(scores, "tasks", "sum_new_wordings")["value"] == 1.0


def test_the_configs_seed_and_count_decide_what_is_asked(subject, monkeypatch):
    for seed, count in ((0, 2), (5, 3)):
        config = dataclasses.replace(CONFIG, seed=seed, tasks_per_kind=count)
        asked: list[str] = []
        monkeypatch.setattr(
            tasks_suite,
            "ask_questions",
            lambda _, questions, most, asked=asked: (
                asked.extend(questions) or [Reply("7", True)] * len(questions)
            ),
        )
        scores = Scores()
        tasks_suite.measure(dataclasses.replace(subject, config=config), scores)
        wanted = [item.task.prompt for item in draw(count, seed)]
        assert set(asked) <= set(wanted)
        assert asked == [prompt for prompt in wanted if prompt in asked]
        assert len(asked) > len(wanted) / 2


def test_a_model_is_really_asked(subject):
    scores = Scores()
    config = dataclasses.replace(CONFIG, tasks_per_kind=1)
    tasks_suite.measure(dataclasses.replace(subject, config=config), scores)
    assert {row["suite"] for row in scores.rows} == {"tasks", "tasks_by_level"}
    assert len(scores.samples) == 5
    none = dataclasses.replace(subject, config=dataclasses.replace(CONFIG, tasks_per_kind=0))
    empty = Scores()
    tasks_suite.measure(none, empty)
    assert not empty.rows


def test_the_suite_is_asked_for_by_name_alone():
    assert "tasks" in ALL_SUITES
    assert "tasks" not in SUITES
    assert "tasks_by_level" in DETAIL_SUITES
    assert EvalsConfig(suites=("tasks",)).suites == ("tasks",)
