"""Responses over HTTP: events of both published shapes, memory that is one client's alone."""

import hashlib
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi_calls import AsgiCalls, calls, leave
from model_server import LONG, until
from tool_model import STATED

from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from pipeline.serve.security import Access
from pipeline.serve.server_tools import ServerTools
from pipeline.tokenizer import Tokenizer
from pipeline.tools.named_tools import named

PATH = "/v1/responses"
CHAT = "/v1/chat/completions"
ASKED = "What is 3 + 4?"
TOOL = {"type": "function", **json.loads(STATED[0])["function"]}


def body(**more: Any) -> dict[str, Any]:
    return {"input": ASKED, "temperature": 0, "seed": 3, "max_output_tokens": 60, **more}


def chat_of(messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"messages": messages, "temperature": 0, "seed": 3, "max_tokens": 60, **more}


def text_of(response: dict[str, Any]) -> str:
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


def content(calls_: AsgiCalls, asked: dict[str, Any]) -> str:
    found: str = calls_.post(CHAT, asked)["choices"][0]["message"]["content"]
    return found


@pytest.fixture(scope="module")
def tool_calls(tool_model: Path) -> Iterator[AsgiCalls]:
    """A server with a calculator."""
    offered = LoadedModels([ModelSource("tiny", lambda: tool_model)], ServeConfig())
    with calls(create_app(offered, tools=ServerTools(named(["calculator"])))) as made:
        yield made


def test_a_response_says_what_chat_says(chat_calls: AsgiCalls) -> None:
    response = chat_calls.post(PATH, body(temperature=1.1))
    question = {"role": "user", "content": ASKED}
    assert text_of(response) == content(chat_calls, chat_of([question], temperature=1.1))
    assert (response["status"], response["object"]) == ("completed", "response")
    usage = response["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    told = chat_calls.post(PATH, body(instructions="Be brief.", input=[question]))
    instructed = [{"role": "system", "content": "Be brief."}, question]
    assert text_of(told) == content(chat_calls, chat_of(instructed))


def test_the_stream_ends_in_the_whole_response(chat_calls: AsgiCalls) -> None:
    asked = body(temperature=1.1, include=["message.output_text.logprobs"], top_logprobs=2)
    whole = chat_calls.post(PATH, asked)
    events = chat_calls.events(PATH, asked)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    last = events[-1]["response"]
    ids = {"id", "created_at", "completed_at"}

    def plain(response: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in response.items() if key not in ids}
        return kept | {"output": [item | {"id": ""} for item in response["output"]]}

    assert plain(last) == plain(whole)
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(event["delta"] for event in deltas) == text_of(whole)
    told = [one for event in deltas for one in event["logprobs"]]
    assert told == whole["output"][0]["content"][0]["logprobs"]
    assert all(len(one["top_logprobs"]) == 2 for one in told)


def test_a_response_goes_on_from_another(chat_calls: AsgiCalls) -> None:
    first = chat_calls.post(PATH, body(instructions="Be brief."))
    for asked in (body(input="Hello!"), body(input="Hello!", stream=True)):
        asked |= {"previous_response_id": first["id"]}
        if asked.get("stream"):
            second = chat_calls.events(PATH, asked)[-1]["response"]
        else:
            second = chat_calls.post(PATH, asked)
        # The instructions of one response are not carried over to the next.
        talk = [
            {"role": "user", "content": ASKED},
            {"role": "assistant", "content": text_of(first)},
            {"role": "user", "content": "Hello!"},
        ]
        assert text_of(second) == content(chat_calls, chat_of(talk))
        assert second["previous_response_id"] == first["id"]
        third = chat_calls.post(PATH, body(previous_response_id=second["id"]))
        assert third["usage"]["input_tokens"] > second["usage"]["input_tokens"]


def test_a_call_goes_to_the_client_and_its_output_comes_back(chat_calls: AsgiCalls) -> None:
    first = chat_calls.post(PATH, body(tools=[TOOL]))
    (call,) = first["output"]
    assert (call["type"], call["name"], call["status"]) == (
        *("function_call", "calculator", "completed"),
    )
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "7"}
    second = chat_calls.post(
        PATH, body(tools=[TOOL], input=[output], previous_response_id=first["id"])
    )
    assert text_of(second).startswith("It is")
    # The same without anything kept, by items alone.
    items = [{"role": "user", "content": ASKED}, call, output]
    again = chat_calls.post(PATH, body(tools=[TOOL], input=items, store=False))
    assert text_of(again) == text_of(second)


