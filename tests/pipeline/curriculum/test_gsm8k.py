"""GSM8K's file: every row a problem or a reject with its line and reason, or one clear line."""

import gzip
import json
import random
from pathlib import Path

import pytest

from pipeline.curriculum import gsm8k
from pipeline.curriculum.held_out import SPLITS, problem_split
from pipeline.curriculum.tasks import check
from storage.errors import UserError

REAL = Path("/work/shared/eval/gsm8k_train.jsonl.gz")


def row(number: int, answer: str = "2 + 3 = <<2+3=5>>5 coins.\n#### 5") -> str:
    return json.dumps({"question": f"Tom has {number} bags. How many?", "answer": answer})


def written(folder: Path, *lines: str) -> Path:
    path = folder / "gsm8k_train.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_row_is_a_task_with_its_number_and_its_working(tmp_path):
    (task,) = gsm8k.read(written(tmp_path, row(1, "<<1*2=2>>2 bags.\n#### 1,200"))).tasks
    assert task.prompt == "Tom has 1 bags. How many?"
    assert task.answer == "1200"
    assert task.solution == "2 bags. The answer is 1,200."
    assert task.problem == "gsm8k:tom has 1 bags. how many?"
    assert check(task, task.solution, True)
    assert not check(task, "12", True)


def test_bad_rows_are_counted_with_line_and_reason(tmp_path):
    lines = [
        row(1),
        "{",
        "",
        "[1]",
        json.dumps({"question": "Q?"}),
        json.dumps({"question": " ", "answer": "#### 1"}),
        row(2, "5 coins"),
        row(3, "#### five"),
        row(1),
        '{"question": "a", "question": "b", "answer": "#### 1"}',
        '{"question": "\\ud800?", "answer": "#### 1"}',
        row(4, "#### -3"),
    ]
    found = gsm8k.read(written(tmp_path, *lines))
    assert [task.answer for task in found.tasks] == ["5", "-3"]
    assert found.rows == 11 == len(found.tasks) + len(found.rejected)
    said = {bad.line: bad.reason for bad in found.rejected}
    assert said[2].startswith("no JSON")
    assert said[4] == "a row is a JSON object"
    assert said[5] == "a row needs a text 'answer'"
    assert said[6] == "a row needs a text 'question'"
    assert said[7] == "'answer' has no #### before its number"
    assert said[8] == "after #### stands 'five', and no number"
    assert said[9] == "the question stands above already"
    assert "key twice" in said[10]
    assert "surrogate" in said[11]
    assert [*said] == [2, 4, 5, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        (row(1, "no number"), "line 1: 'answer' has no ####"),
        ("\n\n{}", "line 3: a row needs a text 'question'"),
    ],
)
def test_a_file_without_a_problem_is_one_line(tmp_path, text, said):
    with pytest.raises(UserError, match=f"gsm8k_train.jsonl holds no problem.*{said}"):
        gsm8k.read(written(tmp_path, text))


def test_files_are_read_packed_with_a_mark_and_by_line_feeds_alone(tmp_path):
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + row(1).encode()))
    assert len(gsm8k.read(packed).tasks) == 1
    line = json.dumps({"question": "a\u2028b?", "answer": "#### 1"}, ensure_ascii=False)
    assert gsm8k.read(written(tmp_path, line)).tasks[0].prompt == "a\u2028b?"


@pytest.mark.parametrize("data", [b"\xff\xfe", gzip.compress(b"x" * 400, mtime=0)[:-9], None])
def test_what_cannot_be_read_is_one_line(tmp_path, data):
    path = tmp_path / "gsm8k_train.jsonl.gz"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UserError, match=r"gsm8k_train\.jsonl\.gz can't be read"):
        gsm8k.read(path)


def test_too_much_when_unpacked_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(gsm8k, "MOST_BYTES", 10)
    path = tmp_path / "gsm8k_train.jsonl.gz"
    path.write_bytes(gzip.compress(row(1).encode()))
    with pytest.raises(UserError, match="can't be read: more than 10 bytes"):
        gsm8k.read(path)


def test_a_split_draws_its_own_problems_alone(tmp_path):
    tasks = gsm8k.read(written(tmp_path, *(row(n) for n in range(200)))).tasks
    kind = gsm8k.kind(tasks, "gsm8k_math_verify")
    rng = random.Random(0)
    seen = {split: {kind.make(1, split, rng).problem for _ in range(900)} for split in SPLITS}
    for split in SPLITS:
        own = {task.problem for task in tasks if problem_split(task.problem) == split}
        assert seen[split] == own
    assert kind.make(1, "rl", rng).kind == "gsm8k_math_verify"
    few = gsm8k.kind(tasks[:1], "gsm8k")
    others = [split for split in SPLITS if split != problem_split(tasks[0].problem)]
    with pytest.raises(UserError, match="none of 1 problems is of split"):
        few.make(1, others[0], rng)


@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL} is not here")
def test_the_published_training_set_is_read_whole():
    found = gsm8k.read(REAL)
    assert found.rows == 7_473
    assert not found.rejected
    assert all(check(task, task.solution, True) for task in found.tasks)
