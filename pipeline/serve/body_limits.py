"""Bodies of requests: bounded in size, nesting and time before anything parses them.

In: what a client sends, at whatever speed. Out: a body that is small, in time, JSON and not nested
too deep; anything else is refused with the status that says so.
"""

import asyncio
import re
from collections.abc import Collection

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serve.api_errors import ApiError, refused
from pipeline.serve.config import ServeConfig

WITH_BODY = ("POST", "PUT", "PATCH")
# Unrolled (Friedl): 0.02 s for 8 MB, where an alternation takes half a second.
STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
AS_ARRAYS = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class ClientLeft(Exception):
    """It went away before it had said everything."""


class BodyLimits:
    """Reads the whole body and hands it on in one piece.

    Args:
        app: what comes after.
        config: limits.
        paths: that have a body to read; other requests' bodies nobody reads. None: all.
    """

    def __init__(
        self, app: ASGIApp, config: ServeConfig, paths: Collection[str] | None = None
    ) -> None:
        self.app, self.config, self.paths = app, config, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is within the limits."""
        nobody_reads = self.paths is not None and scope.get("path") not in self.paths
        if scope["type"] != "http" or scope["method"] not in WITH_BODY or nobody_reads:
            await self.app(scope, receive, send)
            return
        try:
            body = await self._read(Headers(scope=scope), receive)
        except ClientLeft:
            return
        except ApiError as error:
            await error.response()(scope, receive, send)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            # Others may be sent by any page in a browser, without asking (CORS "simple requests").
            raise ApiError(415, "the body must be JSON: send Content-Type: application/json")
        most = self.config.max_body_bytes
        too_large = ApiError(413, f"the body is larger than {most} bytes", code="body_too_large")
        if (length := headers.get("content-length", "0")).isdigit() and int(length[:20]) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self.config.body_timeout_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientLeft
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_large
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise ApiError(408, "the body took too long to come", code="timeout") from None
        whole = bytes(body)
        brackets = only_brackets(whole)
        if len(brackets) // 2 > self.config.max_json_containers:
            most_containers = self.config.max_json_containers
            raise refused(f"the body has more than {most_containers} lists and objects")
        try:
            orjson.loads(whole)  # strict: no NaN, no half of a surrogate pair
        except orjson.JSONDecodeError as error:
            raise refused(f"the body is no JSON: {error}", code="json_invalid") from None
        if nesting(brackets, self.config.max_json_depth) > self.config.max_json_depth:
            raise refused(f"the body is nested deeper than {self.config.max_json_depth}")
        return whole


def only_brackets(body: bytes) -> bytes:
    """Those of a JSON text's arrays and objects, all of them square."""
    return STRINGS.sub(b"", body).translate(AS_ARRAYS, NO_BRACKETS)


def nesting(brackets: bytes, most: int) -> int:
    """How deep arrays and objects are nested, by `only_brackets`; counting ends beyond `most`."""
    depth = 0
    while brackets and depth <= most:
        depth += 1
        brackets = brackets.replace(b"[]", b"")  # the innermost
    return depth