def test_calls_of_the_server_are_items(tool_calls: AsgiCalls) -> None:
    response = tool_calls.post(PATH, body(max_output_tokens=None))
    kinds = [item["type"] for item in response["output"]]
    assert kinds == ["function_call", "function_call_output", "message"]
    call, output, _ = response["output"]
    assert output["call_id"] == call["call_id"]
    events = tool_calls.events(PATH, body(max_output_tokens=None))
    assert [e["item"]["type"] for e in events if e["type"] == "response.output_item.done"] == kinds
    # And the conversation with them goes on.
    more = tool_calls.post(PATH, body(previous_response_id=response["id"], tool_choice="none"))
    assert more["usage"]["input_tokens"] > 60
    refused = tool_calls.post(PATH, body(tool_choice="none"))
    assert [item["type"] for item in refused["output"]] == ["message"]


def test_json_fits_its_schema_and_limits_are_told(model_folder: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"sure": {"type": "boolean"}},
        "required": ["sure"],
        "additionalProperties": False,
    }
    offered = LoadedModels([ModelSource("wild", lambda: model_folder)], ServeConfig())
    with calls(create_app(offered)) as made:
        form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
        response = made.post(PATH, body(temperature=2, text={"format": form}))
        assert set(json.loads(text_of(response))) == {"sure"}
        assert response["text"]["format"] == form
        cut = made.post(PATH, body(temperature=2, text={"format": form}, max_output_tokens=3))
        assert cut["status"] == "incomplete"
        assert cut["incomplete_details"] == {"reason": "max_output_tokens"}


def test_what_is_kept_can_be_read_and_deleted(chat_calls: AsgiCalls) -> None:
    kept = chat_calls.post(PATH, body())
    place = f"{PATH}/{kept['id']}"
    assert chat_calls.send("GET", place).json() == kept
    deleted = chat_calls.send("DELETE", place)
    assert deleted.json() == {"id": kept["id"], "object": "response", "deleted": True}
    for method in ("GET", "DELETE"):
        gone = chat_calls.send(method, place)
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "response_not_found")
    status, error = chat_calls.refused(PATH, body(previous_response_id=kept["id"]))
    assert (status, error["code"]) == (400, "previous_response_not_found")
    forgotten = chat_calls.post(PATH, body(store=False))
    assert chat_calls.send("GET", f"{PATH}/{forgotten['id']}").status_code == 404
    streamed = chat_calls.events(PATH, body())[-1]["response"]
    assert chat_calls.send("GET", f"{PATH}/{streamed['id']}").json() == streamed


def test_nobody_reads_what_anothers_key_has_kept(tool_model: Path) -> None:
    offered = LoadedModels([ModelSource("tiny", lambda: tool_model)], ServeConfig())
    keys = tuple(hashlib.sha256(key.encode()).digest() for key in ("ann", "bob"))
    with calls(create_app(offered, access=Access(keys)), key="ann") as made:
        kept = made.post(PATH, body())
        place = f"{PATH}/{kept['id']}"
        bob = {"Authorization": "Bearer bob"}
        for method in ("GET", "DELETE"):
            assert made.send(method, place, headers=bob).status_code == 404
        asked = body(previous_response_id=kept["id"])
        refused = made.send("POST", PATH, asked, headers=bob)
        assert refused.json()["error"]["code"] == "previous_response_not_found"
        assert made.send("GET", place).status_code == 200
        assert made.post(PATH, asked)["status"] == "completed"


