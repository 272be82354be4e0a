"""Task files: llm-foundry's rows, two data sets' own formats, and what is no such file."""

import gzip
import json

import pytest

from pipeline.evals import core, icl, icl_files
from pipeline.evals.icl import Task
from storage.errors import UserError

TASK = Task("copa", "copa", "multiple_choice", 0, 0.5)
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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{not json\n", "no rows of task copa"),
        (b'{"query": "So", "choices": ["a"]}\n', "line 1: a multiple_choice row needs 'gold'"),
        (b"\n\n", "is empty"),
        (b"\xff\xfe\x00", "can't be read"),
        (b"[1, 2]\n", "needs 'query'"),
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
