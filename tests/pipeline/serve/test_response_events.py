"""A response's events: in OpenAI's order, of the shapes of both published sets of types."""

import copy
import importlib
from typing import Any

import pytest
from random_models import byte_tokenizer

from pipeline.chat.messages import ToolCall
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
from pipeline.serve.response_events import GrowingResponse
from pipeline.serve.response_request import ResponseRequest, empty_response
from pipeline.tools.tool import ToolOutput

TOKENIZER = byte_tokenizer()
CALL = ToolCall("f", '{"a": 1}', "call_1")
MESSAGE = [
    *("response.output_item.added", "response.content_part.added"),
    *["response.output_text.delta"] * 2,
    *("response.output_text.done", "response.content_part.done", "response.output_item.done"),
]
CALLED = [
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
]
ANSWERED = ["response.output_item.added", "response.output_item.done"]
BEGUN = ["response.created", "response.in_progress"]
WRITTEN: list[ReplyEvent] = [CallBegun(ToolCall("f", "", "call_1")), CallPiece('{"a": 1')]
TEXT: list[ReplyEvent] = [TextPiece("Hel", (SampledToken(3, -0.5, {3: -0.5}),)), TextPiece("lo")]


def grown(
    happened: list[ReplyEvent], logprobs: bool = False, **asked: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    request = ResponseRequest.model_validate({"input": "Hi", **asked})
    growing = GrowingResponse(empty_response(request, "m"), 5, TOKENIZER if logprobs else None)
    events = growing.begin()
    for one in happened:
        events += growing.take(one)
    return events, growing.body


def test_events_come_in_order() -> None:
    cases: list[tuple[list[ReplyEvent], list[str]]] = [
        ([*TEXT, ReplyOver("stop", 4)], [*BEGUN, *MESSAGE, "response.completed"]),
        ([*TEXT, ReplyOver("length", 4)], [*BEGUN, *MESSAGE, "response.incomplete"]),
        (
            [*TEXT, CallMade(CALL), CallMade(CALL), ReplyOver("tool_calls", 4)],
            [*BEGUN, *MESSAGE, *CALLED, *CALLED, "response.completed"],
        ),
        (
            [
                CallMade(CALL, True),
                CallAnswered(CALL, ToolOutput("7")),
                *TEXT,
                ReplyOver("stop", 4),
            ],
            [*BEGUN, *CALLED, *ANSWERED, *MESSAGE, "response.completed"],
        ),
        (
            [*TEXT, *WRITTEN, CallMade(CALL), CallMade(CALL), ReplyOver("tool_calls", 4)],
            [*BEGUN, *MESSAGE, CALLED[0], *CALLED[1:], *CALLED, "response.completed"],
        ),
        (
            [*WRITTEN, CallPiece("}"), CallMade(CALL), ReplyOver("tool_calls", 4)],
            [*BEGUN, CALLED[0], *CALLED[1:2] * 2, *CALLED[2:], "response.completed"],
        ),
        (
            [ReplyOver("stop", 1)],
            [*BEGUN, *MESSAGE[:2], *MESSAGE[4:], "response.completed"],
        ),
    ]
    for happened, names in cases:
        events, _ = grown(happened)
        assert [event["type"] for event in events] == names
        assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_the_events_tell_what_the_response_holds() -> None:
    happened: list[ReplyEvent] = [
        *TEXT,
        CallMade(CALL, True),
        CallAnswered(CALL, ToolOutput("7")),
        *TEXT,
    ]
    events, body = grown([*happened, ReplyOver("stop", 4, 6)], logprobs=True)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == body["output"]
    assert [item["type"] for item in done] == [
        *("message", "function_call", "function_call_output", "message")
    ]
    for index, item in enumerate(done):
        own = [event for event in events if event.get("output_index") == index]
        assert {event["item_id"] for event in own if "item_id" in event} <= {item["id"]}
        deltas = "".join(event["delta"] for event in own if event["type"].endswith(".delta"))
        said = item.get("arguments") or item.get("output") or item["content"][0]["text"]
        assert deltas == ("" if item["type"] == "function_call_output" else said)
    assert done[0]["content"][0]["logprobs"][0]["bytes"] == list(TOKENIZER.decode_bytes([3]))
    assert len({item["id"] for item in done}) == 4
    assert events[-1]["response"] == body
    assert body["usage"]["input_tokens"] == 5 + 6
    assert body["usage"]["total_tokens"] == 5 + 6 + 4
    assert events[0]["response"]["output"] == []


def test_what_is_cut_is_incomplete() -> None:
    _, body = grown([*TEXT, ReplyOver("length", 4)])
    assert (body["status"], body["output"][0]["status"]) == ("incomplete", "incomplete")
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert body["completed_at"] is None


def test_a_call_is_told_as_it_is_written_and_may_be_cut() -> None:
    cut = CallMade(ToolCall("f", '{"a": 1', "call_1"), cut=True)
    events, body = grown([*WRITTEN, cut, ReplyOver("length", 4)])
    added, delta, done, item_done = events[2:6]
    assert (added["item"]["arguments"], added["item"]["status"]) == ("", "in_progress")
    assert (delta["delta"], done["arguments"]) == ('{"a": 1', '{"a": 1')
    (item,) = body["output"]
    assert (
        item_done["item"]
        == item
        == added["item"]
        | {
            "arguments": '{"a": 1',
            "status": "incomplete",
        }
    )
    assert body["status"] == "incomplete"


def test_an_error_is_the_last_event() -> None:
    growing = GrowingResponse(
        empty_response(ResponseRequest.model_validate({"input": "Hi"}), "m"), 5
    )
    growing.begin()
    (failed,) = growing.fail("server_error", "it broke")
    assert failed["type"] == "response.failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": "it broke"}
    assert failed["response"]["status"] == "failed"


