"""What is a task, what an answer, and which line says that something is neither."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.chat.conversation import Conversation, Message, ToolCall
from pipeline.labels.labeling_task import LabelingTask, check_answer, is_right, task_of
from storage.errors import UserError

TWO = ["It is 4.", "It is 5."]
TOOL = json.dumps({"type": "function", "function": {"name": "add"}})


def test_the_kind_follows_from_the_answers() -> None:
    assert task_of({"prompt": "2 + 2?"}, "f:1").kind == "write"
    assert task_of({"prompt": "2 + 2?", "answer": "5"}, "f:1").kind == "correct"
    assert task_of({"prompt": "2 + 2?", "answers": TWO}, "f:1").kind == "compare"


def test_a_whole_conversation_with_tools_comes_back_from_its_row() -> None:
    prompt = Conversation(
        (
            Message("system", "Be brief."),
            Message("user", "2 + 2?"),
            Message("assistant", "", (ToolCall("add", '{"a": 2, "b": 2}', "c1"),)),
            Message("tool", "4", tool_call_id="c1"),
        ),
        (TOOL,),
    )
    task = LabelingTask("compare", prompt, ("4", "Four."), ("a",))
    assert task_of(json.loads(json.dumps(task.row())), "f:1") == task


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.booleans())
def test_any_text_is_a_prompt_and_comes_back(text: str, gold: bool) -> None:
    row = {"prompt": text, **({"expected": "4"} if gold else {})}
    if not text.strip():
        with pytest.raises(UserError, match="empty"):
            task_of(row, "f:1")
        return
    task = task_of(row, "f:1")
    assert task_of(json.loads(json.dumps(task.row())), "f:1") == task
    assert task.is_gold == gold


def test_the_name_says_what_is_shown_and_nothing_of_gold() -> None:
    plain, gold = (
        task_of({"prompt": "Hi"}, "f"),
        task_of({"prompt": "Hi", "expected": "Hello"}, "f"),
    )
    assert plain.id == gold.id
    others = [
        {"prompt": "Hi!"},
        {"prompt": "Hi", "answer": "Hello"},
        {"prompt": "Hi", "answers": TWO},
        {"prompt": "Hi", "answers": TWO[::-1]},
        {"messages": [{"role": "system", "content": "X"}, {"role": "user", "content": "Hi"}]},
        {"messages": [{"role": "user", "content": "Hi"}], "tools": [TOOL]},
    ]
    assert len({plain.id, *(task_of(row, "f").id for row in others)}) == 7


SHARE_GPT = {"conversations": [{"from": "human", "value": "Hi"}]}
ALPACA = {"instruction": "Say hello.", "input": "", "output": "Hello."}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (SHARE_GPT, "unknown 'conversations'"),
        (ALPACA, "unknown 'input'"),
        ([1, 2], "no JSON object but \\[1, 2\\]"),
        ("Hi", "no JSON object"),
        ({}, "needs a prompt"),
        ({"prompt": "Hi", "messages": []}, "not both"),
        ({"prompt": 7}, "prompt is no text"),
        ({"prompt": " \n"}, "question is empty"),
        ({"prompt": "\ud800"}, "prompt is no text"),
        ({"messages": "Hi"}, "lists"),
        ({"messages": ["Hi"]}, "role and content"),
        ({"messages": [{"role": "user"}]}, "role and content"),
        ({"messages": [{"role": "user", "content": None}]}, "no text"),
        ({"messages": [{"role": "user", "content": "Hi", "name": "x"}]}, "role and content"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": ["x"]}]}, "tool call is"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "role"),
        (
            {"messages": [{"role": r, "content": "Hi"} for r in ("user", "assistant")]},
            "last message is the assistant's",
        ),
        ({"messages": [{"role": "system", "content": "Hi"}]}, "last message is the system's"),
        ({"prompt": "Hi", "answer": "a", "answers": TWO}, "answer or answers"),
        ({"prompt": "Hi", "answers": "ab"}, "no list"),
        ({"prompt": "Hi", "answers": [1, 2]}, "an answer is no text"),
        ({"prompt": "Hi", "answers": ["a", "b", "c"]}, "shows 2 answers, 3 are given"),
        ({"prompt": "Hi", "answers": ["a", "a"]}, "the same"),
        ({"prompt": "Hi", "kind": "rank"}, "kind 'rank': one of write"),
        ({"prompt": "Hi", "kind": ["write"]}, "kind \\['write'\\]"),
        ({"prompt": "Hi", "kind": "compare"}, "shows 2 answers, 0 are given"),
        ({"prompt": "Hi", "expected": []}, "expected is a text or a list"),
        ({"prompt": "Hi", "expected": " "}, "expected is empty"),
        ({"prompt": "Hi", "expected": 4}, "expected is a text or a list"),
        ({"prompt": "Hi", "answers": TWO, "expected": "It is 4."}, "a, tie, b"),
    ],
)
def test_rows_of_another_shape_are_refused_in_one_line(row: object, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        task_of(row, "tasks.jsonl:3")
    assert str(caught.value).startswith("tasks.jsonl:3: ")
    assert "\n" not in str(caught.value)


def test_a_file_of_one_kind_holds_no_other() -> None:
    assert task_of({"prompt": "Hi", "answer": "Ho"}, "f", "correct").kind == "correct"
    with pytest.raises(UserError, match="shows 0 answers"):
        task_of({"prompt": "Hi", "answer": "Ho"}, "f", "write")
    with pytest.raises(UserError, match="'correct' where 'write'"):
        task_of({"prompt": "Hi", "answer": "Ho", "kind": "correct"}, "f", "write")


def test_answers_are_checked_by_kind() -> None:
    comparison, write = task_of({"prompt": "?", "answers": TWO}, "f"), task_of({"prompt": "?"}, "f")
    assert [check_answer(comparison, winner) for winner in ("a", "tie", "b")] == ["a", "tie", "b"]
    with pytest.raises(UserError, match="one of a, tie, b"):
        check_answer(comparison, "first")
    assert check_answer(write, "\n  indented\n\nand more \n\n") == "  indented\n\nand more"
    with pytest.raises(UserError, match="empty"):
        check_answer(write, " \n ")
    with pytest.raises(UserError, match="UTF-8"):
        check_answer(write, "a\udcff")


def test_gold_is_right_by_winner_or_by_whole_words() -> None:
    comparison = task_of({"prompt": "?", "answers": TWO, "expected": ["a", "tie"]}, "f")
    assert [is_right(comparison, winner) for winner in ("a", "tie", "b")] == [True, True, False]
    write = task_of({"prompt": "?", "expected": ["Tarn", "St. Ives"]}, "f")
    assert is_right(write, "She was born in TARN, I think.")
    assert is_right(write, "in st. ives")
    assert not is_right(write, "She was born in Tarnwick.")
    assert is_right(task_of({"prompt": "?"}, "f"), "anything") is None
