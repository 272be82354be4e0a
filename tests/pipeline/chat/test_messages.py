"""Conversations that are out of order are refused by name; rows of the table lose nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conversations import conversations, drawn

from pipeline.chat.conversation import (
    Conversation,
    Message,
    ToolCall,
    assistant,
    canonical_json,
    check,
    from_row,
    system,
    to_row,
    tool,
    user,
)
from storage.errors import UserError
from storage.schemas import CONVERSATIONS
from storage.tables import read_table, table, write_table

ADD = ToolCall("add", "{}", "a")
SUB = ToolCall("sub", "{}", "b")
HI = user("hi")


@drawn
@given(talk=conversations())
def test_what_is_drawn_is_in_order_and_rows_are_inverse(talk):
    check(talk)
    assert from_row(json.loads(json.dumps(to_row(talk)))) == talk


def test_rows_survive_the_table(tmp_path):
    talk = Conversation(
        (system("s"), HI, assistant("", [ADD, SUB]), tool("1", "b"), tool("\u2028")),
        ('{"type": "function", "function": {"name": "add"}}',),
    )
    row = {"id": "x", "source": "s", "loss_spans": [], "origin": "", "split": "train"}
    write_table(table([row | to_row(talk), row | to_row([HI])], CONVERSATIONS), tmp_path / "c")
    first, second = read_table(tmp_path / "c").to_pylist()
    assert from_row(first) == talk
    assert from_row(second) == Conversation((HI,))


def test_rows_of_plain_messages_are_taken():
    assert from_row({"messages": [{"role": "user", "content": "hi"}]}) == Conversation((HI,))


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "at least one message"),
        ([assistant("Hello.")], "message 1 .* 'assistant' where 'system' or 'user' is due"),
        ([user("a"), user("b")], "message 2 .* 'user' where 'assistant' is due"),
        ([user("a"), system("b")], "message 2 .* 'system' where 'assistant' is due"),
        ([system("a"), system("b")], "message 2 .* 'system' where 'user' is due"),
        ([system("a"), assistant("b")], "message 2 .* 'assistant' where 'user' is due"),
        ([HI, Message("function", "b")], "message 2 .* 'function'"),
        ([HI, tool("b")], "message 2 .* 'tool' where 'assistant' is due"),
        ([HI, assistant("b"), tool("c")], "message 3 .* answers a call, and no such call"),
        ([HI, assistant("b"), assistant("c")], "message 3 .* 'assistant' where 'user' is due"),
        ([HI, assistant("", [ADD]), assistant("c")], "message 3 .* where 'tool' is due"),
        ([HI, assistant("", [ADD]), user("c")], "message 3 .* where 'tool' is due"),
        ([HI, assistant("", [ADD, SUB]), tool("1"), user("c")], "message 4 .* 'tool' is due"),
        ([HI, assistant("", [ADD]), tool("1"), tool("2")], "message 4 .* no such call"),
        ([HI, assistant("", [ADD]), tool("1"), user("c")], "message 4 .* 'assistant' is due"),
        ([HI, assistant("", [ADD]), tool("1", "z")], "message 3 .* answers call 'z'"),
        ([HI, assistant("", [ADD, SUB]), tool("1", "b"), tool("1", "b")], "message 4 .* 'b'"),
        ([HI, assistant("", [ADD, SUB]), tool("1"), tool("1", "a")], "message 4 .* 'a'"),
        ([HI, assistant("", [ADD, ADD])], "message 2 .* two tool calls of one id"),
        ([Message("user", "a", (ADD,))], "message 1 .* only an assistant calls tools"),
        ([Message("user", "a", tool_call_id="a")], "message 1 .* not 'tool'"),
        ([user("\ud83d")], "message 1 .* lone surrogate"),
        ([HI, assistant("", [ToolCall("a\udc00", "{}")])], "tool call 1 of message 2 .* surrogate"),
        ([HI, assistant("", [ToolCall("f", '{"a": "\\ud800"}')])], "arguments holds a lone"),
        ([HI, assistant("", [ToolCall("", "{}")])], "tool call 1 of message 2 .* name ''"),
        ([HI, assistant("", [ToolCall('a"', "{}")])], "without quotes"),
        ([HI, assistant("", [ToolCall("a\n", "{}")])], "without quotes"),
        ([HI, assistant("", [ToolCall("a", "[]")])], "no JSON object: is a list"),
        ([HI, assistant("", [ToolCall("a", "null")])], "no JSON object: is null"),
        ([HI, assistant("", [ToolCall("a", '"{}"')])], "no JSON object: is a str"),
        ([HI, assistant("", [ToolCall("a", "")])], "no JSON object"),
        ([HI, assistant("", [ToolCall("a", "{")])], "no JSON object"),
        ([HI, assistant("", [ToolCall("a", '{"a": NaN}')])], "NaN is no JSON"),
        ([HI, assistant("", [ToolCall("a", '{"a": 1, "a": 2}')])], "a key twice"),
        ([HI, assistant("", [ToolCall("a", '{"a":1}')])], "another form"),
        ([HI, assistant("", [ToolCall("a", '{"a": ' + "[" * 200_000)])], "nested too deeply"),
    ],
)
def test_what_is_out_of_order_is_one_line(messages, why):
    with pytest.raises(UserError, match=why) as caught:
        check(messages)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("{}", "no definition of a function"),
        ('{"type": "function"}', "no definition of a function"),
        ('{"type": "function", "function": {"name": 3}}', "no definition of a function"),
        ('{"type": "retrieval", "function": {"name": "a"}}', "no definition of a function"),
        ('{"type":"function","function":{"name":"a"}}', "another form"),
        ("nothing", "tool 1 of the conversation: no JSON object"),
    ],
)
def test_tools_are_definitions_of_functions(definition, why):
    with pytest.raises(UserError, match=why):
        check(Conversation((HI,), (definition,)))


def test_every_order_that_is_right_is_taken():
    check([HI])
    check([system("")])
    check([HI, assistant("", [ADD, SUB])])
    check([HI, assistant("", [ADD, SUB]), tool("2", "b")])
    check([HI, assistant("", [ADD, SUB]), tool("2", "b"), tool("1")])
    again = [assistant("", [ADD]), tool("1", "a")]
    check([HI, *again, *again, assistant("x"), HI, *again, assistant("")])


@given(value=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)))
def test_one_json_text_for_one_object(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(text) == canonical_json(json.dumps(value, indent=3)) == text


def test_canonical_json_keeps_keys_order_and_characters():
    assert (
        canonical_json('{"b":1,"a":[1.50,"\\u00e9\\u2028"]}') == '{"b": 1, "a": [1.5, "é\u2028"]}'
    )
    with pytest.raises(UserError, match="no JSON object"):
        canonical_json({"a": float("inf")})
    with pytest.raises(UserError, match="no JSON object"):
        canonical_json({"a": object()})
