"""Calls that the server answers itself: as a batch of talks with tools, beside all others."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi_calls import AsgiCalls, calls, leave
from model_server import until
from tool_model import STATED

from pipeline.chat.conversation import user
from pipeline.model import load
from pipeline.model.engine import Engine
from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from pipeline.serve.server_tools import ServerTools
from pipeline.tools.config import ToolLimits
from pipeline.tools.named_tools import named
from pipeline.tools.tool import Tool
from pipeline.tools.tool_batch import ToolReply, replies
from pipeline.tools.toolbox import Toolbox

PATH = "/v1/chat/completions"
CALCULATOR = json.loads(STATED[0])


def body(text: str = "What is 3 + 4?", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"messages": messages, "temperature": 0.9, "seed": 3, "max_tokens": 120, **more}


def server(folder: Path, toolbox: Toolbox) -> Any:
    models = LoadedModels([ModelSource("tiny", lambda: folder)], ServeConfig(precision="float32"))
    return calls(create_app(models, tools=ServerTools(toolbox)))


@pytest.fixture(scope="module")
def tool_calls(tool_model: Path) -> Iterator[AsgiCalls]:
    """A server with a calculator."""
    with server(tool_model, named(["calculator"])) as made:
        yield made


def with_answer(answer: Any) -> Toolbox:
    """The calculator that the model knows, with another mind."""
    parameters = CALCULATOR["function"]["parameters"]
    described = CALCULATOR["function"]["description"]
    tool = Tool(
        "calculator", described, parameters, lambda given: answer(given["expression"]), ToolLimits()
    )
    assert tool.definition == STATED[0]
    return Toolbox((tool,))


def waiting_tool() -> tuple[threading.Event, threading.Event, Callable[[str], str]]:
    """A tool that has begun, what lets it go on, and the tool."""
    begun, let_go = threading.Event(), threading.Event()

    def waits(expression: str) -> str:
        begun.set()
        assert let_go.wait(30)
        return "5"

    return begun, let_go, waits


def text_of(reply: ToolReply) -> str:
    """The texts of its rounds, each on a line of its own."""
    return "\n".join(
        said.content for said in reply.messages if said.role == "assistant" and said.content
    )


def test_rounds_are_those_of_a_tool_batch(tool_calls: AsgiCalls, tool_model: Path) -> None:
    model, tokenizer = load(tool_model)
    texts = ["What is 3 + 4?", "Hello!", "What is 8 + 1?"]
    toolbox = named(["calculator"])
    found = [
        replies(
            Engine(model), tokenizer, [[user(text)]], toolbox, samples=3, max_new_tokens=120,
            temperature=0.9, seed=3,
        )[0]
        for text in texts
    ]  # fmt: skip
    answers = tool_calls.posts(PATH, [body(text, n=3) for text in texts])
    called = 0
    for own, answer in zip(found, answers):
        for reply, choice in zip(own, answer["choices"], strict=True):
            events = choice["message"].get("tool_events", [])
            called += len(events)
            assert [(e["name"], e["arguments"], e["output"], e["ending"]) for e in events] == [
                (c.call.name, c.call.arguments, c.output.text, c.output.ending) for c in reply.calls
            ]
            assert choice["message"]["content"] == text_of(reply)
            limited = reply.ended in ("length", "context", "rounds")
            assert choice["finish_reason"] == ("length" if limited else "stop")
        sampled = sum(sum(reply.sampled) for reply in own)
        assert answer["usage"]["completion_tokens"] == sampled
        forced = sum(len(reply.sampled) for reply in own) - sampled
        text = texts[found.index(own)]
        asked = tool_calls.post(PATH, body(text, max_tokens=1))["usage"]["prompt_tokens"]
        assert answer["usage"]["prompt_tokens"] == asked + forced
    assert called >= 4


def test_calls_are_shown_as_they_run(tool_calls: AsgiCalls) -> None:
    asked = body(temperature=0, stream_options={"include_usage": True})
    (choice,) = tool_calls.post(PATH, asked)["choices"]
    (whole,) = choice["message"]["tool_events"]
    events = tool_calls.events(PATH, asked)
    deltas = [event["choices"][0]["delta"] for event in events[:-1]]
    called, answered = [part for delta in deltas for part in delta.get("tool_events", [])]
    assert called == {"index": 0, **{key: whole[key] for key in ("id", "name", "arguments")}}
    assert answered == {"index": 0, "output": whole["output"], "ending": "done"}
    kinds = [next(iter(delta), "") for delta in deltas]
    assert kinds.index("content") > kinds.index("tool_events")
    assert "tool_calls" not in choice["message"]


@pytest.mark.parametrize(
    "more", [{"tool_choice": "none"}, {"tools": [CALCULATOR]}, {"tools": [CALCULATOR], "n": 2}]
)
def test_who_says_otherwise_gets_no_tools_of_the_server(
    tool_calls: AsgiCalls, chat_calls: AsgiCalls, more: dict[str, Any]
) -> None:
    for temperature in (0, 1):
        asked = body(temperature=temperature, **more)
        assert tool_calls.post(PATH, asked)["choices"] == chat_calls.post(PATH, asked)["choices"]


def test_tools_that_leave_no_room_are_not_laid_to_the_messages(tool_calls: AsgiCalls) -> None:
    long = "What is 3 + 4? " * 200
    _, error = tool_calls.refused(PATH, body(long))
    assert error["code"] == "context_length_exceeded"
    assert "your messages and the server's tools" in error["message"]
    assert '"tool_choice": "none"' in error["message"]
    _, error = tool_calls.refused(PATH, body(long, tool_choice="none"))
    assert "tools" not in error["message"]


def test_others_go_on_while_a_tool_runs(tool_model: Path) -> None:
    begun, let_go, waits = waiting_tool()
    with server(tool_model, with_answer(waits)) as made:

        async def go() -> None:
            slow = asyncio.create_task(made.client.post(PATH, json=body(temperature=0)))
            await asyncio.to_thread(begun.wait, 30)
            other = await made.client.post(PATH, json=body(temperature=0, tool_choice="none"))
            assert other.json()["choices"][0]["finish_reason"] == "stop"
            assert not slow.done()
            let_go.set()
            (choice,) = (await slow).json()["choices"]
            assert choice["message"]["tool_events"][0]["output"] == "5"
            assert choice["message"]["content"]

        made.run(go())


def test_a_client_that_goes_away_while_a_tool_runs_frees_its_row(tool_model: Path) -> None:
    _, let_go, waits = waiting_tool()
    with server(tool_model, with_answer(waits)) as made:

        async def go() -> None:
            asked = body(temperature=0, stream=True)
            # The head of the response, the role, and the call.
            pieces = await leave(made.app, PATH, asked, after_pieces=2)
            assert b"tool_events" in pieces[-1]
            loop = made.app.state.server.models.loaded["tiny"].loop
            await until(lambda: loop.idle)
            let_go.set()

        made.run(go())


def test_an_output_that_leaves_no_room_ends_the_reply(tool_model: Path) -> None:
    with server(tool_model, with_answer(lambda expression: "9 " * 2_000)) as made:
        (choice,) = made.post(PATH, body(temperature=0))["choices"]
        assert choice["finish_reason"] == "length"
        assert choice["message"]["tool_events"][0]["output"].startswith("9 9")
        assert choice["message"]["content"] == ""


def test_what_a_tool_does_wrong_is_an_output(tool_model: Path) -> None:
    def fails(expression: str) -> str:
        raise KeyError(expression)

    with server(tool_model, with_answer(fails)) as made:
        (choice,) = made.post(PATH, body(temperature=0))["choices"]
        (event,) = choice["message"]["tool_events"]
        assert (event["ending"], event["output"]) == ("fault", "Error: the tool failed (KeyError)")
        assert choice["finish_reason"] == "stop"
