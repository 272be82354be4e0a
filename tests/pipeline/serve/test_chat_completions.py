"""Chat over HTTP: what the engine says in-process, in OpenAI's form, whole and streamed alike."""

import json
from pathlib import Path
from typing import Any

import pytest
from asgi_calls import AsgiCalls, calls, leave
from model_server import LONG, until
from random_models import byte_tokenizer, random_model
from tool_model import STATED

from pipeline import model as models
from pipeline.chat.conversation import STOP, Conversation, prompt, user
from pipeline.model import load
from pipeline.model.engine import Engine
from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from pipeline.tokenizer import Tokenizer

PATH = "/v1/chat/completions"
ASKED = "What is 3 + 4?"
QUESTION = [{"role": "user", "content": ASKED}]
TOOL = json.loads(STATED[0])
OTHER = {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}}


def body(**more: Any) -> dict[str, Any]:
    return {"messages": QUESTION, "temperature": 1.0, "seed": 3, "max_tokens": 60, **more}


def joined(events: list[dict[str, Any]], index: int = 0) -> str:
    """A choice's content of a stream."""
    choices = [c for event in events for c in event["choices"] if c["index"] == index]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def in_process(folder: Path, samples: int, talk: Conversation, **more: Any) -> list[str]:
    """The replies' texts, by the engine alone."""
    model, tokenizer = load(folder)
    stops = (tokenizer.special(STOP), tokenizer.document_token)
    (found,) = Engine(model).generate(
        [prompt(talk, tokenizer)],
        samples=samples,
        max_new_tokens=60,
        stop_tokens=stops,
        tokenizer=tokenizer,
        seed=3,
        **more,
    )
    return [str(completion.text) for completion in found]


def test_replies_are_the_engines_whole_and_streamed(
    chat_calls: AsgiCalls, tool_model: Path
) -> None:
    talk = Conversation((user(ASKED),))
    settings = {"temperature": 1.3, "top_k": 40, "top_p": 0.95, "min_p": 0.001}
    expected = in_process(tool_model, 4, talk, **settings)
    assert len(set(expected)) > 1
    answer = chat_calls.post(PATH, body(n=4, **settings))
    assert [choice["message"]["content"] for choice in answer["choices"]] == expected
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    events = chat_calls.events(PATH, body(n=4, **settings))
    assert [joined(events, index) for index in range(4)] == expected
    assert {event["id"] for event in events} == {events[0]["id"]}
    assert {event["object"] for event in events} == {"chat.completion.chunk"}


def test_answers_are_the_same_whatever_else_runs(chat_calls: AsgiCalls) -> None:
    bodies = [
        body(seed=number, n=1 + number % 2, tools=[TOOL] if number % 3 else None)
        for number in range(12)
    ]
    alone = [chat_calls.post(PATH, one)["choices"] for one in bodies]
    together = [answer["choices"] for answer in chat_calls.posts(PATH, bodies)]
    assert together == alone


def test_usage_comes_last_and_only_if_it_is_asked_for(chat_calls: AsgiCalls) -> None:
    whole = chat_calls.post(PATH, body())["usage"]
    assert whole["total_tokens"] == whole["prompt_tokens"] + whole["completion_tokens"]
    events = chat_calls.events(PATH, body(stream_options={"include_usage": True}))
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert (events[-1]["choices"], events[-1]["usage"]) == ([], whole)
    assert all(event["usage"] is None for event in events[:-1])
    assert all("usage" not in event for event in chat_calls.events(PATH, body()))


