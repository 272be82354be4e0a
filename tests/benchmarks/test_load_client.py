"""The load client over real sockets, against a server that misbehaves on word."""

import asyncio
import dataclasses
import itertools
import json
from collections.abc import Awaitable, Callable

import pytest

from tests.benchmarks import empty_server, load_client
from tests.benchmarks.load_client import Load
from tests.benchmarks.load_figures import Answer, LoadFigures

Answers = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def against(answers: Answers, **changes: object) -> tuple[list[Answer], LoadFigures]:
    async def both() -> tuple[list[Answer], LoadFigures]:
        server = await asyncio.start_server(answers, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        asked = {"prompts": ["a", "b"], "streams": 3, "new_tokens": 5, "seconds": 0.0} | changes
        async with server:
            return await load_client.run(Load(url, keep_texts=True, **asked))  # type: ignore[arg-type]

    return asyncio.run(both())


@pytest.mark.parametrize("streamed", [True, False])
def test_each_stream_asks_until_the_time_is_up(
    streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()  # a second passes by each look at it
    monkeypatch.setattr(load_client.time, "perf_counter", lambda: float(next(clock)))
    answers, found = against(empty_server.answer, streamed=streamed, seconds=200.0)
    assert found.requests == len(answers)
    assert 10 < found.requests < 100
    assert (found.tokens, found.errors, found.short) == (5 * found.requests, {}, 0)
    for answer in answers:
        assert answer.text == " word" * 5
        assert len(answer.texts) == (5 if streamed else 1)
        assert answer.sent <= answer.texts[0] <= answer.ended


def test_what_is_asked() -> None:
    seen = []

    async def notes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
            seen.append((head.split(b" ")[1], json.loads(await reader.readexactly(length))))
            usage = {"prompt_tokens": 3, "completion_tokens": 4}
            said = {"choices": [{"message": {"content": "yes"}}], "usage": usage}
            body = json.dumps(said).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    answers, found = against(
        notes, streams=1, endpoint="chat", streamed=False, model="m", extra={"top_p": 0.5}
    )
    path, asked = seen[-1]
    assert path == b"/v1/chat/completions"
    assert asked["messages"] == [{"role": "user", "content": "b"}]  # the first one warmed up
    assert (asked["model"], asked["top_p"], asked["max_tokens"]) == ("m", 0.5, 5)
    assert asked["seed"] == seen[0][1]["seed"] + 1
    assert (answers[0].text, found.prompt_tokens, found.short) == ("yes", 3, 1)


def test_a_connection_that_the_server_has_closed_is_made_anew() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = (
            b'{"choices": [{"text": "x"}], "usage": {"prompt_tokens": 1, "completion_tokens": 5}}'
        )
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()  # and didn't say so before

    async def twice() -> list[Answer]:
        server = await asyncio.start_server(once, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        load = Load(url, ["a"], 1, 5, 0.0, streamed=False)
        async with server:
            connection = await load_client.connect(url)
            connection, first = await load_client.ask_again(connection, load, 0)
            connection, second = await load_client.ask_again(connection, load, 1)
        return [first, second]

    assert [(answer.error, answer.tokens) for answer in asyncio.run(twice())] == [("", 5)] * 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 429 Slow\r\nContent-Length: 4\r\n\r\nbusy", "status 429: busy"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:", "in the middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata: {\n\n", "unexpected end"),
        (b'HTTP/1.1 200 OK\r\n\r\ndata: {"error": "overrun"}\n\n', "within the answer: overrun"),
        (b'HTTP/1.1 200 OK\r\n\r\ndata: {"choices": []}\n\n', "without usage"),
        (b"junk\r\n\r\n", "not an HTTP answer"),
        (b"", "in the middle"),
    ],
)
def test_what_goes_wrong_is_counted_and_ends_nothing(said: bytes, why: str) -> None:
    async def wrong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()

    answers, found = against(wrong)
    assert (found.requests, sum(found.errors.values())) == (0, 3)
    assert all(why in answer.error for answer in answers), answers


def test_figures_come_back_from_json() -> None:
    _, found = against(empty_server.answer)
    said = json.loads(json.dumps(dataclasses.asdict(found)))
    assert load_client.from_json(said) == found


def test_lengths_are_the_requests_own_and_spread_evenly() -> None:
    load = Load("http://localhost", ["a"], 1, 100, 0.0, spread=20)
    lengths = [load.tokens_of(number) for number in range(41)]
    assert sorted(lengths) == list(range(80, 121))
    assert lengths != sorted(lengths)
    assert json.loads(load.request(3).partition(b"\r\n\r\n")[2])["max_tokens"] == lengths[3]
    assert Load("http://localhost", ["a"], 1, 100, 0.0).tokens_of(7) == 100
    _, found = against(empty_server.answer, spread=2, streams=5)
    assert (found.short, found.tokens) == (0, 25)