def test_limits_of_what_is_kept_are_the_servers(tool_model: Path) -> None:
    config = ServeConfig(max_responses_per_client=2)
    offered = LoadedModels([ModelSource("tiny", lambda: tool_model)], config)
    with calls(create_app(offered, config)) as made:
        ids = [made.post(PATH, body(max_output_tokens=1))["id"] for _ in range(3)]
        there = [made.send("GET", f"{PATH}/{id_}").status_code for id_ in ids]
        assert there == [404, 200, 200]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": [{"role": "assistant", "content": "x"}]}, "input[0]"),
        ({"input": [{"type": "function_call_output", "call_id": "x", "output": "y"}]}, "input[0]"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"tools": [{**TOOL, "strict": 2**70}]}, "tools"),
        ({"tools": [{**TOOL, "strict": "yes"}]}, "tools[0].strict"),
        ({"text": {"format": {"type": "text"}, "more": 2**70}}, "text"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 2**70}, "max_output_tokens"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"truncation": "auto"}, "truncation"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"presence_penalty": 1}, "presence_penalty"),
    ],
)
def test_what_is_wrong_is_named(chat_calls: AsgiCalls, more: dict[str, Any], field: str) -> None:
    status, error = chat_calls.refused(PATH, body(**more))
    assert (status, error["param"]) == (400, field)


def test_a_conversation_that_is_too_long_is_refused(chat_calls: AsgiCalls) -> None:
    status, error = chat_calls.refused(PATH, body(input=ASKED * 40))
    assert (status, error["code"], error["param"]) == (400, "context_length_exceeded", "input")


@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_client_that_goes_away_frees_its_row(model_folder: Path, pieces: int) -> None:
    letter = str(Tokenizer.load(model_folder).encode("a")[0])
    offered = LoadedModels([ModelSource("wild", lambda: model_folder)], ServeConfig())
    with calls(create_app(offered)) as made:
        made.post(PATH, body(max_output_tokens=1))
        loop = offered.loaded["wild"].loop
        asked = body(logit_bias={letter: 100}, stream=True, max_output_tokens=LONG)

        async def go() -> None:
            await leave(made.app, PATH, asked, after_pieces=pieces)
            await until(lambda: loop.idle)

        made.run(go())
        assert loop.rows.sampled_tokens < LONG / 2  # which it would have come to


def test_a_model_that_breaks_is_the_streams_last_event(poisoned_folder: Path) -> None:
    offered = LoadedModels([ModelSource("poisoned", lambda: poisoned_folder)], ServeConfig())
    with calls(create_app(offered)) as made:
        events = made.events(PATH, body(input="\x00"))
        assert [event["type"] for event in events[:2]] == [
            *("response.created", "response.in_progress")
        ]
        assert events[-1]["type"] == "response.failed"
        assert events[-1]["response"]["status"] == "failed"
        assert "nan" not in events[-1]["response"]["error"]["message"].lower()
        assert made.send("POST", PATH, body(input="\x00")).status_code == 500
        # Others' answers are as ever.
        assert made.post(PATH, body(max_output_tokens=2))["status"] == "incomplete"


@pytest.mark.parametrize("more", [{}, {"tools": [TOOL]}, {"top_logprobs": 2}])
def test_shapes_are_those_of_both(chat_calls: AsgiCalls, more: dict[str, Any]) -> None:
    pytest.importorskip("openai")
    pytest.importorskip("openresponses_types")
    whole = chat_calls.post(PATH, body(**more))
    openai = importlib.import_module("openai.types.responses")
    openai.Response.model_validate(whole, strict=True)
    open_ = importlib.import_module("openresponses_types.types")
    open_.ResponseResource.model_validate(whole)
