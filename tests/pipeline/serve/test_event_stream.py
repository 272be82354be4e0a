"""Streams and whole answers: what is sent, and that whatever makes them ends with them."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.requests import Request

from pipeline.serve.api_errors import Unavailable
from pipeline.serve.config import ServeConfig
from pipeline.serve.event_stream import ABORT, ClientGone, EventStream, event, unless_gone

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


class Wire:
    """The other side of an application: takes what is sent, and goes when it likes."""

    def __init__(self, leaves_after: int = -1, stalls_after: int = -1) -> None:
        self.leaves_after, self.stalls_after = leaves_after, stalls_after
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.aborted = False

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if len(self.sent) == self.stalls_after:
            await asyncio.sleep(60)
        self.sent.append(message)
        if len(self.sent) == self.leaves_after:
            self.gone.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def whole(self) -> bool:
        return self.sent[-1].get("more_body") is False


def streamed(
    wire: Wire, pieces: list[Any], done: bool = True, wait: float = 0, **limits: Any
) -> list[str]:
    """Sends pieces, where an exception is raised instead; what ended, in its order."""
    ended: list[str] = []

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            for piece in pieces:
                await asyncio.sleep(wait)
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            ended.append("events")

    async def run() -> None:
        config = ServeConfig(**limits)
        stream = EventStream(events(), config, lambda: ended.append("closed"), done=done)
        scope = SCOPE | {"state": {ABORT: lambda: setattr(wire, "aborted", True)}}
        await asyncio.wait_for(stream(scope, wire.receive, wire.send), 30)

    asyncio.run(run())
    return ended


def test_all_events_and_the_end() -> None:
    wire = Wire()
    one, two = event({"a": "\N{SNOWMAN}"}), event({"b": None}, "named")
    assert two == b'event: named\ndata: {"b":null}\n\n'
    assert "closed" in streamed(wire, [one, two])
    assert wire.body == one + two + b"data: [DONE]\n\n"
    assert wire.whole
    head = dict(wire.sent[0]["headers"])
    assert head[b"content-type"].startswith(b"text/event-stream")
    assert head[b"cache-control"] == b"no-cache"
    assert b"content-length" not in head
    wire = Wire()
    streamed(wire, [one], done=False)
    assert wire.body == one


def test_an_error_in_the_middle_is_the_last_event() -> None:
    for error, words in ((Unavailable("not now", 1), "not now"), (RuntimeError("secret"), "log")):
        wire = Wire()
        assert sorted(streamed(wire, [b"data: 1\n\n", error])) == ["closed", "events"]
        last = json.loads(wire.body.split(b"\n\n")[1].removeprefix(b"data: "))
        assert words in last["error"]["message"]
        assert b"secret" not in wire.body
        assert b"[DONE]" not in wire.body
        assert wire.whole


def test_a_client_that_goes_ends_what_makes_the_events() -> None:
    wire = Wire(leaves_after=3)
    ended = streamed(wire, [b"x"] * 1_000_000, wait=0.0001)
    assert sorted(ended) == ["closed", "events"]
    assert len(wire.sent) < 100
    wire = Wire()
    wire.leaves_after = 1  # before the first event comes
    assert "closed" in streamed(wire, [b"x"], wait=60)


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    wire = Wire(stalls_after=2)
    ended = streamed(wire, [b"x"] * 10, stalled_client_seconds=0.05)
    assert sorted(ended) == ["closed", "events"]
    assert wire.aborted
    assert len(wire.sent) == 2


def test_a_stream_that_takes_too_long_says_so() -> None:
    wire = Wire()
    streamed(wire, [b"x"] * 10, wait=0.05, request_timeout_seconds=0.12)
    assert b"timeout" in wire.body
    assert wire.whole
    assert not wire.aborted


def waited(seconds: float, leaves: bool, **limits: Any) -> tuple[Any, bool]:
    """What comes of an answer that takes so long, and whether its work was ended early."""
    cancelled = False

    async def answer() -> str:
        nonlocal cancelled
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            cancelled = True
            raise
        return "whole"

    async def run() -> str:
        wire = Wire()
        if leaves:
            asyncio.get_running_loop().call_later(0.02, wire.gone.set)
        request = Request(SCOPE, wire.receive)
        return await unless_gone(request, answer(), ServeConfig(**limits))

    try:
        return asyncio.run(run()), cancelled
    except Exception as error:
        return type(error), cancelled


def test_a_whole_answer_ends_with_its_client_or_its_time() -> None:
    assert waited(0.01, leaves=False) == ("whole", False)
    assert waited(60, leaves=True) == (ClientGone, True)
    assert waited(60, leaves=False, request_timeout_seconds=0.02) == (TimeoutError, True)


def test_whoever_waits_is_cancelled_with_its_work() -> None:
    ended: list[str] = []

    async def answer() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("work")

    async def run() -> None:
        request = Request(SCOPE, Wire().receive)
        task = asyncio.create_task(unless_gone(request, answer(), ServeConfig()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert ended == ["work"]
