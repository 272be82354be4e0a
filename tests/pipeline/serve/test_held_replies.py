"""Replies that are held to something: JSON that fits its schema, calls that can be read, always."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi_calls import AsgiCalls, calls
from fastapi import FastAPI
from tool_model import STATED

from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from pipeline.serve.server_tools import ServerTools
from pipeline.tokenizer import Tokenizer
from pipeline.tools.config import ToolLimits
from pipeline.tools.tool import Tool
from pipeline.tools.toolbox import Toolbox

PATH = "/v1/chat/completions"
QUESTION = [{"role": "user", "content": "What is 3 + 4?"}]
CALCULATOR = json.loads(STATED[0])
PAINT: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "paint",
        "parameters": {
            "type": "object",
            "properties": {
                "colour": {"enum": ["red", "blue"]},
                "at": {"$ref": "#/$defs/point"},
            },
            "required": ["colour", "at"],
            "additionalProperties": False,
            "$defs": {
                "point": {
                    "type": "object",
                    "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 9}},
                    "required": ["x"],
                    "additionalProperties": False,
                }
            },
        },
    },
}
SCHEMA = {
    "type": "object",
    "properties": {
        "sum": {"type": "integer", "minimum": 0, "maximum": 99},
        "sure": {"type": "boolean"},
    },
    "required": ["sum", "sure"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def offered(folder: Path, tools: ServerTools | None = None) -> FastAPI:
    """A server whose model has random weights and writes bytes."""
    models = LoadedModels([ModelSource("wild", lambda: folder)], ServeConfig())
    return create_app(models, tools=tools)


@pytest.fixture(scope="module")
def wild_calls(model_folder: Path) -> Iterator[AsgiCalls]:
    with calls(offered(model_folder)) as made:
        yield made


@pytest.fixture(scope="module")
def call_token(model_folder: Path) -> str:
    return str(Tokenizer.load(model_folder).special("<tool_call>"))


def body(**more: Any) -> dict[str, Any]:
    """Eight samples of a model that says nearly anything."""
    return {"messages": QUESTION, "temperature": 1, "seed": 1, "n": 8, "max_tokens": 800, **more}


def is_painting(arguments: dict[str, Any]) -> bool:
    at = arguments["at"]
    return arguments["colour"] in ("red", "blue") and set(at) == {"x"} and 0 <= at["x"] <= 9


def called(choice: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in choice["message"]["tool_calls"]
    ]


def test_a_required_call_can_be_read_and_fits_its_tool(wild_calls: AsgiCalls) -> None:
    asked = body(tools=[PAINT, CALCULATOR], tool_choice="required", parallel_tool_calls=False)
    for choice in wild_calls.post(PATH, asked)["choices"]:
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] is None
        ((name, arguments),) = called(choice)
        if name == "paint":
            assert is_painting(arguments)
        else:
            assert name == "calculator"
            assert isinstance(arguments["expression"], str)


def test_a_function_that_is_named_is_the_one_that_is_called(wild_calls: AsgiCalls) -> None:
    choice = {"type": "function", "function": {"name": "paint"}}
    asked = body(tools=[CALCULATOR, PAINT], tool_choice=choice)
    for one in wild_calls.post(PATH, asked)["choices"]:
        ((name, arguments),) = called(one)
        assert name == "paint"
        assert is_painting(arguments)


def test_several_calls_where_they_may_be(wild_calls: AsgiCalls) -> None:
    counts = [
        len(called(one))
        for seed in range(4)
        for one in wild_calls.post(PATH, body(seed=seed, tools=[PAINT], tool_choice="required"))[
            "choices"
        ]
    ]
    assert max(counts) > 1


def test_a_strict_tool_is_called_as_its_schema_says_or_not_at_all(
    wild_calls: AsgiCalls, call_token: str
) -> None:
    strict = {"type": "function", "function": {**PAINT["function"], "strict": True}}
    begin = {call_token: 8}
    asked = body(tools=[strict], logit_bias=begin, n=8)
    choices = wild_calls.post(PATH, asked)["choices"]
    made = [one for one in choices if "tool_calls" in one["message"]]
    assert made
    assert all(is_painting(arguments) for one in made for _, arguments in called(one))
    free = body(tools=[PAINT], logit_bias=begin, n=8)
    assert not all(
        "tool_calls" in choice["message"] for choice in wild_calls.post(PATH, free)["choices"]
    )


def test_what_is_held_ends_before_its_tokens_do(wild_calls: AsgiCalls, call_token: str) -> None:
    """A model of no mind writes strings without end."""
    short = body(max_tokens=90, parallel_tool_calls=False)
    for choice in wild_calls.post(PATH, short | {"response_format": {"type": "json_object"}})[
        "choices"
    ]:
        assert choice["finish_reason"] == "stop"
        assert isinstance(json.loads(choice["message"]["content"]), dict)
    strict = {"type": "function", "function": {**CALCULATOR["function"], "strict": True}}
    required = {"tools": [CALCULATOR], "tool_choice": "required"}
    begun = {"tools": [strict], "logit_bias": {call_token: 100}}
    for more in (required, begun):
        for choice in wild_calls.post(PATH, short | more)["choices"]:
            assert choice["finish_reason"] == "tool_calls"
            assert [name for name, _ in called(choice)] == ["calculator"]


@pytest.mark.parametrize("stream", [False, True])
def test_json_fits_its_schema(wild_calls: AsgiCalls, stream: bool) -> None:
    asked = body(response_format=FORMAT)
    if stream:
        events = wild_calls.events(PATH, asked)
        texts = [
            "".join(
                choice["delta"].get("content") or ""
                for event in events
                for choice in event["choices"]
                if choice["index"] == index
            )
            for index in range(8)
        ]
    else:
        choices = wild_calls.post(PATH, asked)["choices"]
        assert {choice["finish_reason"] for choice in choices} == {"stop"}
        texts = [choice["message"]["content"] for choice in choices]
    for text in texts:
        found = json.loads(text)
        assert set(found) == {"sum", "sure"}
        assert 0 <= found["sum"] <= 99
        assert isinstance(found["sure"], bool)
    assert len(set(texts)) > 1


def test_a_json_object_is_one(wild_calls: AsgiCalls) -> None:
    asked = body(response_format={"type": "json_object"}, max_tokens=200)
    choices = wild_calls.post(PATH, asked)["choices"]
    assert {choice["finish_reason"] for choice in choices} == {"stop"}
    texts = [choice["message"]["content"] for choice in choices]
    assert all(isinstance(json.loads(text), dict) for text in texts)


def test_json_or_a_call_where_both_may_be(wild_calls: AsgiCalls, call_token: str) -> None:
    kinds = set()
    for bias in (-100, 100):
        asked = body(
            tools=[PAINT], response_format=FORMAT, logit_bias={call_token: bias}, tool_choice="auto"
        )
        for choice in wild_calls.post(PATH, asked)["choices"]:
            if "tool_calls" in choice["message"]:
                kinds.add("call")
                assert all(is_painting(arguments) for _, arguments in called(choice))
            else:
                kinds.add("text")
                assert set(json.loads(choice["message"]["content"])) == {"sum", "sure"}
    assert kinds == {"call", "text"}


def test_of_the_tools_those_that_are_allowed_are_called(wild_calls: AsgiCalls) -> None:
    allowed = {
        "mode": "required",
        "tools": [{"type": "function", "function": {"name": "paint"}}],
    }
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    asked = body(tools=[CALCULATOR, PAINT], tool_choice=choice)
    for one in wild_calls.post(PATH, asked)["choices"]:
        assert {name for name, _ in called(one)} == {"paint"}


def test_rounds_on_the_servers_tools_end_in_json(model_folder: Path, call_token: str) -> None:
    place = {"type": "integer", "enum": [1, 2]}
    parameters = {"type": "object", "properties": {"at": place}, "required": ["at"]}
    look = Tool("look", "", parameters, lambda given: f"{given['at']} seen", ToolLimits())
    with calls(offered(model_folder, ServerTools(Toolbox((look,))))) as made:
        asked = body(response_format=FORMAT, logit_bias={call_token: 1})
        choices = made.post(PATH, asked)["choices"]
        assert {choice["finish_reason"] for choice in choices} <= {"stop", "length"}
        ended = [choice["message"] for choice in choices if choice["finish_reason"] == "stop"]
        assert all(set(json.loads(message["content"])) == {"sum", "sure"} for message in ended)
        events = [event for message in ended for event in message.get("tool_events", [])]
        assert events
        assert all(event["output"] in ("1 seen", "2 seen") for event in events)


NO_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": 3}}}
NO_OBJECT = {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"response_format": NO_SCHEMA}, "response_format"),
        ({"tools": [NO_OBJECT], "tool_choice": "required"}, "tools"),
    ],
)
def test_what_cannot_be_kept_to_is_refused(
    wild_calls: AsgiCalls, more: dict[str, Any], field: str
) -> None:
    status, error = wild_calls.refused(PATH, body(**more))
    assert (status, error["param"]) == (400, field)


def test_what_is_held_is_the_same_whatever_else_runs(wild_calls: AsgiCalls) -> None:
    bodies = [
        body(seed=seed, n=2, **more)
        for seed in range(3)
        for more in (
            {"response_format": FORMAT},
            {"tools": [PAINT], "tool_choice": "required"},
            {},
        )
    ]
    alone = [wild_calls.post(PATH, one)["choices"] for one in bodies]
    assert [answer["choices"] for answer in wild_calls.posts(PATH, bodies)] == alone


def chunks_of(events: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return [one for event in events for one in event["choices"] if one["index"] == index]


def merged(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls of a stream's deltas."""
    calls: list[dict[str, Any]] = []
    for chunk in chunks:
        for part in chunk["delta"].get("tool_calls", ()):
            if part["index"] == len(calls):
                assert part["function"]["arguments"] == ""
                calls.append({key: part[key] for key in ("id", "type", "function")})
            else:
                assert part["index"] == len(calls) - 1
                assert set(part) == {"index", "function"}
                calls[-1]["function"]["arguments"] += part["function"]["arguments"]
    return calls


