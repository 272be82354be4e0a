"""nanochat's ChatCORE: its prompt, its letters, its numbers, and what is missing by name."""

import dataclasses
import gzip
import json
import math
from typing import Any

import pytest

from pipeline.evals import chat_core_files
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.chat_core_files import Problem, shown
from pipeline.evals.config import EvalsConfig
from pipeline.intervals import Z
from storage.errors import UserError

ARC = {"query": "Question: Which is a metal?", "choices": ["tin", "tea", "oak"], "gold": 0}
MMLU = {"question": "2 + 2?", "choices": ["3", "4"], "answer": 1, "subject": "algebra"}
GSM = {
    "question": "Ann has 2 hens and buys 10. How many?",
    "answer": "2+10=<<2+10=12>>12\n#### 1,200",
}


def write(folder, name, rows):
    file = folder / name
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return file


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, EvalsConfig(core_questions=3))


def test_a_choice_is_shown_as_nanochat_shows_it():
    problem = Problem("Which is a metal?", ("tin", "tea"), "A")
    assert shown(problem) == (
        "Multiple Choice question: Which is a metal?\n- tin=A\n- tea=B\n\n"
        "Respond only with the letter of the correct answer."
    )
    assert shown(Problem("How many?", (), "12")) == "How many?"


def test_rows_become_problems(tmp_path):
    files = [
        write(tmp_path, "arc_easy.jsonl.gz", [ARC]),
        write(tmp_path, "mmlu_test.jsonl", [MMLU]),
        write(tmp_path, "gsm8k_test_first_two_thirds.jsonl", [GSM]),
    ]
    assert chat_core_files.has_any(files)
    assert not chat_core_files.has_any([tmp_path / "copa.jsonl"])
    assert chat_core_files.read(files) == {
        "arc_easy": [Problem("Which is a metal?", ("tin", "tea", "oak"), "A")],
        "mmlu": [Problem("2 + 2?", ("3", "4"), "B")],
        "gsm8k": [Problem(GSM["question"], (), "1,200")],
    }


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "How many?"}, "needs 'question' and 'answer' with ####"),
        ({"question": "How many?", "answer": "12"}, "needs 'question' and 'answer' with ####"),
        ({"question": "How many?", "answer": "#### a dozen"}, "is 'a dozen', and no number"),
        ([1], "is a JSON object, not"),
    ],
)
def test_a_row_that_cannot_be_asked_is_one_line(tmp_path, row, said):
    file = write(tmp_path, "gsm8k.jsonl", [row])
    with pytest.raises(UserError, match=said) as error:
        chat_core_files.read([file])
    assert str(file) in str(error.value)
    many = {**ARC, "choices": [str(n) for n in range(11)]}
    with pytest.raises(UserError, match="11 choices, at most 10"):
        chat_core_files.read([write(tmp_path, "arc_challenge.jsonl", [many])])


def test_the_letter_is_the_likeliest_of_those_shown(subject, monkeypatch):
    asked: list[tuple[list[int], list[int]]] = []

    def score(model, contexts, continuations, **_):
        asked.extend(zip(contexts, continuations))
        letters = [subject.tokenizer.decode(ids) for ids in continuations]
        return [({"A": -3.0, "B": -1.0, "C": -2.0, "D": 0.0}[letter], True) for letter in letters]

    monkeypatch.setattr(chat_core_files, "score", score)
    problems = [Problem("q", ("w", "x", "y"), "B"), Problem("r", ("w",), "A")]
    assert chat_core_files.letters(subject, problems, "arc_easy", Scores()) == ["B", "A"]
    assert len(asked) == 4
    text = subject.tokenizer.decode(asked[0][0])
    assert "Multiple Choice question: q" in text
    assert text.endswith("assistant\n")


