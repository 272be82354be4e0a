"""One request: what is sent, what comes back, and every way in which it goes wrong."""

import datetime
import email.utils
import json
import ssl
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from teacher_server import KEY, Slip, TeacherServer, teacher_server

from pipeline.sft.teacher.chat_endpoint import (
    ChatAnswer,
    ChatEndpoint,
    Unanswered,
    checked_url,
)
from pipeline.sft.teacher.config import EndpointConfig
from storage.errors import UserError

CONFIG = EndpointConfig(timeout_seconds=0.3, max_answer_seconds=5.0, max_answer_bytes=20_000)
BODY = json.dumps(
    {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "<passage>\nThe old mill stands.\n</passage>"},
        ],
    }
).encode()


@pytest.fixture
def server() -> Iterator[TeacherServer]:
    with teacher_server() as running:
        yield running


def ask(server: TeacherServer, *slips: Slip, key: str = KEY, **more: Any) -> ChatAnswer:
    server.plan.extend(slips)
    return ChatEndpoint(server.url, key, replace(CONFIG, **more)).ask(BODY, "name-of-it")


def test_what_is_sent_and_what_comes_back(server: TeacherServer) -> None:
    answer = ask(server, Slip(content="Grüße ✓"))
    assert answer == ChatAnswer("Grüße ✓", "", "", len(BODY) // 4, 1)
    (asked,) = server.seen
    assert (asked.path, asked.body) == ("/v1/chat/completions", BODY)
    assert asked.authorization == f"Bearer {KEY}"
    assert asked.idempotency == "name-of-it"


def test_without_a_key_none_is_sent(server: TeacherServer) -> None:
    server.key = ""
    assert ask(server, key="").problem == ""
    assert server.seen[0].authorization == ""


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("after", [0, 40])
@pytest.mark.parametrize("how", ["reset", "closed", "stalled"])
def test_an_answer_that_does_not_come_whole(
    server: TeacherServer, how: str, after: int, chunked: bool
) -> None:
    slip = Slip(
        cut_after=after if how != "stalled" else -1,
        stall_after=after if how == "stalled" else -1,
        politely=how == "closed",
        chunked=chunked,
    )
    with pytest.raises(Unanswered) as raised:
        ask(server, slip)
    assert raised.value.sent  # it may be billed
    assert not raised.value.spoke  # half an answer is none, not one of another kind
    assert not server.billed


def test_a_server_that_never_answers(server: TeacherServer) -> None:
    with pytest.raises(Unanswered, match="timed out") as raised:
        ask(server, Slip(stall_after=-2))
    assert raised.value.sent


def test_an_answer_that_drips_for_ever(server: TeacherServer) -> None:
    with pytest.raises(Unanswered, match=r"no whole answer in 0 s"):
        ask(server, Slip(drip_seconds=0.02), max_answer_seconds=0.2)


def test_nobody_is_there() -> None:
    with teacher_server() as gone:
        url = gone.url
    with pytest.raises(Unanswered) as raised:
        ChatEndpoint(url, KEY, CONFIG).ask(BODY, "n")
    assert not raised.value.sent  # nothing to bill


def test_a_certificate_that_is_not_trusted_is_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_message = "self-signed certificate"
    endpoint = ChatEndpoint("https://127.0.0.1:9/v1", KEY, CONFIG)

    def untrusted(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError(refused)

    monkeypatch.setattr(endpoint._opener, "open", untrusted)
    with pytest.raises(UserError, match=r"its certificate is not trusted: self-signed"):
        endpoint.ask(BODY, "n")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_not_read_to_its_end(server: TeacherServer, chunked: bool) -> None:
    answer = ask(server, Slip(body=b" " * 50_000_000, chunked=chunked))
    assert (answer.problem, answer.detail) == ("too_large", "more than 20,000 bytes")
    assert answer.paid


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_statuses_that_pass(server: TeacherServer, status: int) -> None:
    with pytest.raises(Unanswered, match=rf"{status}: status {status}") as raised:
        ask(server, Slip(status=status))
    error = raised.value
    assert (error.slow_down, error.sent, error.retry_after) == (status in (429, 503), False, None)


def test_retry_after_in_seconds_and_as_a_date(server: TeacherServer) -> None:
    with pytest.raises(Unanswered) as raised:
        ask(server, Slip(status=429, retry_after="7"))
    assert raised.value.retry_after == 7.0
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90)
    with pytest.raises(Unanswered) as raised:
        ask(server, Slip(status=503, retry_after=email.utils.format_datetime(later)))
    asked = raised.value.retry_after
    assert asked is not None
    assert 80 < asked <= 90


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (Slip(status=402), "no credit left"),
        (
            Slip(status=429, body=b'{"error": {"message": "pay", "code": "insufficient_quota"}}'),
            "no credit left .429.: pay",
        ),
        (Slip(status=404), "no such address or model: status 404"),
        (Slip(status=405), "no such address or model: status 405"),
        (Slip(status=403), "refuses the key .403.: set CRAWL2CHAT_TEACHER_KEY"),
        # urllib itself would follow the first three, and take the key along
        *[
            (Slip(status=s, location="http://elsewhere.example/v1"), f"moved .{s}.: set CRAWL2CHAT")
            for s in (301, 302, 303, 307, 308)
        ],
    ],
)
def test_what_no_other_request_would_change(server: TeacherServer, slip: Slip, words: str) -> None:
    with pytest.raises(UserError, match=words):
        ask(server, slip)
    assert len(server.seen) == 1  # a redirect is not followed: the key goes nowhere else


