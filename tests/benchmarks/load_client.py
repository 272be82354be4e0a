"""So many streams of requests at a time against an OpenAI-compatible server.

In: a server's address, prompts, how many streams, for how long. Out: `load_figures.LoadFigures`, as
JSON on the last line. Each stream keeps one connection and asks for one completion after another
until the time is up; then those under way are finished. The client is a process of its own, so that
its processor seconds are told apart from the server's: some 7 a million tokens where a server sends
one token an event (`--self-check` measures it against `empty_server`, which does no model work).
"""

import argparse
import asyncio
import dataclasses
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.benchmarks.http_response import EventReader, ResponseReader
from tests.benchmarks.load_figures import Answer, LoadFigures, Spread, figures

ENDPOINTS = {"completions": "/v1/completions", "chat": "/v1/chat/completions"}
# Sampling as it comes, of both sides: llama-server's own defaults would cut the distribution.
SAMPLING = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}
WARM_STREAMS = 8  # ask once before the clock
FIRST_SEED = 1000
REFUSED_SECONDS = 0.05
STRIDE = 7_919  # a prime, so that lengths come in no order


@dataclasses.dataclass(frozen=True)
class Load:
    """What is asked of a server."""

    url: str  # http://host:port
    prompts: Sequence[str]  # one after the other, then from the first again
    streams: int  # at a time
    new_tokens: int  # a request, on average
    seconds: float  # as long as it isn't over, a stream whose request has ended begins another
    endpoint: str = "completions"  # a key of ENDPOINTS
    streamed: bool = True  # as events; else each answer in one piece
    model: str = ""  # empty: the server's own choice
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)  # fields of every request
    keep_texts: bool = False
    spread: int = 0  # a request asks for so many tokens less or more: its number says how many

    def tokens_of(self, number: int) -> int:
        """Tokens that a request asks for."""
        return self.new_tokens - self.spread + number * STRIDE % (2 * self.spread + 1)

    def request(self, number: int) -> bytes:
        """The whole HTTP request."""
        prompt = self.prompts[number % len(self.prompts)]
        asked: dict[str, Any] = {"max_tokens": self.tokens_of(number), "seed": FIRST_SEED + number}
        if self.endpoint == "chat":
            asked["messages"] = [{"role": "user", "content": prompt}]
        else:
            asked["prompt"] = prompt
        if self.model:
            asked["model"] = self.model
        if self.streamed:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        body = orjson.dumps(asked | SAMPLING | self.extra)
        head = (
            f"POST {ENDPOINTS[self.endpoint]} HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Connection(asyncio.Protocol):
    """One request at a time over one connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.used = False
        self._wait: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    async def ask(self, request: bytes, streamed: bool, keep_text: bool) -> Answer:
        """The answer, whole or with what went wrong."""
        assert self.transport is not None
        self.response, self.events, self.body = ResponseReader(), EventReader(), bytearray()
        self.answer, self.streamed, self.keep_text = Answer(), streamed, keep_text
        self._wait = asyncio.get_running_loop().create_future()
        self.answer.sent = time.perf_counter()
        self.transport.write(request)
        await self._wait
        self._wait, self.used = None, True
        return self.answer

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        try:
            body = self.response.feed(data)
            if self.streamed and self.response.status == 200:
                for event in self.events.feed(body):
                    if event != b"[DONE]":
                        self._take(orjson.loads(event), now)
            else:
                self.body += body
            if self.response.done:
                self._end(now)
        except ValueError as error:  # what is no JSON is one as well
            self._fail(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self._wait is None or self._wait.done():
            return
        try:
            self.response.closed()
            self._end(time.perf_counter())
        except ValueError as cut:
            self._fail(str(cut))

    def _take(self, said: dict[str, Any], now: float) -> None:
        """One event, or the whole answer that came in one piece."""
        answer = self.answer
        if "error" in said:
            answer.error = f"error within the answer: {said['error']}"
        for choice in said.get("choices") or ():
            said_here = choice.get("delta") or choice.get("message") or choice
            if text := said_here.get("text") or said_here.get("content"):
                answer.texts.append(now)
                if self.keep_text:
                    answer.text += text
        if usage := said.get("usage"):
            answer.tokens = usage["completion_tokens"]
            answer.prompt_tokens = usage["prompt_tokens"]

    def _end(self, now: float) -> None:
        answer = self.answer
        answer.status, answer.ended = self.response.status, now
        if answer.status != 200:
            said = bytes(self.body[:200]).decode("utf-8", "replace")
            answer.error = f"status {answer.status}: {said}"
        elif not self.streamed:
            self._take(orjson.loads(bytes(self.body)), now)
        if not answer.error and not answer.tokens:
            answer.error = "an answer without usage or without tokens"
        if self.response.closes and self.transport is not None:
            self.transport.close()
            self.transport = None
        assert self._wait is not None
        self._wait.set_result(None)

    def _fail(self, why: str) -> None:
        self.answer.error, self.answer.ended = why, time.perf_counter()
        if self.transport is not None:
            self.transport.abort()
            self.transport = None
        if self._wait is not None and not self._wait.done():
            self._wait.set_result(None)


async def connect(url: str) -> Connection:
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    host, port = address.hostname or "127.0.0.1", address.port or 80
    _, protocol = await loop.create_connection(Connection, host, port)
    return protocol


async def ask_again(connection: Connection, load: Load, number: int) -> tuple[Connection, Answer]:
    """The answer, over this connection or, where the server has closed it meanwhile, a new one."""
    request = load.request(number)
    if connection.transport is not None:
        was_used = connection.used
        answer = await connection.ask(request, load.streamed, load.keep_texts)
        if not (was_used and answer.error and not connection.response.status):
            return connection, answer
    connection = await connect(load.url)
    return connection, await connection.ask(request, load.streamed, load.keep_texts)


async def stream(
    connection: Connection, load: Load, numbers: Iterator[int], until: float
) -> list[Answer]:
    """One request after another; the first in any case."""
    answers: list[Answer] = []
    while not answers or time.perf_counter() < until:
        try:
            number = next(numbers)
            connection, answer = await ask_again(connection, load, number)
        except OSError as error:  # nobody listens
            answer = Answer(error=f"no connection: {error.strerror}")
        answer.asked = load.tokens_of(number)
        answers.append(answer)
        if answer.error:  # a server that refuses isn't asked as fast as it can refuse
            await asyncio.sleep(REFUSED_SECONDS)
    if connection.transport is not None:
        connection.transport.close()
    return answers


async def run(load: Load) -> tuple[list[Answer], LoadFigures]:
    """Warm up, then the load."""
    numbers = itertools.count()
    warm = [await connect(load.url) for _ in range(min(load.streams, WARM_STREAMS))]
    await asyncio.gather(*(stream(c, load, numbers, 0.0) for c in warm))
    connections = [await connect(load.url) for _ in range(load.streams)]
    cpu, began = time.process_time(), time.perf_counter()
    found = await asyncio.gather(
        *(stream(c, load, numbers, began + load.seconds) for c in connections)
    )
    answers = [answer for one in found for answer in one]
    seconds = max(answer.ended for answer in answers) - began
    cpu = time.process_time() - cpu
    return answers, figures(answers, max(seconds, 1e-9), cpu)


def without_model(streams: int, new_tokens: int, seconds: float) -> LoadFigures:
    """The client's own cost: the load against a server that does no model work."""
    command = [sys.executable, "-m", "tests.benchmarks.empty_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        try:
            load = Load(url, ["a prompt"], streams, new_tokens, seconds)
            return asyncio.run(run(load))[1]
        finally:
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="http://127.0.0.1:8000")
    parser.add_argument("--prompts", type=Path, help="a JSON list of texts")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--new", type=int, default=128, help="tokens a request")
    parser.add_argument("--spread", type=int, default=0, help="… so many less or more")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--endpoint", choices=ENDPOINTS, default="completions")
    parser.add_argument("--whole", action="store_true", help="answers in one piece, not as events")
    parser.add_argument("--model", default="")
    parser.add_argument("--extra", type=json.loads, default={}, help="JSON: fields of each request")
    parser.add_argument("--cores", type=parsed_cores, help="that this process may use: 0,1")
    parser.add_argument("--self-check", action="store_true", help="what the client costs by itself")
    given = parser.parse_args()
    if given.cores:
        os.sched_setaffinity(0, given.cores)
    if given.self_check:
        found = without_model(given.streams, given.new, given.seconds)
    else:
        prompts = json.loads(given.prompts.read_text(encoding="utf-8"))
        load = Load(
            given.url,
            prompts,
            given.streams,
            given.new,
            given.seconds,
            given.endpoint,
            not given.whole,
            given.model,
            given.extra,
            spread=given.spread,
        )
        found = asyncio.run(run(load))[1]
    print(json.dumps(dataclasses.asdict(found)))


def parsed_cores(text: str) -> set[int]:
    return {int(part) for part in text.split(",")}


def from_json(said: dict[str, Any]) -> LoadFigures:
    """What `main` printed."""
    spreads = {name: Spread(**said[name]) for name in ("first", "a_token", "pause")}
    return LoadFigures(**(said | spreads))


if __name__ == "__main__":
    main()
