"""Tasks from files, whole or not at all; and from the questions of a conversations table."""

import json
from pathlib import Path

import pytest
from labeling import compared, written

from pipeline.chat.conversation import Message, assistant, system, to_row, user
from pipeline.labels.task_files import conversation_tasks, read_tasks, write_tasks
from storage.errors import UserError
from storage.schemas import CONVERSATIONS
from storage.tables import table, write_table


def test_tasks_that_are_written_are_read(tmp_path: Path) -> None:
    tasks = [written(1), written(2, answer="\u2028x\r\n\x85y"), compared(3, expected=["a", "tie"])]
    assert write_tasks(tasks, tmp_path / "t.jsonl") == 3
    assert read_tasks(tmp_path / "t.jsonl") == tasks


def test_prompts_of_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_bytes("\ufeffWho?\r\n\r\n  What is\u2028a line?  \nWhy?".encode())
    found = [task.prompt.messages[0].content for task in read_tasks(path)]
    assert found == ["Who?", "What is\u2028a line?", "Why?"]
    with pytest.raises(UserError, match=r"prompts.txt:1: 'compare' shows 2 answers, 0 are given"):
        read_tasks(path, "compare")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("t.csv", b"a,b", "ends in .jsonl or .txt"),
        ("t.jsonl", b"", "no tasks"),
        ("t.jsonl", b"\n \n", "no tasks"),
        ("t.jsonl", b'{"prompt": "a"}\n\n{"prompt": }\n', "t.jsonl:3: not JSON"),
        ("t.jsonl", b'[{"prompt": "a"}]', "t.jsonl:1: no JSON object"),
        ("t.jsonl", b'{"prompt": "\xff"}', "not UTF-8"),
        ("t.jsonl", b'{"prompt": "a"}\n{"question": "b"}', "t.jsonl:2: unknown 'question'"),
        ("t.jsonl", b"[" * 100_000, "not JSON"),
    ],
)
def test_files_of_another_shape(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=words) as caught:
        read_tasks(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_tasks(tmp_path / "t.jsonl")


def test_questions_of_conversations_leave_out_validation(tmp_path: Path) -> None:
    talks = [
        (
            [system("Be brief."), user("One?"), assistant("1."), user("Two?"), assistant("2.")],
            "train",
        ),
        ([user("Three?"), assistant("3.")], "train"),
        ([user("Three?"), assistant("Three.")], "train"),
        ([user("Held back?"), assistant("Yes.")], "validation"),
        ([user("No answer?")], "train"),
    ]
    rows = [
        {
            "id": f"{n}",
            "source": "x",
            **to_row(talk),
            "loss_spans": [],
            "origin": "",
            "split": split,
        }
        for n, (talk, split) in enumerate(talks)
    ]
    write_table(table(rows, CONVERSATIONS), tmp_path / "c.parquet")
    found = conversation_tasks(tmp_path / "c.parquet", "correct", 99, 0)
    asked = {task.prompt.messages[-1].content: task for task in found}
    assert set(asked) == {"Two?", "Three?"}
    assert asked["Two?"].prompt.messages[:3] == (
        system("Be brief."),
        user("One?"),
        Message("assistant", "1."),
    )
    assert asked["Two?"].answers == ("2.",)
    assert asked["Three?"].answers == ("3.",)
    (one,) = conversation_tasks(tmp_path / "c.parquet", "write", 1, 0)
    assert one.answers == ()
    chosen = {conversation_tasks(tmp_path / "c.parquet", "write", 1, n)[0].id for n in range(20)}
    assert len(chosen) == 2
    with pytest.raises(UserError, match="--model"):
        conversation_tasks(tmp_path / "c.parquet", "compare", 1, 0)
    assert json.dumps(one.row())
