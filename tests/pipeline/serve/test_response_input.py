"""Items as messages; what is wrong is named by its place."""

from typing import Any

import pytest

from pipeline.chat.conversation import assistant, system, tool, user
from pipeline.chat.messages import ToolCall
from pipeline.serve.field_errors import InvalidField
from pipeline.serve.response_input import flat_tools, input_messages

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}


def test_items_are_messages_and_calls_join_what_was_said_before_them() -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Wait.", "annotations": []}],
        },
        CALL,
        CALL | {"call_id": "c2", "arguments": ""},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "two"}],
        },
        CALL | {"call_id": "c3"},
    ]
    found = input_messages(items)
    assert [placed.said for placed in found] == [
        system("Be brief."),
        user("Hi"),
        assistant("Wait.", [ToolCall("f", '{"a": 1}', "c1"), ToolCall("f", "{}", "c2")]),
        tool("one", "c1"),
        tool("two", "c2"),
        assistant("", [ToolCall("f", '{"a": 1}', "c3")]),
    ]
    assert [placed.field for placed in found] == [f"input[{at}]" for at in (0, 1, 2, 5, 6, 7)]
    assert [placed.said for placed in input_messages("Hi")] == [user("Hi")]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "input"),
        (3, "input"),
        ("\ud800", "input"),
        (["Hi"], "input[0]"),
        ([{"role": "robot", "content": "x"}], "input[0].role"),
        ([{"role": "user"}], "input[0].content"),
        (
            [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}],
            "input[0].content[0].type",
        ),
        ([{"type": "reasoning", "summary": []}], "input[0].type"),
        ([{"type": "item_reference", "id": "x"}], "input[0].type"),
        ([{"type": ["message"]}], "input[0].type"),
        ([CALL | {"call_id": ""}], "input[0].call_id"),
        ([CALL | {"arguments": "{"}], "input[0]"),
        ([CALL | {"name": None}], "input[0]"),
        ([{"type": "function_call_output", "call_id": "c", "output": 3}], "input[0].output"),
    ],
)
def test_what_is_wrong_is_named(value: Any, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        input_messages(value)
    assert refused.value.param == field


def test_flat_tools_are_chats() -> None:
    tool_ = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
    assert flat_tools([tool_]) == (
        '{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}',
    )
    for wrong, field in (
        ([3], "tools[0]"),
        ([{"type": "web_search"}], "tools[0].type"),
        ([tool_, tool_], "tools[1].name"),
        ([{"type": "function"}], "tools[0].name"),
    ):
        with pytest.raises(InvalidField) as refused:
            flat_tools(wrong)
        assert refused.value.param == field
