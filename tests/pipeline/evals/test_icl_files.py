"""Task files: llm-foundry's rows, two data sets' own formats, and what is no such file."""

import gzip
import json
from typing import Any, cast

import pytest

from pipeline.evals import core, icl, icl_files
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.icl import IclTask
from storage.errors import UserError

TASK = IclTask("copa", "copa", "multiple_choice", 0, 0.5)
ROW = {"query": "So", "choices": ["a", "b"], "gold": 1}


def test_rows_are_read_plain_and_packed(tmp_path):
    text = "\n".join(json.dumps(ROW) for _ in range(3)) + "\n\n"
    (tmp_path / "copa.jsonl").write_text(text)
    (tmp_path / "copa.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for file in sorted(tmp_path.iterdir()):
        assert icl_files.read(file, TASK) == [ROW] * 3


def test_files_are_found_by_their_names(tmp_path):
    files = [tmp_path / name for name in ("copa.jsonl.gz", "hellaswag_val_sample.jsonl.gz")]
    assert icl_files.find(files, TASK) == files[0]
    hellaswag = next(task for task in core.TASKS if task.name == "hellaswag_zeroshot")
    assert icl_files.find(files, hellaswag) == files[1]
    squad = next(task for task in core.TASKS if task.name == "squad")
    assert icl_files.find(files, squad) is None


def test_hellaswags_own_rows():
    row = {
        "activity_label": "Roof repair",
        "ctx_a": "A man sits on a roof [title] in the sun.",
        "ctx_b": "he",
        "endings": ["is [step] asleep.", "falls"],
        "label": "1",
    }
    assert icl_files.hellaswag(row) == {
        "query": "Roof repair: A man sits on a roof. in the sun. He",
        "choices": ["is asleep.", "falls"],
        "gold": 1,
    }


def test_squads_own_file(tmp_path):
    asked = {"question": "Who?", "answers": [{"text": "Ann"}, {"text": "Ann B."}]}
    paragraph = {"context": "Ann ran.", "qas": [asked, {"question": "?", "answers": []}]}
    file = tmp_path / "dev-v1.1.json"
    file.write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    squad = next(task for task in core.TASKS if task.name == "squad")
    assert icl_files.find([file], squad) == file
    (row,) = icl_files.read(file, squad)
    assert row == {"context": "Context: Ann ran.\nQuestion: Who?\nAnswer:", "continuation": "Ann"}


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c"])
def test_only_line_ends_end_a_line(tmp_path, sign):
    """Python's splitlines cuts at ten signs, JSON lines end at one."""
    row = {"query": f"So{sign}what", "choices": ["a\u2028b", "b"], "gold": 1}
    raw = not sign.isascii()
    text = json.dumps(row, ensure_ascii=not raw) + "\r\n" + json.dumps(ROW)
    for mark in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "copa.jsonl").write_bytes(mark + text.encode())
        assert icl_files.read(tmp_path / "copa.jsonl", TASK) == [row, ROW]


WRONG_GOLDS = ["1", "a", None, -1, 2, 10**9, 0.0, 1.0, True, [1], {"a": 1}, ""]
WRONG_CHOICES = ["ab", [], None, {"a": 1}, ["a", 2], ["a", None], ["a", " "], [["a"], "b"], 7]


def said_of(tmp_path, kind, row):
    task = IclTask("t", "t", kind, 0, 0.5)
    good: dict[str, Any] = {"query": "q", "context": "c", "continuation": "c", "gold": 0}
    good |= {"context_options": ["a", "b"], "choices": ["a", "b"]}
    lines = [json.dumps(good), "", json.dumps(good | row)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError) as raised:
        icl_files.read(tmp_path / "t.jsonl", task)
    said = str(raised.value)
    assert "t.jsonl line 3: " in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize("wrong", WRONG_GOLDS)
@pytest.mark.parametrize("kind", ["multiple_choice", "schema"])
def test_a_gold_that_is_no_choice_is_said_with_its_line(tmp_path, kind, wrong):
    assert "'gold' as the number of the right one, 0 to 1" in said_of(
        tmp_path, kind, {"gold": wrong}
    )


@pytest.mark.parametrize("wrong", WRONG_CHOICES)
@pytest.mark.parametrize(
    ("kind", "key"), [("multiple_choice", "choices"), ("schema", "context_options")]
)
def test_choices_that_are_no_list_of_texts_are_said_with_their_line(tmp_path, kind, key, wrong):
    assert f"{key!r} as a list of texts" in said_of(tmp_path, kind, {key: wrong})