HELD: list[dict[str, Any]] = [
    {"tools": [PAINT, CALCULATOR], "tool_choice": "required"},
    {"tools": [PAINT], "tool_choice": {"type": "function", "function": {"name": "paint"}}},
    {"tools": [PAINT, CALCULATOR], "tool_choice": "required", "stop": ["x"]},
]


@pytest.mark.parametrize("more", HELD)
@pytest.mark.parametrize("most", [200, 60, 24])
def test_a_stream_of_calls_is_the_whole(
    wild_calls: AsgiCalls, more: dict[str, Any], most: int
) -> None:
    """Also where a limit or a stop string cuts it, anywhere."""
    cut = 0
    for seed in range(2):
        asked = body(**more, max_tokens=most, seed=seed, n=4)
        whole = wild_calls.post(PATH, asked)["choices"]
        events = wild_calls.events(PATH, asked)
        for choice in whole:
            chunks = chunks_of(events, choice["index"])
            message = choice["message"]
            assert merged(chunks) == message.get("tool_calls", [])
            text = "".join(chunk["delta"].get("content") or "" for chunk in chunks)
            assert text == (message["content"] or "")
            assert chunks[-1]["finish_reason"] == choice["finish_reason"]
            arguments = [one["function"]["arguments"] for one in message.get("tool_calls", ())]
            for each in arguments[:-1]:
                json.loads(each)
            cut += bool(arguments) and not _is_json(arguments[-1])
            if choice["finish_reason"] == "tool_calls":
                assert _is_json(arguments[-1])
    if most == 60 and more["tool_choice"] == "required":
        return  # what the calculator takes can be ended by then, or not
    assert bool(cut) == (most == 60 or (most == 200 and "stop" in more))


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def test_arguments_come_before_they_have_ended(wild_calls: AsgiCalls) -> None:
    asked = body(tools=[CALCULATOR], tool_choice="required", parallel_tool_calls=False, n=1)
    for more in ({}, {"logprobs": True}):
        events = wild_calls.events(PATH, asked | more)
        parts = [
            part["function"]["arguments"]
            for chunk in chunks_of(events, 0)
            for part in chunk["delta"].get("tool_calls", ())
        ]
        assert len(parts) > 2  # the head, and more than one piece


