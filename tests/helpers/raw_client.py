"""A client of the server over a raw socket, which can do what no well-kept client does.

In: a server's address, bytes. Out: whole replies, and what counts of an answer: the same for one
that came in one piece and one that was streamed, wherever its events were cut.
"""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.http_response import EventReader, ResponseReader

PIECE = 4096  # bytes read at a time
NOTHING: dict[str, Any] = {}


@dataclasses.dataclass(frozen=True)
class Question:
    """A request, and where it goes."""

    path: str
    body: dict[str, Any]

    def bytes(self) -> bytes:
        return post(self.path, json.dumps(self.body).encode())

    @property
    def streamed(self) -> bool:
        return bool(self.body.get("stream"))


@dataclasses.dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    def answer(self) -> Any:
        """What counts of a completion: all but names and times."""
        if self.headers.get(b"content-type", b"").startswith(b"text/event-stream"):
            return assembled(self.body)
        said = json.loads(self.body)
        return {"choices": {c["index"]: plain(c) for c in said["choices"]}, "usage": said["usage"]}


def plain(choice: dict[str, Any]) -> tuple[str, str, str]:
    """Text, reason of its end, log-probabilities."""
    text = choice["text"] if "text" in choice else choice["message"]["content"]
    return text, choice["finish_reason"], json.dumps(choice.get("logprobs"))


def assembled(body: bytes) -> Any:
    """A stream's pieces, joined; the cuts between them aren't the answer's."""
    *events, last = EventReader().feed(body)
    if last != b"[DONE]":
        raise ValueError(f"the stream ends with {last[:200]!r}")
    found: dict[int, list[Any]] = {}
    usage = None
    for event in map(json.loads, events):
        if "error" in event:
            raise ValueError(f"an error in the stream: {event}")
        for choice in event["choices"]:
            own = found.setdefault(choice["index"], ["", None, []])
            own[0] += choice.get("text") or choice.get("delta", NOTHING).get("content") or ""
            own[1] = choice.get("finish_reason") or own[1]
            if choice.get("logprobs"):
                own[2].append(choice["logprobs"])
        usage = event.get("usage") or usage
    return {
        "choices": {
            n: (text, end, json.dumps(joined(lps))) for n, (text, end, lps) in found.items()
        },
        "usage": usage,
    }


def joined(pieces: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Lists of log-probabilities, end to end."""
    found: dict[str, Any] = {}
    for piece in pieces:
        for name, values in piece.items():
            found[name] = [*found.get(name, ()), *(values or ())]
    return found


def post(path: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, pause: Callable[[], float] = lambda: 0.0) -> Reply:
        """The next answer, read in pieces with pauses between them.

        Raises:
            ValueError: it is cut off.
        """
        response, body = ResponseReader(), b""
        while not response.done:
            data = await self.reader.read(PIECE)
            if data:
                body += response.feed(data)
            else:
                response.closed()
            if wait := pause():
                await asyncio.sleep(wait)
        return Reply(response.status, response.headers, body)

    def abort(self) -> None:
        """Gone without a word."""
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def replies(own: Wire, count: int) -> list[Reply]:
    """So many answers of one connection that the server closes behind the last.

    Raises:
        ValueError: one is cut off.
    """
    data, found = await own.reader.read(), []
    for _ in range(count):
        response, body = ResponseReader(), b""
        while data and not response.done:
            body += response.feed(data[:1])
            data = data[1:]
        if not response.done:
            response.closed()
        found.append(Reply(response.status, response.headers, body))
    return found


async def ask(url: str, question: Question) -> Reply:
    """A good client's visit."""
    async with wire(url) as own:
        await own.send(question.bytes())
        return await own.reply()


async def get(url: str, path: str) -> Reply:
    async with wire(url) as own:
        await own.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return await own.reply()