@pytest.mark.parametrize(
    ("kind", "key", "wrong"),
    [
        ("multiple_choice", "query", 3),
        ("multiple_choice", "query", None),
        ("multiple_choice", "category", ["a"]),
        ("schema", "continuation", ["a"]),
        ("language_modelling", "context", {"a": 1}),
        ("language_modelling", "continuation", None),
        ("language_modelling", "continuation", " \n"),
    ],
)
def test_texts_that_are_none_are_said_with_their_line(tmp_path, kind, key, wrong):
    assert f"{key!r} as a text" in said_of(tmp_path, kind, {key: wrong})


HELLASWAG = {"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["x", "y"], "label": "1"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"label": ""}, "'gold'"),
        ({"label": "2"}, "'gold'"),
        ({"label": -1}, "'gold'"),
        ({"endings": "xy", "label": 0}, "line 2"),
        ({"endings": []}, "'choices'"),
        ({"endings": [1, 2]}, "line 2 holds no rows"),
        ({"ctx_b": None}, "line 2 holds no rows"),
    ],
)
def test_hellaswags_rows_are_checked_too(tmp_path, row, said):
    lines = [json.dumps(HELLASWAG), json.dumps(HELLASWAG | row)]
    (tmp_path / "hellaswag_val.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=said):
        icl_files.read(tmp_path / "hellaswag_val.jsonl", TASK)


def squad_file(answer):
    asked = {"question": "q", "answers": [answer]}
    return {"data": [{"paragraphs": [{"context": "c", "qas": [asked]}]}]}


SHAPES = [[], {}, {"data": 3}, {"data": [{}]}, squad_file({}), squad_file({"text": 3})]


@pytest.mark.parametrize("data", SHAPES)
def test_files_of_another_shape_are_said(tmp_path, data):
    squad = next(task for task in core.TASKS if task.name == "squad")
    (tmp_path / "dev-v1.1.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match=r"dev-v1\.1\.json"):
        icl_files.read(tmp_path / "dev-v1.1.json", squad)


def test_all_files_are_checked_before_any_is_scored(tmp_path):
    """A damaged row of the last task, and the first one's file is good."""
    good, bad = tmp_path / "copa.jsonl", tmp_path / "winogrande.jsonl"
    good.write_text(json.dumps(ROW))
    bad.write_text(json.dumps({"context_options": ["a", "b"], "continuation": "c", "gold": 2}))
    with pytest.raises(UserError, match=r"winogrande.jsonl line 1"):
        core.measure(cast(Subject, _Nobody()), [good, bad], cast(Scores, None))


class _Nobody:
    """A subject that must not be asked."""

    config = None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{not json\n", "no rows of task copa"),
        (b'{"query": "So", "choices": ["a"]}\n', "line 1: a multiple_choice row needs 'gold'"),
        (b"\n\n", "is empty"),
        (b"\xff\xfe\x00", "can't be read"),
        (b"[1, 2]\n", "line 1: a multiple_choice row needs a JSON object"),
        (b"null\n", "needs a JSON object"),
        (b"[" * 100_000, "no rows of task copa"),
    ],
)
def test_what_is_no_task_file_is_said_in_one_line(tmp_path, content, said):
    file = tmp_path / "copa.jsonl"
    file.write_bytes(content)
    with pytest.raises(UserError, match=said) as raised:
        icl_files.read(file, TASK)
    assert "copa.jsonl" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_damaged_gzip_file_is_said(tmp_path):
    file = tmp_path / "copa.jsonl.gz"
    file.write_bytes(gzip.compress(b"x" * 100)[:20])
    with pytest.raises(UserError, match="can't be read"):
        icl_files.read(file, TASK)


def test_the_public_files_hold_twenty_of_the_tasks(shared_dir):
    files = sorted((shared_dir / "eval" / "core_icl").iterdir())
    missing = []
    for task in core.TASKS:
        file = icl_files.find(files, task)
        if file is None:
            missing.append(task.name)
            continue
        (question, *_) = icl.questions(task, icl_files.read(file, task), limit=12)
        assert all(answer.startswith(" ") and answer.strip() for _, answer in question.pairs)
        assert all(context == context.rstrip() != "" for context, _ in question.pairs)
        if task.kind != "language_modelling":
            assert 0 <= question.gold < len(question.pairs)
    assert missing == ["coqa", "squad"]