@pytest.mark.parametrize("most", [200, 60])
def test_a_response_streams_its_calls_too(wild_calls: AsgiCalls, most: int) -> None:
    tools = [{"type": "function", **PAINT["function"]}]
    for seed in range(3):
        asked = {"input": "x", "tools": tools, "tool_choice": "required", "seed": seed}
        asked |= {"max_output_tokens": most, "temperature": 1}
        whole = wild_calls.post("/v1/responses", asked)
        answer = wild_calls.send("POST", "/v1/responses", {**asked, "stream": True}).text
        lines = [line.removeprefix("data: ") for line in answer.split("\n") if line[:5] == "data:"]
        events = [json.loads(line) for line in lines[:-1]]
        calls = [item for item in whole["output"] if item["type"] == "function_call"]
        assert calls
        for index, call in enumerate(calls):
            own = [event for event in events if event.get("output_index") == index]
            deltas = [event["delta"] for event in own if event["type"].endswith("delta")]
            assert "".join(deltas) == call["arguments"]
            assert deltas
            (done,) = [event["item"] for event in own if event["type"].endswith("item.done")]
            assert [done[key] for key in ("arguments", "status", "name")] == [
                call[key] for key in ("arguments", "status", "name")
            ]
        kinds = {call["status"] for call in calls}
        assert kinds == ({"completed"} if most == 200 else {"incomplete"})
        after = {"input": "y", "previous_response_id": whole["id"], "max_output_tokens": 4}
        outputs = [
            {"type": "function_call_output", "call_id": call["call_id"], "output": "done"}
            for call in calls
            if call["status"] == "completed"
        ]
        after["input"] = outputs or "y"
        assert wild_calls.send("POST", "/v1/responses", after).status_code == 200
