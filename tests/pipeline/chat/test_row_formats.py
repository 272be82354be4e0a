"""The format is found by looking, and what is no conversation is rejected for what it is."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.chat.row_fields import REASONS, RejectedRow
from pipeline.chat.row_formats import FORMATS, conversation, detect, format_of

ROWS: dict[str, dict[str, Any]] = {
    "openai": {
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    },
    "sharegpt": {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    "alpaca": {"instruction": "a", "input": "", "output": "b"},
    "prompt_completion": {"prompt": "a", "completion": "b"},
}


def test_every_format_is_known_by_its_row_and_gives_the_same_conversation() -> None:
    assert tuple(ROWS) == FORMATS
    made = {conversation(row, format_of(row), True) for row in ROWS.values()}
    assert [format_of(row) for row in ROWS.values()] == list(FORMATS)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("row", "format"),
    [
        # ChatML under ShareGPT's column, and the other way round
        ({"conversations": ROWS["openai"]["messages"]}, "openai"),
        ({"messages": ROWS["sharegpt"]["conversations"]}, "sharegpt"),
        # UltraChat has its first question beside the messages, Dolly-like sets their messages
        ({**ROWS["openai"], "prompt": "a", "completion": "b"}, "openai"),
        ({**ROWS["openai"], **ROWS["alpaca"]}, "openai"),
        ({**ROWS["alpaca"], "prompt": "Below is an instruction", "completion": "b"}, "alpaca"),
        ({"text": "a"}, ""),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a"}, ""),
        ({"question": "a", "answer": "b"}, ""),
        ({"messages": []}, ""),
        ({"messages": None, "conversations": 5}, ""),
        ({"instruction": "a"}, ""),
        ({"prompt": "a", "completion": None}, ""),
        ({}, ""),
    ],
)
def test_rows_that_look_like_several_or_none(row: dict[str, Any], format: str) -> None:
    assert format_of(row) == format


def test_a_files_format_is_that_of_most_rows() -> None:
    alpaca, openai = ROWS["alpaca"], ROWS["openai"]
    assert detect([openai, alpaca, alpaca, {}]) == "alpaca"
    assert detect([alpaca, openai]) == "openai"  # of equally many the first in FORMATS
    assert detect([{}, {"text": "x"}]) == ""
    assert detect([]) == ""


def reason(row: dict[str, Any], format: str = "openai", detected: bool = True) -> str:
    with pytest.raises(RejectedRow) as caught:
        conversation(row, format, detected)
    return caught.value.reason


def test_a_row_of_another_format_is_rejected_unless_a_person_named_the_format() -> None:
    both = {**ROWS["openai"], **ROWS["alpaca"]}
    assert reason(both, "alpaca") == "another_format"
    assert conversation(both, "alpaca", False).messages[0].content == "a"
    assert reason(ROWS["openai"], "alpaca", False) == "missing_field"
    assert reason(ROWS["openai"], "") == "unknown_format"
    assert reason({"text": "of no format"}) == "missing_field"


def talk(*turns: str) -> dict[str, Any]:
    """Messages from "role:content"; a call is "call:ids", an output "tool:id"."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        role, _, rest = turn.partition(":")
        if role == "call":
            calls = [
                {"id": i, "function": {"name": "f", "arguments": "{}"}} for i in rest.split(",")
            ]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        elif role == "tool":
            messages.append({"role": "tool", "content": "1", "tool_call_id": rest})
        else:
            messages.append({"role": role, "content": rest})
    return {"messages": messages}


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        (["user:a"], "no_assistant"),
        (["system:a"], "no_assistant"),
        (["user:a", "assistant:"], "empty_message"),
        (["user: \n", "assistant:b"], "empty_message"),
        (["assistant:a", "user:b"], "out_of_turn"),
        (["user:a", "user:b", "assistant:c"], "out_of_turn"),
        (["user:a", "assistant:b", "assistant:c"], "out_of_turn"),
        (["user:a", "system:s", "assistant:b"], "out_of_turn"),
        (["user:a", "call:1", "user:b"], "out_of_turn"),
        (["user:a", "call:1,2", "tool:1", "assistant:b"], "out_of_turn"),
        (["user:a", "assistant:b", "tool:1"], "tool_answer_without_call"),
        (["user:a", "tool:1", "assistant:b"], "tool_answer_without_call"),
        (["user:a", "call:1", "tool:1", "tool:1", "assistant:b"], "tool_answer_without_call"),
        (["user:a", "call:1", "tool:2", "assistant:b"], "tool_answer_without_call"),
        (["user:a", "call:", "tool:2", "assistant:b"], "tool_answer_without_call"),
        (["user:a", "call:1,1", "tool:1"], "invalid_tool_call"),
    ],
)
def test_what_is_no_conversation_says_why(turns: list[str], why: str) -> None:
    assert reason(talk(*turns)) == why


@pytest.mark.parametrize(
    "turns",
    [
        ["system:s", "user:a", "assistant:b", "user:c", "assistant:d"],
        ["user:a", "call:1,2", "tool:2", "tool:1", "assistant:b"],
        ["user:a", "call:1", "tool:", "assistant:b"],
        ["user:a", "call:1,2", "tool:", "tool:2", "assistant:b"],  # no id: of the first call
        ["user:a", "call:1", "tool:1", "call:2", "tool:2", "assistant:b", "user:c"],
        ["user:a", "call:1"],
    ],
)
def test_what_is_one_is_taken(turns: list[str]) -> None:
    assert len(conversation(talk(*turns), "openai", True).messages) == len(turns)


def test_reasons_are_known_and_details_short() -> None:
    assert len(RejectedRow("too_long", "x" * 10_000).detail) < 1_000
    with pytest.raises(AssertionError):
        RejectedRow("no such reason")
    page = (Path(__file__).parents[3] / "docs" / "your-own-conversations.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \|", page.partition("## What is rejected")[2], re.MULTILINE)
    assert listed == list(REASONS)
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)[: len(FORMATS)] == list(FORMATS)
