"""A real HTTP server on this machine that speaks OpenAI's chat completions, and misbehaves on word.

Asked for a conversation it makes one of the passage in the prompt, always the same for the same
request; asked for a judgement it scores by `server.score`. `server.plan` lists what goes wrong, an
entry for each request in the order in which they come; `server.always` is what happens when it is
used up. It counts what it would bill: an answer that it has sent to the end.
"""

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from quiet_server import QuietServer, serving

KEY = "sk-planted-key-of-a-teacher-0123456789"


@dataclass(frozen=True)
class Slip:
    """What goes wrong with one answer."""

    status: int = 200
    retry_after: str = ""
    location: str = ""
    body: bytes | None = None  # instead of a chat completion
    content: str | None = None  # instead of what the model would say
    finish: str = "stop"
    refusal: str | None = None
    usage: Any = "true"  # what stands there instead
    cut_after: int = -1  # bytes of the body, then the connection is reset
    politely: bool = False  # closed instead of reset
    stall_after: int = -1  # bytes of the body, then nothing comes; -2: not even a header
    drip_seconds: float = 0.0  # between bytes
    chunked: bool = False
    delay: float = 0.0  # seconds before the answer


@dataclass
class Asked:
    """One request that came."""

    path: str
    body: bytes
    authorization: str
    idempotency: str
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value

    @property
    def is_judging(self) -> bool:
        return "You judge a training conversation" in self.json["messages"][0]["content"]


class TeacherServer:
    """Start with `with teacher_server() as server:`."""

    def __init__(self) -> None:
        self.plan: deque[Slip] = deque()
        self.always = Slip()
        self.key = KEY
        self.write: Callable[[dict[str, Any]], str] = conversation
        self.score: Callable[[dict[str, Any]], int] = lambda body: 5
        self.seen: list[Asked] = []
        self.billed: Counter[bytes] = Counter()  # by body
        self.open = self.most_open = 0
        self.lock = threading.Lock()
        self.stop_stalling = threading.Event()
        handler = type("Handler", (_Handler,), {"teacher": self})
        self.http = QuietServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@contextlib.contextmanager
def teacher_server() -> Iterator[TeacherServer]:
    server = TeacherServer()
    with serving(server.http):
        try:
            yield server
        finally:
            server.stop_stalling.set()


def passage_of(body: dict[str, Any]) -> str:
    """The passage in a request."""
    match = re.search(r"<passage>\n(.*?)\n</passage>", body["messages"][1]["content"], re.DOTALL)
    assert match is not None
    return match[1]


def conversation(body: dict[str, Any]) -> str:
    """A conversation about the passage: its first words asked for, some of it answered."""
    words = passage_of(body).split()
    number = int(hashlib.sha256(" ".join(words).encode()).hexdigest(), 16)
    asked = f"What do you know about {' '.join(words[:3])}?"
    answer = " ".join(words[: 8 + number % 9])
    return said([("user", asked), ("assistant", answer)])


def said(turns: list[tuple[str, str]]) -> str:
    """Turns as a model writes them."""
    return json.dumps({"messages": [{"role": r, "content": c} for r, c in turns]})


class _Handler(BaseHTTPRequestHandler):
    teacher: TeacherServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        teacher = self.teacher
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        authorization = self.headers.get("Authorization", "")
        asked = Asked(self.path, body, authorization, self.headers.get("Idempotency-Key", ""))
        with teacher.lock:
            teacher.seen.append(asked)
            slip = teacher.plan.popleft() if teacher.plan else teacher.always
            teacher.open += 1
            teacher.most_open = max(teacher.most_open, teacher.open)
        try:
            self._answer(asked, slip)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        finally:
            with teacher.lock:
                teacher.open -= 1

    def _answer(self, asked: Asked, slip: Slip) -> None:
        teacher = self.teacher
        if slip.delay:
            teacher.stop_stalling.wait(slip.delay)
        if slip.stall_after == -2:
            teacher.stop_stalling.wait(60)
            self.close_connection = True
            return
        if asked.authorization != (f"Bearer {teacher.key}" if teacher.key else ""):
            # As OpenAI does it: with the key that came, or part of it, in the message.
            message = f"Incorrect API key provided: {asked.authorization.removeprefix('Bearer ')}."
            self._send(401, _error(message, "invalid_api_key"), slip)
            return
        if slip.status != 200:
            raw = slip.body if slip.body is not None else _error(f"status {slip.status}", None)
            self._send(slip.status, raw, slip)
            return
        raw = slip.body if slip.body is not None else self._completion(asked, slip)
        self._send(200, raw, slip, asked)

    def _completion(self, asked: Asked, slip: Slip) -> bytes:
        body = asked.json
        content = slip.content
        if content is None and asked.is_judging:
            score = self.teacher.score(body)
            content = json.dumps({"reason": f"It is a {score}.", "score": score})
        elif content is None:
            content = self.teacher.write(body)
        usage = {"prompt_tokens": len(asked.body) // 4, "completion_tokens": len(content) // 4}
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": slip.refusal},
                    "finish_reason": slip.finish,
                }
            ],
            "usage": usage if slip.usage == "true" else slip.usage,
        }
        return json.dumps(answer).encode()

    def _send(self, status: int, raw: bytes, slip: Slip, asked: Asked | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if slip.retry_after:
            self.send_header("Retry-After", slip.retry_after)
        if slip.location:
            self.send_header("Location", slip.location)
        if slip.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        limits = [limit for limit in (slip.cut_after, slip.stall_after) if limit >= 0]
        end = min([len(raw), *limits])
        step = 1 if slip.drip_seconds else 1 << 16
        for at in range(0, end, step):
            block = raw[at : min(end, at + step)]
            if asked is not None and at + len(block) == len(raw):
                with self.teacher.lock:  # with these bytes the other side has it all
                    self.teacher.billed[asked.body] += 1
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block) if slip.chunked else block)
            if slip.drip_seconds and self.teacher.stop_stalling.wait(slip.drip_seconds):
                break
        self.wfile.flush()
        if slip.stall_after >= 0:
            self.teacher.stop_stalling.wait(60)
        if limits:
            if not slip.politely:  # as a broken line does: no good-bye
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
        elif slip.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments: Any) -> None:
        pass


def _error(message: str, code: str | None) -> bytes:
    return json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()


if __name__ == "__main__":  # to try it by hand: prints the address, serves until it is interrupted
    with teacher_server() as running, contextlib.suppress(KeyboardInterrupt):
        print(f"CRAWL2CHAT_TEACHER_URL={running.url} CRAWL2CHAT_TEACHER_KEY={KEY}", flush=True)
        while True:
            time.sleep(10)
            print(f"{len(running.seen)} requests, {running.billed.total()} billed", flush=True)
