"""Answers that clients wait for: whole, or as server-sent events; ended when the client goes.

In: a coroutine that makes the whole answer, or a generator of pieces of it. A client that goes away
ends it at once, which frees its rows; a stream's client that takes nothing for a time is cut off; a
request that takes too long ends with an error. Starlette itself ends no handler whose client is
gone.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pipeline.serve.api_errors import as_api_error
from pipeline.serve.config import ServeConfig

T = TypeVar("T")

DONE = b"data: [DONE]\n\n"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # proxies pass each event on
CLIENT_GONE = 499  # nginx's number for a client that didn't wait
ABORT = "abort"  # in the scope's state: what cuts the connection, see `http_server`

logger = logging.getLogger("crawl2chat.serve")


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


def event(data: Mapping[str, Any], name: str = "") -> bytes:
    """One event, as it is sent."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(data) + b"\n\n"


async def unless_gone(request: Request, answer: Coroutine[Any, Any, T], config: ServeConfig) -> T:
    """The answer, unless the client goes away meanwhile or it takes too long.

    Raises:
        ClientGone: it has gone; the coroutine was cancelled.
        TimeoutError: of the time limit.
    """
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_disconnected(request.receive))
    try:
        await asyncio.wait(
            (work, gone),
            timeout=config.request_timeout_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if work.done():
            return work.result()
        if gone.done():
            raise ClientGone
        raise TimeoutError
    finally:
        await _end(work, gone)


class EventStream(Response):
    """A stream of server-sent events.

    Args:
        events: pieces of the stream, each one or more whole events.
        config: limits.
        close: called however it ends; `events` is closed as well, if it has begun.
        done: end with OpenAI's `[DONE]`.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        config: ServeConfig,
        close: Callable[[], object],
        *,
        done: bool = True,
    ) -> None:
        super().__init__(None, 200, HEADERS)
        del self.headers["content-length"]
        self.events, self.config, self.close, self.done = events, config, close, done
        self._since: float | None = None  # when the piece that is being sent was begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they, the client or the time end."""
        work = asyncio.ensure_future(self._send_all(send))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            while not work.done() and not gone.done():
                left = self._patience()
                if left <= 0:
                    self._cut_off(scope)
                    break
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait((work, gone), timeout=left, return_when=first)
            if work.done():
                work.result()
        finally:
            await _end(work, gone)
            self.close()
            await self.events.aclose()

    def _patience(self) -> float:
        """Seconds that the client may still take for what is being sent."""
        most = self.config.stalled_client_seconds
        return most if self._since is None else self._since + most - time.monotonic()

    def _cut_off(self, scope: Scope) -> None:
        logger.info("a client that takes nothing is cut off")
        abort = scope.get("state", {}).get(ABORT)
        if abort is not None:
            abort()

    async def _send_all(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        try:
            async with asyncio.timeout(self.config.request_timeout_seconds):
                async for piece in self.events:
                    await self._send(send, piece)
            last = DONE if self.done else b""
        except Exception as error:  # the status is sent already: the error is an event
            found = as_api_error(error)
            if found.status == 500:
                logger.exception("unforeseen")
            last = b"data: " + found.body() + b"\n\n"
        await self._send(send, last, more=False)

    async def _send(self, send: Send, piece: bytes, more: bool = True) -> None:
        # A timer for each piece would be a tenth of a stream's work: see `_patience`.
        self._since = time.monotonic()
        await send({"type": "http.response.body", "body": piece, "more_body": more})
        self._since = None


class ReplyAnswer(Protocol):
    """What a handler answers with, in either form."""

    def stream(self) -> AsyncGenerator[bytes, None]:
        """Server-sent events, piece by piece."""

    async def whole(self) -> dict[str, Any]:
        """All of it."""


async def respond(
    request: Request,
    answer: ReplyAnswer,
    config: ServeConfig,
    close: Callable[[], object],
    *,
    stream: bool,
) -> Response:
    """The answer as events or in one piece; `close` is called however it ends."""
    if stream:
        return EventStream(answer.stream(), config, close)
    try:
        body = await unless_gone(request, answer.whole(), config)
    finally:
        close()
    return Response(orjson.dumps(body), media_type="application/json")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs and wait until it has ended."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