def test_the_mean_names_its_tasks_and_the_missing_ones_have_no_value(
    subject, tmp_path, monkeypatch
):
    files = [
        write(tmp_path, "arc_easy.jsonl", [{**ARC, "gold": n % 2} for n in range(4)]),
        write(
            tmp_path,
            "gsm8k.jsonl",
            [{**GSM, "question": f"{n} {GSM['question']}"} for n in range(9)],
        ),
    ]
    monkeypatch.setattr(chat_core_files, "letters", lambda _, problems, *__: ["A"] * len(problems))
    said = iter(
        [Reply("2 + 1,198: it is 1200.", True), Reply("It is 1,200", False), Reply("12", True)]
    )
    monkeypatch.setattr(
        chat_core_files, "ask_questions", lambda _, asked, __: [next(said) for _ in asked]
    )
    scores = Scores()
    missing = chat_core_files.measure(subject, files, scores)
    assert missing == ["arc_challenge", "mmlu", "humaneval"]
    found: dict[Any, Any] = {(row["task"], row["metric"]): row for row in scores.rows}
    easy = found["arc_easy", "accuracy"]
    assert easy["n"] == 3  # evals.core_questions
    assert found["arc_easy", "centred_score"]["value"] == pytest.approx(
        (easy["value"] - 0.25) / 0.75
    )
    assert found["gsm8k", "accuracy"]["value"] == pytest.approx(1 / 3)
    assert found["gsm8k", "centred_score"]["value"] == pytest.approx(1 / 3)
    mean = found["arc_easy+gsm8k", "nanochat_chat_core"]
    assert mean["value"] == pytest.approx((found["arc_easy", "centred_score"]["value"] + 1 / 3) / 2)
    assert mean["low"] < mean["value"] < mean["high"]
    halves = []
    for name, chance in (("arc_easy", 0.25), ("gsm8k", 0.0)):
        row = found[name, "centred_score"]
        halves.append(row["value"] - row["low"])
        share = (found[name, "accuracy"]["value"] * 3 + 2) / 7  # Agresti and Coull's
        assert halves[-1] == pytest.approx(Z * math.sqrt(share * (1 - share) / 7) / (1 - chance))
        assert row["high"] <= 1
    assert mean["value"] - mean["low"] == pytest.approx(math.hypot(*halves) / 2)
    of_sums = [(row["completion"], row["correct"]) for row in scores.samples[2:]]
    assert of_sums == [("2 + 1,198: it is 1200.", True), ("", False)]
    assert scores.samples[0]["prompt"].startswith("Multiple Choice question: Which is a metal?")
    for name in missing:
        assert found[name, "centred_score"]["value"] is None


def test_no_limit_asks_all(subject, tmp_path, monkeypatch):
    files = [write(tmp_path, "arc_easy.jsonl", [ARC] * 5)]
    monkeypatch.setattr(chat_core_files, "letters", lambda _, problems, *__: ["A"] * len(problems))
    config = dataclasses.replace(subject.config, core_questions=0)
    scores = Scores()
    chat_core_files.measure(dataclasses.replace(subject, config=config), files, scores)
    assert scores.rows[0]["n"] == 5


def test_a_choice_that_loses_its_beginning_is_counted(subject, monkeypatch):
    monkeypatch.setattr(chat_core_files, "score", lambda *given, **_: [(0.0, True)] * len(given[1]))
    scores = Scores()
    problems = [Problem("word " * 4_000, ("w",), "A"), Problem("r", ("w", "x", "y"), "A")]
    chat_core_files.letters(subject, problems, "mmlu", scores)
    (row,) = scores.rows  # n is choices
    assert (row["task"], row["value"], row["n"]) == ("mmlu_cut_to_the_context", 0.25, 4)


def test_a_real_model_is_asked_and_a_base_model_is_not(subject, tmp_path):
    files = [write(tmp_path, "arc_easy.jsonl", [ARC]), write(tmp_path, "gsm8k.jsonl", [GSM])]
    scores = Scores()
    chat_core_files.measure(subject, files, scores)
    found = {(row["task"], row["metric"]): row for row in scores.rows}
    assert found["arc_easy", "accuracy"]["value"] in (0, 1)
    assert found["gsm8k_too_long_for_the_context", "share"]["n"] == 1

    class Base:
        has_conversation_tokens = False

    base = dataclasses.replace(subject, tokenizer=Base())
    nothing = Scores()
    assert chat_core_files.measure(base, files, nothing) == []
    assert not nothing.rows


def test_a_problem_longer_than_the_context_is_wrong_and_counted(subject, monkeypatch):
    monkeypatch.setattr(
        chat_core_files, "ask_questions", lambda _, asked, __: [Reply("7", True)] * len(asked)
    )
    scores = Scores()
    problems = [Problem("word " * 4_000, (), "7"), Problem("3 + 4?", (), "7")]
    assert chat_core_files.numbers(subject, problems, "gsm8k", scores) == ["", "7"]
    (row,) = scores.rows
    assert (row["task"], row["value"]) == ("gsm8k_too_long_for_the_context", 0.5)
