"""Any server that speaks OpenAI's API: its answers as they stream, its faults in one line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import free_port
from scripted_api import ScriptedAnswer, ScriptedApi, chat_event, chat_text, scripted_api

from flows.cli import main
from flows.cli.openai_server import OpenAIServer, server_url
from storage.errors import UserError

KEY = "sk-planted-key-of-a-server-0123456789"
ASKED = {"model": "small", "messages": []}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as server:
        yield server


def test_events_come_until_done(api: ScriptedApi) -> None:
    api.plan.append(chat_text("One", " moment"))
    events = list(OpenAIServer(api.url).stream("/chat/completions", ASKED))
    assert [e["choices"][0]["delta"]["content"] for e in events[:-1]] == ["", "One", " moment"]
    (seen,) = api.seen
    assert (seen.path, seen.authorization) == ("/v1/chat/completions", "")
    assert seen.json == {**ASKED, "stream": True}


def test_the_key_goes_into_the_header_and_nowhere_else(
    api: ScriptedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the server says it back; and what .netrc holds for that host stays there."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    said = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid"}}
    api.plan.extend(
        ScriptedAnswer(status, body=json.dumps(said).encode()) for status in (401, 400, 400)
    )
    server = OpenAIServer(api.url, KEY, "MY_KEY")
    for words in (r"refuses the key in MY_KEY \(401\)", r"400: Incorrect API key provided: \*\*\*"):
        with pytest.raises(UserError, match=words) as raised:
            list(server.stream("/completions", ASKED))
        assert KEY not in str(raised.value)
    with pytest.raises(UserError):
        list(OpenAIServer(api.url).stream("/completions", ASKED))
    assert [seen.authorization for seen in api.seen] == [f"Bearer {KEY}"] * 2 + [""]
    assert KEY not in repr(server)


HTML = b"<html><body>Nothing here</body></html>"
FAULTS = {
    "a key is asked for": (ScriptedAnswer(401, body=b"{}"), "asks for a key (401): name its"),
    "no such address": (ScriptedAnswer(404, body=HTML), "404: no such address: does --url end"),
    "no such model": (
        ScriptedAnswer(404, body=b'{"error": {"message": "no model\\n\\u001b[31mx"}}'),
        "404: no model [31mx",
    ),
    "a redirect": (
        ScriptedAnswer(307, body=b"", headers={"Location": "http://127.0.0.1:1/"}),
        "moved (307): give --url where it is now",
    ),
    "busy": (
        ScriptedAnswer(429, body=b'{"error": {"message": "full"}}', headers={"Retry-After": "7"}),
        "429: full (try again in 7 s)",
    ),
    "FastAPI's own words": (
        ScriptedAnswer(422, body=b'{"detail": [{"loc": ["body"], "msg": "missing"}]}'),
        '422: [{"loc": ["body"], "msg": "missing"}]',
    ),
    "broken": (ScriptedAnswer(500, body=HTML), ": 500"),
    "no stream": (
        ScriptedAnswer(body=b'{"choices": []}', content_type="application/json"),
        "does not stream",
    ),
    "an error on the way": (
        ScriptedAnswer(events=[chat_event(content="a"), {"error": {"message": "out of memory"}}]),
        "out of memory",
    ),
    "no JSON": (ScriptedAnswer(events=["data: {oops\n\n"]), "an event is no JSON: {oops"),
    "nested without end": (
        ScriptedAnswer(events=[f"data: {'[' * 100_000}\n\n"]),
        "an event is no JSON",
    ),
    "the end comes early": (
        ScriptedAnswer(events=[chat_event(content="a")], done=False),
        "broke off before its end",
    ),
    "the line breaks": (
        ScriptedAnswer(events=[chat_event(content="a")], done=False, reset=True),
        "broke off",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_and_exit_2(
    fault: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, words = FAULTS[fault]
    api.plan.append(answer)
    assert main(["complete", "Ada", "--url", api.url]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.startswith(f"crawl2chat: {api.url}")
    assert said.err.count("\n") == 1


def test_nobody_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["complete", "Ada"], ["chat", "--message", "Hi"]):
        assert main([*command, "--url", f"http://127.0.0.1:{free_port()}"]) == 2
        said = capsys.readouterr().err
        assert "connection refused" in said
        assert said.count("\n") == 1


@pytest.mark.parametrize(
    "url",
    ["", "nowhere", "ftp://host/v1", "http://", "http://me:secret@host/v1", "http://host:0/v1",
     "http://host/v1?key=secret", "http://ho st/v1", "http://host:99999999/v1", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_said_without_its_secrets(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["complete", "Ada", "--url", url or " "]) == 2
    said = capsys.readouterr().err
    assert "--url" in said
    assert "secret" not in said
    assert said.count("\n") == 1


def test_an_address_may_be_written_in_several_ways() -> None:
    for url in (
        "http://host:8000",
        "http://host:8000/",
        "http://host:8000/v1/",
        "http://host:8000/v1/chat/completions",
        "http://host:8000/v1/completions",
    ):
        assert server_url(url) == "http://host:8000/v1"
    assert server_url("https://host/api/openai") == "https://host/api/openai"


def test_a_key_that_is_not_there(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["complete", "Ada", "--api-key-env", "MY_KEY"]
    monkeypatch.delenv("MY_KEY", raising=False)
    assert main([*line, "--url", api.url]) == 2
    assert "there is no such environment variable" in capsys.readouterr().err
    monkeypatch.setenv("MY_KEY", "b\xe4d key")
    assert main([*line, "--url", api.url]) == 2
    assert "holds characters that are in no key" in capsys.readouterr().err
    assert main(line) == 2
    assert "it needs --url" in capsys.readouterr().err
    assert api.seen == []


def test_models_are_listed_or_not(api: ScriptedApi) -> None:
    assert OpenAIServer(api.url).models() == ["small", "large"]
    api.models = ScriptedAnswer(404, body=b"")
    assert OpenAIServer(api.url).models() == []
    api.models = ScriptedAnswer(body=HTML, content_type="text/html")
    with pytest.raises(UserError, match="no list of models"):
        OpenAIServer(api.url).models()


def test_a_server_that_names_no_models(api: ScriptedApi, capsys: Any) -> None:
    api.models = ScriptedAnswer(404, body=b"")
    assert main(["chat", "--message", "Hi", "--url", api.url]) == 2
    assert "say which by --model NAME" in capsys.readouterr().err
    api.plan.append(chat_text("Hello."))
    assert main(["chat", "--message", "Hi", "--url", api.url, "--model", "mine"]) == 0
    assert capsys.readouterr().out.endswith("mine> Hello.\n")
    assert api.seen[-1].json["model"] == "mine"