@pytest.mark.parametrize("path", [PATH, "/v1/responses"])
def test_the_log_says_how_many_tokens(
    chat_calls: AsgiCalls, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level("INFO", "crawl2chat.requests")
    asked = {**body(), "input": ASKED, "max_output_tokens": 60}
    usage = chat_calls.post(path, asked)["usage"]
    chat_calls.events(path, asked)
    lines = [json.loads(r.getMessage()) for r in caplog.records if r.name == "crawl2chat.requests"]
    read = usage.get("prompt_tokens") or usage["input_tokens"]
    sampled = usage.get("completion_tokens") or usage["output_tokens"]
    assert [(one["prompt_tokens"], one["completion_tokens"]) for one in lines] == [
        (read, sampled)
    ] * 2
    assert ASKED not in caplog.text


def test_a_call_goes_to_the_client_and_its_output_comes_back(chat_calls: AsgiCalls) -> None:
    asked = body(tools=[TOOL], temperature=0)
    (choice,) = chat_calls.post(PATH, asked)["choices"]
    message = choice["message"]
    assert (choice["finish_reason"], message["content"]) == ("tool_calls", None)
    (call,) = message["tool_calls"]
    assert call["type"] == "function"
    assert call["function"]["name"] == "calculator"
    assert set(json.loads(call["function"]["arguments"])) == {"expression"}

    deltas = [event["choices"][0]["delta"] for event in chat_calls.events(PATH, asked)]
    parts = [part for delta in deltas for part in delta.get("tool_calls", [])]
    assert [set(part) for part in parts] == [
        {"index", "id", "type", "function"},
        {"index", "function"},
    ]
    assert parts[0]["id"] == call["id"]
    assert parts[0]["function"] == {"name": "calculator", "arguments": ""}
    assert parts[1]["function"] == {"arguments": call["function"]["arguments"]}

    answered = {"role": "tool", "tool_call_id": call["id"], "content": "7"}
    talk = [*QUESTION, message, answered]
    (choice,) = chat_calls.post(PATH, asked | {"messages": talk})["choices"]
    assert choice["message"]["content"].startswith("It is")
    assert choice["finish_reason"] == "stop"


def test_ids_of_calls_are_the_same_for_the_same_reply_and_differ_else(
    chat_calls: AsgiCalls,
) -> None:
    def ids(seed: int) -> list[str]:
        answer = chat_calls.post(PATH, body(tools=[TOOL], temperature=0, n=2, seed=seed))
        return [
            call["id"] for choice in answer["choices"] for call in choice["message"]["tool_calls"]
        ]

    assert ids(1) == ids(1)
    assert len({*ids(1), *ids(2)}) == 4


def test_no_tool_is_called_where_none_may_be(chat_calls: AsgiCalls) -> None:
    for seed in range(4):
        asked = body(tools=[TOOL], tool_choice="none", seed=seed, logit_bias=None)
        (choice,) = chat_calls.post(PATH, asked)["choices"]
        assert "tool_calls" not in choice["message"]
        assert choice["message"]["content"]


def test_without_tools_a_call_is_text(chat_calls: AsgiCalls, tool_model: Path) -> None:
    call = str(load(tool_model)[1].special("<tool_call>"))
    (choice,) = chat_calls.post(PATH, body(logit_bias={call: 100}, max_tokens=3))["choices"]
    assert choice["message"]["content"] == "<tool_call>" * 3
    assert choice["finish_reason"] == "length"
    # … and with tools, one that can't be read.
    asked = body(logit_bias={call: 100}, max_tokens=3, tools=[TOOL])
    (choice,) = chat_calls.post(PATH, asked)["choices"]
    assert "tool_calls" not in choice["message"]


def test_log_probabilities_are_the_models_own(chat_calls: AsgiCalls, tool_model: Path) -> None:
    asked = body(logprobs=True, top_logprobs=3, temperature=0, max_tokens=8)
    (choice,) = chat_calls.post(PATH, asked)["choices"]
    told = choice["logprobs"]["content"]
    assert b"".join(bytes(one["bytes"]) for one in told).decode() == choice["message"]["content"]
    for one in told:
        likely = one["top_logprobs"]
        assert len(likely) == 3
        assert [other["logprob"] for other in likely] == sorted(
            (other["logprob"] for other in likely), reverse=True
        )
        assert (one["token"], one["logprob"]) == (likely[0]["token"], likely[0]["logprob"])
    events = chat_calls.events(PATH, asked)
    streamed = [
        one
        for event in events
        for choice in event["choices"]
        for one in (choice["logprobs"] or {"content": []})["content"]
    ]
    assert streamed == told
    hot = chat_calls.post(PATH, asked | {"temperature": 2, "top_logprobs": 0, "max_tokens": 1})
    (first,) = hot["choices"][0]["logprobs"]["content"]
    assert first["top_logprobs"] == []
    assert "logprobs" in chat_calls.post(PATH, body())["choices"][0]


def test_stop_strings_and_limits_end_a_reply(chat_calls: AsgiCalls) -> None:
    (whole,) = chat_calls.post(PATH, body(temperature=0))["choices"]
    text = whole["message"]["content"]
    assert whole["finish_reason"] == "stop"
    (cut,) = chat_calls.post(PATH, body(temperature=0, stop=[text[1:3], "zzz"]))["choices"]
    assert (cut["message"]["content"], cut["finish_reason"]) == (text[:1], "stop")
    assert joined(chat_calls.events(PATH, body(temperature=0, stop=text[1:3]))) == text[:1]
    limited = body(temperature=0, max_completion_tokens=1, max_tokens=50)
    answer = chat_calls.post(PATH, limited)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 1


def test_what_says_nothing_to_a_model_is_ignored(chat_calls: AsgiCalls) -> None:
    more = {"user": "ann", "store": True, "metadata": {"a": "b"}, "service_tier": "auto"}
    odd = {"unheard_of": [1], "reasoning_effort": "low", "presence_penalty": 0, "n": None}
    asked = chat_calls.post(PATH, body(**more, **odd))
    assert asked["choices"] == chat_calls.post(PATH, body())["choices"]


@pytest.mark.parametrize(
    ("more", "field", "why"),
    [
        ({"messages": None}, "messages", "valid list"),
        ({"messages": []}, "messages", "at least one"),
        (
            {"messages": [*QUESTION, {"role": "user", "content": 3}]},
            "messages[1].content",
            "a text",
        ),
        ({"temperature": 2.5}, "temperature", "less than or equal to 2"),
        ({"temperature": "hot"}, "temperature", "valid number"),
        ({"top_p": -0.1}, "top_p", "greater than or equal to 0"),
        ({"n": 0}, "n", "greater than or equal to 1"),
        ({"n": 129}, "n", "at most 128"),
        ({"max_tokens": 0}, "max_tokens", "greater than"),
        ({"max_completion_tokens": -1}, "max_completion_tokens", "greater than"),
        ({"top_logprobs": 2}, "top_logprobs", "needs logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "less than or equal to 20"),
        ({"logprobs": 3}, "logprobs", "valid boolean"),
        ({"logit_bias": {"x": 1}}, "logit_bias", "no token id"),
        ({"logit_bias": {"100000": 1}}, "logit_bias", "no token id"),
        ({"logit_bias": {"5": 101}}, "logit_bias", "between -100 and 100"),
        ({"stop": 3}, "stop", "a string or a list of strings"),
        ({"presence_penalty": 0.5}, "presence_penalty", "not supported"),
        ({"frequency_penalty": -1}, "frequency_penalty", "not supported"),
        ({"functions": []}, "functions", "use tools"),
        ({"function_call": "auto"}, "function_call", "use tools"),
        ({"modalities": ["text", "audio"]}, "modalities", "must be"),
        ({"tools": "x"}, "tools", "valid list"),
        ({"tool_choice": 3}, "tool_choice", "a text or an object"),
        ({"tools": [{"type": "code_interpreter"}]}, "tools[0].type", "must be 'function'"),
        ({"tool_choice": "required"}, "tool_choice", "no tools"),
        ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice", "must be one of"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
            "names 'x'",
        ),
        ({"response_format": {"type": "xml"}}, "response_format.type", "must be one of"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
            "must be a JSON Schema",
        ),
        ({"stream": "yes"}, "stream", "valid boolean"),
    ],
)
def test_what_is_wrong_is_named(
    chat_calls: AsgiCalls, more: dict[str, Any], field: str, why: str
) -> None:
    status, error = chat_calls.refused(PATH, body(**more))
    assert (status, error["param"]) == (400, field)
    assert why in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_conversation_that_is_too_long_is_refused_with_both_numbers(
    chat_calls: AsgiCalls,
) -> None:
    status, error = chat_calls.refused(PATH, body(messages=QUESTION * 40, stream=True))
    assert (status, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")
    assert "320 tokens" in error["message"]
    read = chat_calls.post(PATH, body(messages=QUESTION * 2))["usage"]["prompt_tokens"]
    each = read - chat_calls.post(PATH, body())["usage"]["prompt_tokens"]
    assert f"{read + 38 * each} tokens" in error["message"]


def test_a_reply_may_fill_the_context(chat_calls: AsgiCalls, tool_model: Path) -> None:
    letter = str(load(tool_model)[1].encode("a")[0])
    asked = body(logit_bias={letter: 100}, max_tokens=None)
    answer = chat_calls.post(PATH, asked)
    assert answer["usage"]["total_tokens"] == 320
    assert answer["choices"][0]["finish_reason"] == "length"


def test_a_model_without_conversation_tokens_says_where_to_go(tmp_path: Path) -> None:
    base = random_model("qwen3", head_dim=32, heads=2, kv_heads=1)
    models.save(base, byte_tokenizer(), tmp_path)
    app = create_app(LoadedModels([ModelSource("base", lambda: tmp_path)], ServeConfig()))
    with calls(app) as made:
        status, error = made.refused(PATH, body())
        assert (status, error["param"]) == (400, "model")
        assert "/v1/completions" in error["message"]
        status, error = made.refused(PATH, body(model="other"))
        assert (status, error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(("stream", "pieces"), [(False, 0), (True, 0), (True, 1), (True, 3)])
def test_a_client_that_goes_away_frees_its_rows(
    model_folder: Path, stream: bool, pieces: int
) -> None:
    letter = str(Tokenizer.load(model_folder).encode("a")[0])
    models_ = LoadedModels([ModelSource("wild", lambda: model_folder)], ServeConfig())
    with calls(create_app(models_)) as made:
        made.post(PATH, body(max_tokens=1))
        loop = models_.loaded["wild"].loop
        asked = body(n=16, logit_bias={letter: 100}, stream=stream, max_tokens=LONG)

        async def go() -> None:
            await leave(made.app, PATH, asked, after_pieces=pieces)
            await until(lambda: loop.idle)

        made.run(go())
        assert loop.rows.sampled_tokens < 16 * LONG / 2  # which it would have come to


def test_shapes_are_openais(chat_calls: AsgiCalls) -> None:
    pytest.importorskip("openai")
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    for more in ({}, {"tools": [TOOL], "temperature": 0}, {"logprobs": True, "top_logprobs": 2}):
        ChatCompletion.model_validate(chat_calls.post(PATH, body(**more)), strict=True)
        asked = body(**more, stream_options={"include_usage": True})
        for event in chat_calls.events(PATH, asked):
            ChatCompletionChunk.model_validate(event, strict=True)
