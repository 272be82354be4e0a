"""CORE: which tasks, centred on what, what the mean is of, and what is missing."""

import dataclasses
import json

import pytest

from pipeline.evals import core, icl
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.icl import Answer, Question
from storage.errors import UserError


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, EvalsConfig(core_questions=6, core_samples=1))


def write(folder, task, rows):
    file = folder / f"{task.file}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def rows_of(task, count=8):
    if task.kind == "schema":
        row = {"context_options": ["one", "two"], "continuation": "three", "gold": 1}
    elif task.kind == "multiple_choice":
        row = {"query": "one", "choices": ["two", "three"], "gold": 1}
    else:
        row = {"context": "one", "continuation": "two", "category": "x"}
    return [row] * count


@pytest.fixture
def answering(monkeypatch):
    """Every question answered by a rule instead of a model."""

    def install(right):
        def answers(model, tokenizer, asked, **_):
            made = []
            for number, question in enumerate(asked):
                best = question.gold if right(number) else question.gold - 1
                totals = tuple(0.0 if i == best else -1.0 for i in range(len(question.pairs)))
                ones = tuple(1 for _ in question.pairs)
                made.append(Answer(totals, ones, tuple(right(number) for _ in question.pairs)))
            return made

        monkeypatch.setattr(icl, "answers", answers)

    return install


def by_task(scores, metric):
    return {row["task"]: row for row in scores.rows if row["metric"] == metric}


def test_the_table_is_dclms():
    assert len(core.TASKS) == len({task.name for task in core.TASKS}) == 22
    baselines = {task.name: task.baseline for task in core.TASKS}
    assert baselines["boolq"] == 0.62
    assert baselines["commonsense_qa"] == 0.403
    assert sum(task.baseline for task in core.TASKS) == pytest.approx(4.773)
    assert sum(task.shots == 10 for task in core.TASKS) == 14
    assert {t.name for t in core.TASKS if t.delimiter == "\nAnswer: "} == {
        "arc_challenge",
        "arc_easy",
        "boolq",
        "jeopardy",
        "piqa",
    }


def test_all_tasks_all_right_is_a_core_of_one(subject, answering, tmp_path):
    files = [write(tmp_path, task, rows_of(task)) for task in core.TASKS]
    answering(lambda number: True)
    scores = Scores()
    assert core.measure(subject, files, scores) == []
    centred = by_task(scores, "centred_accuracy")
    assert centred["core"]["value"] == 1.0
    assert centred["core"]["n"] == 22 * 6
    assert centred["core"]["low"] < 1.0
    assert len(scores.samples) == 22


def test_all_wrong_is_below_guessing_and_missing_tasks_are_named(subject, answering, tmp_path):
    tasks = [t for t in core.TASKS if t.name in ("copa", "boolq", "lambada_openai")]
    files = [write(tmp_path, task, rows_of(task)) for task in tasks]
    answering(lambda number: False)
    scores = Scores()
    missing = core.measure(subject, files, scores)
    assert len(missing) == 19
    assert "squad" in missing
    centred = by_task(scores, "centred_accuracy")
    expected = {"copa": -1.0, "boolq": -0.62 / 0.38, "lambada_openai": 0.0}
    for name, value in expected.items():
        assert centred[name]["value"] == pytest.approx(value)
    mean = centred["mean_of_3_of_22_tasks"]
    assert mean["value"] == pytest.approx(sum(expected.values()) / 3)
    assert "core" not in centred
    assert centred["squad"]["value"] is None
    assert centred["squad"]["n"] == 0


def test_accuracy_and_centred_accuracy_carry_the_same_interval(subject, answering, tmp_path):
    (task,) = [t for t in core.TASKS if t.name == "openbook_qa"]
    answering(lambda number: number < 3)
    scores = Scores()
    core.measure(subject, [write(tmp_path, task, rows_of(task))], scores)
    plain = by_task(scores, "accuracy")["openbook_qa"]
    centred = by_task(scores, "centred_accuracy")["openbook_qa"]
    assert plain["value"] == 0.5
    for key in ("value", "low", "high"):
        assert centred[key] == pytest.approx((plain[key] - 0.25) / 0.75)


def test_categories_count_alike_whatever_their_size():
    asked = [Question((("q", " a"),), 0, category) for category in "AAAAAAAAB"]
    accuracy, variance = core.accuracy_of(asked, [False] * 8 + [True])
    assert accuracy == 0.5
    assert 0.0 < variance < 0.25


def test_no_task_file_is_the_users_mistake(subject, tmp_path):
    with pytest.raises(UserError, match="none of the task files"):
        core.measure(subject, [tmp_path / "other.jsonl"], Scores())


def test_real_tasks_on_a_real_model(subject, shared_dir):
    folder = shared_dir / "eval" / "core_icl"
    names = ("copa", "winograd_wsc", "bigbench_operators", "bigbench_repeat_copy_logic")
    files = [folder / f"{name}.jsonl.gz" for name in names]
    found = []
    for _ in range(2):
        scores = Scores()
        core.measure(
            dataclasses.replace(subject, config=EvalsConfig(core_questions=5)), files, scores
        )
        found.append(scores)
    assert found[0] == found[1]
    accuracies = by_task(found[0], "accuracy")
    assert set(accuracies) == {
        "copa",
        "winograd",
        "bigbench_operators",
        "bigbench_repeat_copy_logic",
    }
    assert all(row["n"] == 5 for row in accuracies.values())
    (cut,) = [r for r in found[0].rows if r["task"] == "prompts_cut_to_the_context"]
    assert cut["n"] == 20
    assert cut["value"] is not None
    assert cut["value"] > 0
