"""`--url`: conversations, tools and steps with a server, as with a model here."""

import json
from collections.abc import Iterator

import pytest
from scripted_api import (
    ScriptedAnswer,
    ScriptedApi,
    chat_event,
    chat_text,
    page_event,
    scripted_api,
)

from flows.cli import main

Out = pytest.CaptureFixture[str]


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as server:
        yield server


def call(index: int, arguments: list[str], **first: str) -> list[dict[str, object]]:
    """A call in pieces: its name with the first, as OpenAI streams it."""
    head: dict[str, object] = {"index": index, "id": first.get("id"), "type": "function"}
    head["function"] = {"name": first["name"], "arguments": ""}
    rest = [{"index": index, "function": {"arguments": piece}} for piece in arguments]
    return [chat_event(tool_calls=[piece]) for piece in (head, *rest)]


def test_a_conversation_is_asked_as_a_model_here_is(api: ScriptedApi, capsys: Out) -> None:
    api.plan.append(chat_text("It", " is 7."))
    line = ["chat", "--url", api.url, "--message", "3 + 4?", "--system", "Be brief."]
    assert main([*line, "--max-tokens", "9", "--temperature", "0.5", "--seed", "3"]) == 0
    assert capsys.readouterr().out == "you> 3 + 4?\nsmall> It is 7.\n"
    assert api.seen[-1].json == {
        "model": "small",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "3 + 4?"},
        ],
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 3,
        "stream": True,
    }


def test_a_page_goes_on(api: ScriptedApi, capsys: Out) -> None:
    for options in ([], ["--top-k", "7"]):
        api.plan.append(ScriptedAnswer(events=[page_event(" born"), page_event(" in Hale.")]))
        assert main(["complete", "Ada was", "--url", api.url, "--model", "large", *options]) == 0
        assert capsys.readouterr().out == "Ada was born in Hale.\n"
    plain, cut = (seen.json for seen in api.seen if seen.json)
    assert (plain["prompt"], plain["model"], plain["temperature"]) == ("Ada was", "large", 0.8)
    assert "top_k" not in plain  # OpenAI's own models refuse it
    assert cut["top_k"] == 7


def test_calls_run_here_and_are_shown(api: ScriptedApi, capsys: Out) -> None:
    """Two calls side by side, their arguments in pieces; what they gave goes back to the server."""
    first = call(0, ['{"expres', 'sion": "6 * 7"}'], name="calculator", id="a")
    second = call(1, ['{"expression": "1 / 0"}'], name="calculator", id="b")
    api.plan.append(ScriptedAnswer(events=[chat_event(content="Hm."), *first, *second]))
    api.plan.append(chat_text("It is 42."))
    line = ["chat", "--url", api.url, "--message", "6 * 7?", "--tools", "calculator"]
    assert main([*line, "--json"]) == 0
    (exchange,) = json.loads(capsys.readouterr().out)
    assert exchange["assistant"] == "Hm.It is 42."
    assert [c["output"] for c in exchange["calls"]] == ["42", exchange["calls"][1]["output"]]
    assert exchange["calls"][1]["output"].startswith("Error: ")
    (asked, back) = (seen.json for seen in api.seen if seen.json)
    assert asked["tools"][0]["function"]["name"] == "calculator"
    said, *outputs = back["messages"][1:]
    assert [c["id"] for c in said["tool_calls"]] == ["a", "b"]
    assert said["tool_calls"][0]["function"]["arguments"] == '{"expression": "6 * 7"}'
    assert [(o["role"], o["tool_call_id"]) for o in outputs] == [("tool", "a"), ("tool", "b")]
    assert outputs[0]["content"] == "42"


def test_a_server_that_calls_for_ever_is_stopped(api: ScriptedApi, capsys: Out) -> None:
    again = ScriptedAnswer(events=call(0, ['{"expression": "1"}'], name="calculator"))
    api.plan.extend([again] * 9)
    line = ["chat", "--url", api.url, "--message", "x", "--tools", "calculator"]
    assert main(line) == 2
    assert "calls tools again and again" in capsys.readouterr().err
    assert len(api.plan) == 4  # as many rounds as a model here gets, and one more message


def test_steps_of_both_forms_of_log_probabilities(api: ScriptedApi, capsys: Out) -> None:
    """OpenAI's own for completions, and the one of chat completions, which llama.cpp gives."""
    legacy = {
        "tokens": [" a", "bytes:\\xe2\\x82"],
        "token_logprobs": [-0.6931472, -2.3],
        "top_logprobs": [{" b": -1.6, " a": -0.6931472}, None],
        "text_offset": [3, 5],
    }
    content = [
        {
            "token": " a",
            "logprob": -0.6931472,
            "top_logprobs": [
                {"token": " a", "logprob": -0.6931472},
                {"token": " b", "logprob": -1.6},
            ],
        }
    ]
    api.plan.append(ScriptedAnswer(events=[page_event(" a", logprobs=legacy)]))
    api.plan.append(ScriptedAnswer(events=[page_event(" a", logprobs={"content": content})]))
    found = []
    for _ in range(2):
        assert main(["complete", "Ada", "--url", api.url, "--top", "2", "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert api.seen[-1].json["logprobs"] == 2
    assert found[0]["steps"][0] == found[1]["steps"][0]
    assert [c["text"] for c in found[0]["steps"][0]["likely"]] == [" a", " b"]
    assert found[0]["steps"][0]["probability"] == pytest.approx(0.5)
    assert (found[0]["steps"][1]["text"], found[0]["steps"][1]["bytes"]) == (None, "e282")
    api.plan.append(ScriptedAnswer(events=[page_event(" a")]))
    assert main(["complete", "Ada", "--url", api.url, "--top", "2"]) == 2
    assert "gives no log-probabilities" in capsys.readouterr().err


def test_a_line_that_cannot_be_answered_does_not_stop_the_others(
    api: ScriptedApi, capsys: Out
) -> None:
    api.plan.append(ScriptedAnswer(400, body=b'{"error": {"message": "too long"}}'))
    api.plan.append(chat_text("Yes."))
    assert main(["chat", "--url", api.url, "--message", "x", "--message", "y", "--json"]) == 2
    said = capsys.readouterr()
    assert [row["assistant"] for row in json.loads(said.out)] == [None, "Yes."]
    assert "line 1: " in said.err
    assert said.err.count("\n") == 1
