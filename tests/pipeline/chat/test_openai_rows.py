"""OpenAI's messages: as its fine-tuning guide has them, as Hugging Face stores them, and wrong."""

import json
from typing import Any

import pytest

from pipeline.chat.conversation import Conversation, Message, ToolCall
from pipeline.chat.openai_rows import parse
from pipeline.chat.row_fields import RejectedRow

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}


def row(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def reason(broken: dict[str, Any]) -> str:
    with pytest.raises(RejectedRow) as caught:
        parse(broken)
    return caught.value.reason


def test_the_fine_tuning_guides_example_with_a_call_in_parallel() -> None:
    call = {
        "id": "call_id",
        "type": "function",
        "function": {
            "name": "get_current_weather",
            "arguments": '{"location": "São Paulo", "format": "celsius"}',
        },
    }
    found = parse(
        row(
            said("system", "You help."),
            said("user", "What is the weather in São Paulo?", name="ann"),
            {"role": "assistant", "tool_calls": [call, {**call, "id": "other"}]},
            said("tool", "21", tool_call_id="call_id"),
            said("tool", "22", tool_call_id="other"),
            said("assistant", "Warm.", weight=1),
            parallel_tool_calls=True,
            tools=[WEATHER],
        )
    )
    arguments = '{"location": "São Paulo", "format": "celsius"}'
    assert found == Conversation(
        (
            Message("system", "You help."),
            Message("user", "What is the weather in São Paulo?"),
            Message(
                "assistant",
                "",
                (
                    ToolCall("get_current_weather", arguments, "call_id"),
                    ToolCall("get_current_weather", arguments, "other"),
                ),
            ),
            Message("tool", "21", tool_call_id="call_id"),
            Message("tool", "22", tool_call_id="other"),
            Message("assistant", "Warm."),
        ),
        (json.dumps(WEATHER),),
    )


def test_the_older_form_with_functions() -> None:
    found = parse(
        row(
            said("user", "Weather?"),
            said(
                "assistant",
                None,
                function_call={"name": "get_current_weather", "arguments": ' {"location":"Rome"}'},
            ),
            said("function", '{"temperature": 21}', name="get_current_weather"),
            said("assistant", "21."),
            functions=[WEATHER["function"]],
        )
    )
    call = ToolCall("get_current_weather", '{"location": "Rome"}')
    assert found.messages[1] == Message("assistant", "", (call,))
    assert found.messages[2] == Message("tool", '{"temperature": 21}')
    assert found.tools == (json.dumps(WEATHER),)


def test_hugging_faces_form_with_objects_and_texts_of_json() -> None:
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": [2.5]}}}
    messages = [
        said("user", "1 + 2.5?"),
        {"role": "assistant", "tool_calls": [call]},
        said("tool", {"sum": 3.5}, name="add"),
        said("assistant", "3.5"),
    ]
    found = parse({"conversations": "\n" + json.dumps(messages), "tools": json.dumps([WEATHER])})
    assert found.messages[1].tool_calls == (ToolCall("add", '{"a": 1, "b": [2.5]}'),)
    assert found.messages[2] == Message("tool", '{"sum": 3.5}')
    assert found.tools == (json.dumps(WEATHER),)


def test_text_parts_are_joined_and_a_refusal_is_what_was_said() -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": "text", "text": "a cat."}]
    found = parse(
        row(said("user", parts), said("assistant", None, refusal="I can't see."), tools=None)
    )
    assert found.messages == (
        Message("user", "Look:\na cat."),
        Message("assistant", "I can't see."),
    )


def test_developer_is_system_and_an_empty_system_message_is_none() -> None:
    assert parse(row(said("developer", "Be short."), said("user", "Hi"))).messages[0] == Message(
        "system", "Be short."
    )
    assert parse(row(said("system", " "), said("user", "Hi"))).messages == (Message("user", "Hi"),)


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file", "video"])
def test_what_is_no_text_is_rejected_as_such(kind: str) -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": kind, kind: {"url": "https://a.b/c.png"}}]
    assert reason(row(said("user", parts), said("assistant", "A cat."))) == "not_a_text_part"


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"messages": None}, "missing_field"),
        ({"text": "x"}, "missing_field"),
        (row(said("user", None)), "missing_field"),
        (row({"role": "user"}), "missing_field"),
        (row({"content": "x"}), "missing_field"),
        (row(said("assistant", None)), "missing_field"),
        (row(said("assistant", None, tool_calls=[])), "missing_field"),
        (row(said("user", [{"type": "text"}])), "missing_field"),
        (row(said("user", 5)), "not_text"),
        (row(said("user", {"text": "x"})), "not_text"),
        (row(said("user", [5])), "not_text"),
        ({"messages": ["Hi", "Hello"]}, "not_text"),
        (row(said("bot", "x")), "unknown_role"),
        (row(said(5, "x")), "unknown_role"),  # type: ignore[arg-type]
        (row(said("assistant", "x", weight=0)), "untrained_message"),
        (row(said("assistant", "x", weight=0.5)), "untrained_message"),
        (row(said("user", "half \ud83d")), "lone_surrogate"),
        (row(said("assistant", None, tool_calls="f")), "invalid_tool_call"),
        (row(said("assistant", None, tool_calls=["f"])), "invalid_tool_call"),
        (row(said("tool", "x", tool_call_id=1)), "not_text"),
        (row(said("tool", [{"type": "image"}])), "not_a_text_part"),
        (row(said("user", "x"), tools="[{"), "invalid_tools"),
        (row(said("user", "x"), tools=5), "invalid_tools"),
        (row(said("user", "x"), tools=["f"]), "invalid_tools"),
        (row(said("user", "x"), tools=[{"type": "function", "function": {}}]), "invalid_tools"),
        (row(said("user", "x"), tools=[{"name": 5}]), "invalid_tools"),
        (row(said("user", "x"), tools=[{**WEATHER, "type": "file_search"}]), "invalid_tools"),
    ],
)
def test_wrong_rows_say_what_is_wrong(broken: dict[str, Any], why: str) -> None:
    assert reason(broken) == why


