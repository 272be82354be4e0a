"""Prefect's API with its requests counted: `python -m tests.benchmarks.scale_prefect`.

The port is the first line on stdout; GET /counts gives the requests so far by method and route, and
the messages on its websockets, as JSON.
"""

import json
import re
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


class Counted:
    """An ASGI application around another."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app
        self.counts: Counter[str] = Counter()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        kind, path = scope["type"], scope.get("path", "")
        if kind == "http" and path == "/counts":
            head = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            body = json.dumps(self.counts).encode()
            await send({"type": "http.response.body", "body": body})
            return
        if kind == "http" and not path.endswith("/health"):
            self.counts[f"{scope['method']} {ID.sub('…', path)}"] += 1
        if kind != "websocket":
            await self.app(scope, receive, send)
            return

        async def counted() -> Message:
            message = await receive()
            self.counts[f"message {path}"] += message["type"] == "websocket.receive"
            return message

        await self.app(scope, counted, send)


def serve() -> None:
    """Until it is killed."""
    import uvicorn
    from prefect.server.api.server import create_app

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(Counted(create_app()), log_level="error")
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    serve()