HAPPENED: list[ReplyEvent] = [
    *TEXT,
    CallMade(CALL, True),
    CallAnswered(CALL, ToolOutput("7")),
    *TEXT,
    CallMade(CALL),
    *WRITTEN,
    CallMade(ToolCall("f", '{"a": 1', "call_1"), cut=True),
]
ASKED: list[dict[str, Any]] = [
    {},
    {
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "f"},
        "instructions": "Be brief.",
        "metadata": {"a": "b"},
        "max_output_tokens": 20,
        "text": {"format": {"type": "json_object"}},
    },
]


def shapes(reason: Any, asked: dict[str, Any]) -> list[dict[str, Any]]:
    events, _ = grown([*HAPPENED, ReplyOver(reason, 3)], logprobs=True, **asked)
    growing = GrowingResponse(
        empty_response(ResponseRequest.model_validate({"input": "Hi", **asked}), "m"), 5
    )
    growing.begin()
    return [*events, *growing.fail("server_error", "it broke")]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("reason", ["tool_calls", "length"])
def test_shapes_are_open_responses(reason: str, asked: dict[str, Any]) -> None:
    types = pytest.importorskip("openresponses_types.types")
    for event in shapes(reason, asked):
        parts = event["type"].replace(".", "_").split("_")
        name = "".join(part.capitalize() for part in parts)
        getattr(types, f"{name}StreamingEvent").model_validate(copy.deepcopy(event))


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("reason", ["tool_calls", "length"])
def test_shapes_are_openais(reason: str, asked: dict[str, Any]) -> None:
    pytest.importorskip("openai")
    types = importlib.import_module("openai.types.responses")
    names = {"output_text": "text", "function_call_arguments": "function_call_arguments"}
    for event in shapes(reason, asked):
        name = event["type"].removeprefix("response.")
        for long, short in names.items():
            name = name.replace(long, short)
        title = "".join(part.capitalize() for part in name.replace(".", "_").split("_"))
        getattr(types, f"Response{title}Event").model_validate(event, strict=True)
