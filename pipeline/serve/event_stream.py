"""Answers that clients wait for: whole, or as server-sent events; ended when the client goes.

In: a coroutine that makes the whole answer, or a generator of pieces of it. A client that goes away
ends it at once, which frees its rows; a stream's client that takes nothing for a time is cut off; a
request that takes too long ends with an error. Starlette itself ends no handler whose client is
gone.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, TypeVar

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they, the client or the time end."""
        work = asyncio.ensure_future(self._send_all(scope, send))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            await _end(work, gone)
            self.close()
            await self.events.aclose()

    async def _send_all(self, scope: Scope, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        try:
            async with asyncio.timeout(self.config.request_timeout_seconds):
                async for piece in self.events:
                    if not await self._sent(scope, send, piece):
                        return
            last = DONE if self.done else b""
        except Exception as error:  # the status is sent already: the error is an event
            found = as_api_error(error)
            if found.status == 500:
                logger.exception("unforeseen")
            last = b"data: " + found.body() + b"\n\n"
        await self._sent(scope, send, last, more=False)

    async def _sent(self, scope: Scope, send: Send, piece: bytes, more: bool = True) -> bool:
        """Send a piece; False: the client takes nothing, and was cut off."""
        message = {"type": "http.response.body", "body": piece, "more_body": more}
        patience = asyncio.timeout(self.config.stalled_client_seconds)
        try:
            async with patience:
                await send(message)
        except TimeoutError:
            if not patience.expired():
                raise
            logger.info("a client that takes nothing is cut off")
            abort = scope.get("state", {}).get(ABORT)
            if abort is not None:
                abort()
            return False
        return True


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
