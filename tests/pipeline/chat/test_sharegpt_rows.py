"""ShareGPT's rows: the plain ones, LLaMA-Factory's with tools, NousResearch's with Hermes tags."""

import json
from typing import Any

import pytest

from pipeline.chat.conversation import Conversation, Message, ToolCall
from pipeline.chat.row_fields import RejectedRow
from pipeline.chat.sharegpt_rows import parse


def row(*turns: tuple[Any, Any], **more: Any) -> dict[str, Any]:
    return {"conversations": [{"from": who, "value": what} for who, what in turns], **more}


def test_plain_turns() -> None:
    found = parse({"id": "QWJhYvA_0", **row(("human", "Hi"), ("gpt", "Hello!"))})
    assert found == Conversation((Message("user", "Hi"), Message("assistant", "Hello!")))
    assert parse(row(("system", " "), ("human", "Hi"), ("gpt", "Hello!"))) == found
    for assistant in ("chatgpt", "bing", "bard", "assistant"):
        assert parse(row(("user", "Hi"), (assistant, "Hello!"))) == found


def test_llama_factorys_glaive_rows_with_a_call_and_its_observation() -> None:
    tools = [{"name": "get_exchange_rate", "parameters": {"type": "object", "properties": {}}}]
    value = {"name": "get_exchange_rate", "arguments": {"base": "USD", "target": "EUR"}}
    found = parse(
        row(
            ("human", "How many euros is a dollar?"),
            ("function_call", json.dumps(value)),
            ("observation", '{"rate": 0.92}'),
            ("gpt", "0.92."),
            system="You know rates.",
            tools=json.dumps(tools),
        )
    )
    assert found == Conversation(
        (
            Message("system", "You know rates."),
            Message("user", "How many euros is a dollar?"),
            Message(
                "assistant",
                "",
                (ToolCall("get_exchange_rate", '{"base": "USD", "target": "EUR"}'),),
            ),
            Message("tool", '{"rate": 0.92}'),
            Message("assistant", "0.92."),
        ),
        (json.dumps({"type": "function", "function": tools[0]}),),
    )


def test_several_calls_in_one_message() -> None:
    value = [{"name": "a", "arguments": {}}, {"name": "b", "arguments": '{"x": 1}'}]
    found = parse(row(("human", "?"), ("function_call", json.dumps(value)), tools=""))
    assert found.messages[1].tool_calls == (ToolCall("a", "{}"), ToolCall("b", '{"x": 1}'))
    assert found.tools == ()


def test_hermes_tags_become_calls_and_outputs() -> None:
    text = (
        'I look.\n<tool_call>\n{"arguments": {"symbol": "TSLA"}, "name": "price"}\n</tool_call>\n'
        '<tool_call>\n{"name": "news", "arguments": {"of": {"name": "Tesla"}}}\n</tool_call>'
    )
    outputs = (
        '<tool_response>\n{"price": 1}\n</tool_response>\n<tool_response>\n[]\n</tool_response>\n'
    )
    found = parse(row(("human", "?"), ("gpt", text), ("tool", outputs), ("gpt", "1.")))
    assert found.messages == (
        Message("user", "?"),
        Message(
            "assistant",
            "I look.",
            (
                ToolCall("price", '{"symbol": "TSLA"}'),
                ToolCall("news", '{"of": {"name": "Tesla"}}'),
            ),
        ),
        Message("tool", '{"price": 1}'),
        Message("tool", "[]"),
        Message("assistant", "1."),
    )


def test_hermes_tags_may_hold_several_lines() -> None:
    text = '<tool_call>\n{\n  "name": "price",\n  "arguments": {"of": "TSLA"}\n}\n</tool_call>'
    output = '<tool_response>\n{\n  "price": 1\n}\n</tool_response>'
    found = parse(row(("human", "?"), ("gpt", text), ("tool", output), ("gpt", "1.")))
    assert found.messages[1:3] == (
        Message("assistant", "", (ToolCall("price", '{"of": "TSLA"}'),)),
        Message("tool", '{\n  "price": 1\n}'),
    )


def test_a_text_about_tags_stays_a_text() -> None:
    about = "In <tool_call>here</tool_call> is a call, <tool_response>x</tool_response> an output."
    found = parse(row(("human", about), ("gpt", about)))
    assert [m.content for m in found.messages] == [about, about]
    call = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    output = "Two: <tool_response>x</tool_response> and more"
    assert parse(row(("human", "?"), ("gpt", call), ("tool", output))).messages[2].content == output


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"conversations": None}, "missing_field"),
        (row(("human", None)), "missing_field"),
        (row((None, "x")), "missing_field"),
        (row(("alien", "x")), "unknown_role"),
        (row(("human", 5)), "not_text"),
        ({"conversations": ["x"]}, "not_text"),
        (row(("human", "?"), ("function_call", "price(TSLA)")), "invalid_tool_call"),
        (row(("human", "?"), ("function_call", "[]")), "invalid_tool_call"),
        (row(("human", "?"), ("function_call", '{"name": "f"}')), "invalid_tool_call"),
        (row(("gpt", "<tool_call>{'name': 'f'}</tool_call>")), "invalid_tool_call"),
        (row(("human", "x"), tools="none"), "invalid_tools"),
        (row(("human", "x"), system=5), "not_text"),
        ({"conversations": [{"from": "gpt", "value": "x", "weight": 0}]}, "untrained_message"),
    ],
)
def test_wrong_rows_say_what_is_wrong(broken: dict[str, Any], why: str) -> None:
    with pytest.raises(RejectedRow) as caught:
        parse(broken)
    assert caught.value.reason == why
