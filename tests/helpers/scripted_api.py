"""A real HTTP server of this machine that answers as a script says, in the words of OpenAI's API.

`server.plan` lists answers, one for each request that isn't for /models; what came stands in
`server.seen`.
"""

import contextlib
import dataclasses
import json
import socket
import struct
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

from quiet_server import QuietServer, serving

Events = Sequence[Mapping[str, Any] | str]


@dataclasses.dataclass(frozen=True)
class ScriptedAnswer:
    """One answer."""

    status: int = 200
    events: Events = ()  # objects, or text as it is
    done: bool = True  # [DONE] at the end
    body: bytes | None = None  # instead of events
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    reset: bool = False  # the connection breaks off after this


@dataclasses.dataclass(frozen=True)
class SeenRequest:
    path: str
    authorization: str
    json: Any


class ScriptedApi:
    """Start with `with scripted_api() as server:`."""

    def __init__(self) -> None:
        self.plan: deque[ScriptedAnswer] = deque()
        self.models = ScriptedAnswer(
            body=json.dumps({"data": [{"id": "small"}, {"id": "large"}]}).encode(),
            content_type="application/json",
        )
        self.seen: list[SeenRequest] = []
        self.hang_after = 0  # pieces of text; then nothing comes until the other side has gone
        handler = type("Handler", (_Handler,), {"api": self})
        self.http = QuietServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@contextlib.contextmanager
def scripted_api() -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    with serving(server.http):
        yield server


def chat_event(**delta: Any) -> dict[str, Any]:
    """A piece of a chat completion."""
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}


def chat_text(*pieces: str) -> ScriptedAnswer:
    """A whole reply, as OpenAI streams it: the role first, the usage without a choice last."""
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    said = [chat_event(content=piece) for piece in pieces]
    return ScriptedAnswer(events=[chat_event(role="assistant", content=""), *said, usage])


def page_event(text: str, **more: Any) -> dict[str, Any]:
    """A piece of a completion."""
    return {"object": "text_completion", "choices": [{"index": 0, "text": text, **more}]}


class _Handler(BaseHTTPRequestHandler):
    api: ScriptedApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(None, self.api.models)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(json.loads(body), self.api.plan.popleft())

    def _answer(self, body: Any, answer: ScriptedAnswer) -> None:
        self.api.seen.append(SeenRequest(self.path, self.headers.get("Authorization", ""), body))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.body is not None:
            self._chunk(answer.body)
        else:
            for number, event in enumerate(answer.events):
                if self.api.hang_after and number > self.api.hang_after:  # the role comes first
                    self.rfile.read(1)
                    self.close_connection = True
                    return
                text = event if isinstance(event, str) else f"data: {json.dumps(event)}\n\n"
                self._chunk(text.encode())
            if answer.done:
                self._chunk(b"data: [DONE]\n\n")
        if answer.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, raw: bytes) -> None:
        if raw:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
            self.wfile.flush()

    def log_message(self, *arguments: Any) -> None:
        pass