def test_a_refused_key_is_one_line_without_it(server: TeacherServer) -> None:
    server.key = "another"
    with pytest.raises(UserError) as raised:
        ask(server)
    said = str(raised.value)
    assert said.startswith(f"{server.url} refuses the key (401): set CRAWL2CHAT_TEACHER_KEY")
    assert KEY not in said
    assert "\n" not in said
    with pytest.raises(UserError, match=r"asks for a key"):
        ask(server, key="")


def test_this_request_alone_is_refused(server: TeacherServer) -> None:
    answer = ask(server, Slip(status=400, body=b'{"error": {"message": "filtered\\nfor"}}'))
    assert (answer.problem, answer.detail) == ("refused", "400: filtered for")
    assert not answer.paid


def test_the_key_is_in_nothing_that_the_server_says(server: TeacherServer) -> None:
    echo = json.dumps({"error": {"message": f"bad {KEY}"}}).encode()
    assert KEY not in ask(server, Slip(status=400, body=echo)).detail
    assert ask(server, Slip(content=f"your key is {KEY}")).content == "your key is ***"
    with pytest.raises(Unanswered) as raised:
        ask(server, Slip(body=KEY.encode()))
    assert KEY not in str(raised.value)


def test_a_mock_s_key_is_no_secret(server: TeacherServer) -> None:
    server.key = "EMPTY"  # what vLLM's users send
    assert ask(server, Slip(content="an EMPTY box"), key="EMPTY").content == "an EMPTY box"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please log in</html>",
        b"",
        b"[]",
        b"null",
        b'{"choices": []}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": "hello"}]}',
        b'{"choices": "no"}',
        b'{"error": {"message": "overloaded", "code": 429}}',
        b'{"choices": [{"message": {"content": "cut',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_chat_completion(server: TeacherServer, body: bytes) -> None:
    with pytest.raises(Unanswered, match="no chat completion") as raised:
        ask(server, Slip(body=body), max_answer_bytes=1_000_000)
    assert raised.value.spoke
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (Slip(finish="length"), "cut"),
        (Slip(finish="content_filter"), "declined"),
        (Slip(refusal="I can't help with that."), "declined"),
    ],
)
def test_a_model_that_does_not_give_an_answer(
    server: TeacherServer, slip: Slip, problem: str
) -> None:
    answer = ask(server, slip)
    assert answer.problem == problem
    assert answer.paid


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        "many",
        {"prompt_tokens": -4},
        {"prompt_tokens": True},
        {"prompt_tokens": 1e30},
        {"prompt_tokens": 10**30},
    ],
)
def test_tokens_that_are_no_count_are_unknown(server: TeacherServer, usage: object) -> None:
    assert ask(server, Slip(usage=usage)).prompt_tokens == -1


def test_content_of_another_kind_is_none(server: TeacherServer) -> None:
    body = b'{"choices": [{"message": {"content": [{"type": "text"}]}, "finish_reason": "stop"}]}'
    assert ask(server, Slip(body=body)).content == ""


@pytest.mark.parametrize("key", ["two\nlines-of-a-key", "a key with spaces", "schlüssel-123456"])
def test_what_is_no_key_is_said_without_it(key: str) -> None:
    with pytest.raises(UserError) as raised:
        ChatEndpoint("http://127.0.0.1/v1", key, CONFIG)
    assert key not in str(raised.value)


def test_a_key_from_a_file_may_end_its_line(server: TeacherServer) -> None:
    assert ask(server, key=f"{KEY}\n").problem == ""


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "file:///etc/passwd",
        "host/v1",
        "https://",
        "https://host:99999/v1",
        "https://host/v1?key=1",
        "https://host/v 1",
        "http://a..b/v1",
        "",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UserError, match="CRAWL2CHAT_TEACHER_URL"):
        checked_url(url)


def test_a_password_in_an_address_is_not_said() -> None:
    with pytest.raises(UserError) as raised:
        checked_url("https://me:planted-password@host/v1")
    assert "planted-password" not in str(raised.value)


def test_the_ends_that_people_copy() -> None:
    assert checked_url(" https://host/v1/ ") == "https://host/v1"
    assert checked_url("https://host/v1/chat/completions") == "https://host/v1"


def test_the_environment_names_it(monkeypatch: pytest.MonkeyPatch, server: TeacherServer) -> None:
    monkeypatch.delenv("CRAWL2CHAT_TEACHER_URL", raising=False)
    with pytest.raises(UserError, match=r"set CRAWL2CHAT_TEACHER_URL .or teacher.endpoint"):
        ChatEndpoint.of(CONFIG)
    monkeypatch.setenv("CRAWL2CHAT_TEACHER_URL", server.url)
    monkeypatch.setenv("CRAWL2CHAT_TEACHER_KEY", KEY)
    assert ChatEndpoint.of(CONFIG).ask(BODY, "n").problem == ""
    other = replace(CONFIG, base_url="http://127.0.0.2/v1")
    assert ChatEndpoint.of(other).url == "http://127.0.0.2/v1"
