"""Chunks of a choice, joined as OpenAI's client joins them, are the whole choice."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from random_models import byte_tokenizer

from pipeline.chat.messages import ToolCall
from pipeline.serve.chat_choice import ChatChoice
from pipeline.serve.reply_events import (
    CallAnswered,
    CallBegun,
    CallMade,
    CallPiece,
    ReplyEvent,
    ReplyOver,
    SampledToken,
    TextPiece,
)
from pipeline.tools.tool import ToolOutput

TOKENIZER = byte_tokenizer()

texts = st.text(alphabet="ab\n", max_size=3)
pieces = st.builds(
    TextPiece,
    texts,
    st.lists(st.builds(SampledToken, st.integers(0, 257), st.just(-1.0))).map(tuple),
)


@st.composite
def happenings(draw: st.DrawFn) -> list[ReplyEvent]:
    found: list[ReplyEvent] = []
    number = 0
    for _ in range(draw(st.integers(0, 2))):  # rounds on the server's tools
        found += draw(st.lists(pieces, max_size=2))
        calls = []
        for _ in range(draw(st.integers(1, 2))):
            calls.append(ToolCall("f", f'{{"n": {number}}}', f"call_{number}"))
            number += 1
        found += [CallMade(call, served=True) for call in calls]
        found += [CallAnswered(call, ToolOutput(draw(texts))) for call in calls]
    found += draw(st.lists(pieces, max_size=3))
    for _ in range(draw(st.integers(0, 3))):
        pieces_of = draw(st.lists(texts, max_size=3))  # of the arguments, as they are written
        call = ToolCall("g", "".join(pieces_of), f"call_{number}")
        if draw(st.booleans()):
            found.append(CallBegun(ToolCall("g", "", call.id)))
            found += map(CallPiece, pieces_of)
        found.append(CallMade(call, cut=draw(st.booleans())))
        number += 1
    return [*found, ReplyOver("stop", 3)]


def joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The message of a stream's deltas."""
    message: dict[str, Any] = {}
    for chunk in chunks:
        for key, value in chunk["delta"].items():
            if key in ("tool_calls", "tool_events"):
                for part in value:
                    listed = message.setdefault(key, [])
                    if part["index"] == len(listed):
                        listed.append({})
                    _merge(listed[part["index"]], {k: v for k, v in part.items() if k != "index"})
            elif key == "content":
                message["content"] = message.get("content", "") + value
            else:
                message[key] = value
    return message


def _merge(into: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        elif key == "arguments":
            into[key] = into.get(key, "") + value
        else:
            assert key not in into, f"{key} comes once"
            into[key] = value


@given(happenings(), st.booleans())
def test_joined_chunks_are_the_whole(events: list[ReplyEvent], tells: bool) -> None:
    choice = ChatChoice(2, TOKENIZER if tells else None)
    chunks = [choice.begin(), *(chunk for event in events for chunk in choice.take(event))]
    whole = choice.whole()
    message = joined(chunks)
    if whole["message"]["content"] is None:
        assert message.pop("content") == ""
        assert whole["message"].pop("content") is None
    assert message == whole["message"]
    assert [chunk["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["finish_reason"] == whole["finish_reason"] == "stop"
    assert {chunk["index"] for chunk in chunks} == {2}
    told = [one for chunk in chunks if chunk["logprobs"] for one in chunk["logprobs"]["content"]]
    tokens = [token for event in events if isinstance(event, TextPiece) for token in event.tokens]
    if tells:
        assert told == whole["logprobs"]["content"]
        assert len(told) == len(tokens)
    else:
        assert (told, whole["logprobs"]) == ([], None)


def test_calls_of_the_client_are_tool_calls_without_content() -> None:
    choice = ChatChoice(0)
    choice.take(CallMade(ToolCall("f", "{}", "call_1")))
    choice.take(ReplyOver("tool_calls", 9))
    assert choice.whole()["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
    }


def test_a_call_is_told_as_it_is_written() -> None:
    choice = ChatChoice(0)
    events: list[ReplyEvent] = [
        CallBegun(ToolCall("f", "", "call_1")),
        CallPiece('{"a": '),
        CallPiece("1}"),
    ]
    whole = CallMade(ToolCall("f", '{"a": 1}', "call_1"))
    deltas = [chunk["delta"] for event in [*events, whole] for chunk in choice.take(event)]
    head = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert deltas == [
        {"tool_calls": [{"index": 0, **head}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": '}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
    ]


def test_calls_of_the_server_are_events_and_rounds_begin_lines() -> None:
    choice = ChatChoice(0)
    call = ToolCall("f", "{}", "call_1")
    events: list[ReplyEvent] = [
        TextPiece("Let me see."),
        CallMade(call, served=True),
        CallAnswered(call, ToolOutput("7", "done")),
        TextPiece("It is 7."),
        ReplyOver("stop", 9),
    ]
    for event in events:
        choice.take(event)
    assert choice.whole()["message"] == {
        "role": "assistant",
        "content": "Let me see.\nIt is 7.",
        "refusal": None,
        "tool_events": [
            {"id": "call_1", "name": "f", "arguments": "{}", "output": "7", "ending": "done"}
        ],
    }