@pytest.mark.parametrize(
    "function",
    [
        {"arguments": "{}"},
        {"name": "", "arguments": "{}"},
        {"name": "f"},
        {"name": "f", "arguments": "{"},
        {"name": "f", "arguments": "[1]"},
        {"name": "f", "arguments": '"x"'},
        {"name": "f", "arguments": '{"a": NaN}'},
        {"name": "f", "arguments": 5},
        {"name": "f", "arguments": '{"a": 1, "a": 2}'},
        {"name": 'f"', "arguments": "{}"},
        {"name": "f\n", "arguments": "{}"},
    ],
)
def test_a_call_needs_a_name_and_an_object_of_arguments(function: dict[str, Any]) -> None:
    for call in ({"id": "1", "type": "function", "function": function}, function):
        assert reason(row(said("assistant", None, tool_calls=[call]))) == "invalid_tool_call"


def test_a_call_is_of_a_function_and_its_id_a_text() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    assert parse(row(said("assistant", None, tool_calls=[call]))).messages[0].tool_calls
    for wrong in ({"type": "custom"}, {"id": 1}):
        broken = row(said("assistant", None, tool_calls=[call | wrong]))
        assert reason(broken) == "invalid_tool_call"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([1, "two"], '[1, "two"]'),  # what a tool gave back, not parts of a content
        ([{"rate": 0.5}], '[{"rate": 0.5}]'),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([], ""),
    ],
)
def test_a_tools_list_is_its_json_unless_it_has_parts(content: list[Any], text: str) -> None:
    assert parse(row(said("tool", content))).messages == (Message("tool", text),)


def test_parts_of_every_spelling_are_text() -> None:
    # the Responses API's names, a refusal among parts, and parts without any name
    parts = [
        {"type": "input_text", "text": "a"},
        {"type": "refusal", "refusal": "b"},
        {"text": "c"},
        "d",
    ]
    assert parse(row(said("user", parts))).messages == (Message("user", "a\nb\nc\nd"),)


def test_one_tool_may_stand_without_a_list_and_text_of_a_broken_list_is_no_list() -> None:
    assert parse(row(said("user", "x"), tools=WEATHER)).tools == (json.dumps(WEATHER),)
    assert reason({"messages": '[{"role": "user"'}) == "missing_field"


def test_a_call_without_parameters_may_have_no_text_of_arguments() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "now", "arguments": ""}}
    assert parse(row(said("assistant", "", tool_calls=[call]))).messages[0].tool_calls == (
        ToolCall("now", "{}", "1"),
    )


def test_a_surrogate_in_arguments_tools_and_ids_is_found() -> None:
    call = {"function": {"name": "f", "arguments": r'{"a": "\ud83d"}'}}
    assert reason(row(said("assistant", None, tool_calls=[call]))) == "lone_surrogate"
    assert reason(row(said("user", "x"), tools=[{"name": "\udc00"}])) == "lone_surrogate"
    assert reason(row(said("tool", "x", tool_call_id="\udc00"))) == "lone_surrogate"
    named = {"id": "\udc00", "function": {"name": "f", "arguments": "{}"}}
    assert reason(row(said("assistant", None, tool_calls=[named]))) == "lone_surrogate"


def test_arguments_that_json_has_no_form_for_are_no_text() -> None:
    # as Parquet may hold them
    for value in (float("nan"), float("inf"), b"x"):
        call = {"function": {"name": "f", "arguments": {"a": value}}}
        assert reason(row(said("assistant", None, tool_calls=[call]))) == "not_text"
