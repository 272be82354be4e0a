"""Requests to an application of ours in this process, one event loop for all of them.

What a client sends and gets, without a socket; a client can also go away in the middle.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

T = TypeVar("T")


class AsgiCalls:
    """Calls of one application."""

    def __init__(self, app: FastAPI, key: str = "") -> None:
        self.app = app
        self.loop = asyncio.new_event_loop()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://localhost",
            headers=headers,
            timeout=60,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives, on the loop of all calls."""
        return self.loop.run_until_complete(work)

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """A request's answer."""
        return self.run(self.client.request(method, path, json=body, **more))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a request that is in order."""
        answer = self.send("POST", path, body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def posts(self, path: str, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers of requests that run together."""

        async def all_of_them() -> list[httpx.Response]:
            return await asyncio.gather(*(self.client.post(path, json=body) for body in bodies))

        return [answer.json() for answer in self.run(all_of_them())]

    def refused(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        """The status and the error of a request that isn't in order."""
        answer = self.send("POST", path, body)
        return answer.status_code, answer.json()["error"]

    def events(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The events of a stream, which ends with [DONE]."""
        answer = self.send("POST", path, {**body, "stream": True})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.text.split("\n") if line.startswith("data: ")]
        assert lines[-1] == "data: [DONE]"
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]

    def close(self) -> None:
        """End the application."""

        async def end() -> None:
            await self.client.aclose()
            async with lifespan(self.app):
                pass

        self.run(end())
        self.loop.close()


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The application's start and end."""
    async with app.router.lifespan_context(app):
        yield


@contextlib.contextmanager
def calls(app: FastAPI, key: str = "") -> Iterator[AsgiCalls]:
    """Calls of an application, which is ended afterwards."""
    made = AsgiCalls(app, key)
    try:
        yield made
    finally:
        made.close()


async def leave(app: FastAPI, path: str, body: Any, after_pieces: int) -> list[bytes]:
    """Be a client that goes away after so many pieces of the answer; 0: before the first.

    Of a stream it takes nothing more then. Returns once the application has ended the request.
    """
    sent = json.dumps(body).encode()
    gone = asyncio.Event()
    if not after_pieces:
        gone.set()
    pieces: list[bytes] = []
    requested = False

    async def receive() -> dict[str, Any]:
        nonlocal requested
        if not requested:
            requested = True
            return {"type": "http.request", "body": sent, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))
        if len(pieces) >= after_pieces:
            gone.set()
            if body.get("stream"):
                await asyncio.Event().wait()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(sent)).encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "state": {},
    }
    await app(scope, receive, send)
    return pieces
