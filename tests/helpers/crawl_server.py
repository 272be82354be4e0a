"""A real HTTP server on this machine that serves a crawl, and misbehaves when told to.

`server.files` maps paths to bytes. `server.plan[path]` lists what goes wrong, one entry for each
request; when it is used up the path is served well: with ETag, byte ranges and If-Range.
"""

import contextlib
import hashlib
import re
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from quiet_server import QuietServer, serving


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one answer."""

    status: int = 0  # answer with this instead
    retry_after: str = ""
    location: str = ""  # of a redirect
    cut_after: int = -1  # body bytes, then the connection is reset: what was under way is lost
    politely: bool = False  # cut by closing: all that was sent arrives
    stall_after: int = -1  # body bytes, then nothing more comes
    drip_seconds: float = 0.0  # between single bytes
    add_to_length: int = 0  # what Content-Length says too much, or too little
    ignore_range: bool = False
    html: bool = False  # an error page with status 200
    no_validator: bool = False
    chunked: bool = False
    total: int = 0  # that Content-Range tells instead of the true one
    coding: str = ""  # Content-Encoding
    swap: bytes = b""  # the file is replaced by this before the answer


@dataclass
class Seen:
    """One request that came."""

    path: str
    range: str
    if_range: str
    authorization: str = ""
    sent: int = 0
    closed: bool = False
    at: float = field(default_factory=time.monotonic)


class CrawlServer:
    """Start with `with crawl_server() as server:`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.plan: dict[str, deque[Trouble]] = defaultdict(deque)
        self.always: dict[str, Trouble] = {}
        self.seen: list[Seen] = []
        self.bytes_per_second = 0  # of a body; 0 = as fast as it goes
        self.open = self.most_open = 0
        self.lock = threading.Lock()
        self.stop_stalling = threading.Event()
        handler = type("Handler", (_Handler,), {"crawl": self})
        self.http = QuietServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    @property
    def sent(self) -> int:
        """Body bytes sent so far."""
        return sum(seen.sent for seen in self.seen)

    def requests(self, path: str) -> list[Seen]:
        """The requests for one path."""
        return [seen for seen in self.seen if seen.path == path]


@contextlib.contextmanager
def crawl_server() -> Iterator[CrawlServer]:
    server = CrawlServer()
    with serving(server.http):
        try:
            yield server
        finally:
            server.stop_stalling.set()


class _Handler(BaseHTTPRequestHandler):
    crawl: CrawlServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # small answers would wait 40 ms for an acknowledgement

    def do_GET(self) -> None:
        crawl = self.crawl
        path = self.path.lstrip("/")
        names = ("Range", "If-Range", "Authorization")
        wanted, if_range, authorization = (self.headers.get(name, "") for name in names)
        seen = Seen(path, wanted, if_range, authorization)
        with crawl.lock:
            crawl.seen.append(seen)
            crawl.open += 1
            crawl.most_open = max(crawl.most_open, crawl.open)
            plan = crawl.plan[path]
            trouble = plan.popleft() if plan else crawl.always.get(path, Trouble())
        try:
            self._answer(path, trouble, seen)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        finally:
            self._closed(seen)

    def _closed(self, seen: Seen) -> None:
        with self.crawl.lock:
            self.crawl.open -= not seen.closed
            seen.closed = True

    def _answer(self, path: str, trouble: Trouble, seen: Seen) -> None:
        crawl = self.crawl
        if trouble.swap:
            crawl.files[path] = trouble.swap
        if trouble.status:
            return self._error(trouble.status, trouble.retry_after, trouble.location)
        if trouble.html:
            return self._send(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")
        data = crawl.files.get(path)
        if data is None:
            return self._error(404)
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        headers: dict[str, Any] = {"Content-Type": "application/octet-stream"}
        if trouble.coding:
            headers["Content-Encoding"] = trouble.coding
        if not trouble.no_validator:
            headers["ETag"] = etag
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", seen.range)
        status, body = 200, data
        if match and not trouble.ignore_range and seen.if_range in ("", etag):
            start, stop = int(match[1]), min(int(match[2] or len(data)) + 1, len(data))
            if start >= len(data):
                return self._error(416)
            status, body = 206, data[start:stop]
            total = trouble.total or len(data)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
        return self._send(status, headers, body, trouble, seen)

    def _error(self, status: int, retry_after: str = "", location: str = "") -> None:
        headers = {"Retry-After": retry_after} if retry_after else {}
        headers |= {"Location": location} if location else {}
        self._send(status, headers, f"<html>{status}</html>".encode())

    def _send(
        self,
        status: int,
        headers: dict[str, Any],
        body: bytes,
        trouble: Trouble | None = None,
        seen: Seen | None = None,
    ) -> None:
        trouble = trouble or Trouble()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        if trouble.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body) + trouble.add_to_length))
        self.end_headers()
        if trouble.add_to_length < 0:
            body = body[: trouble.add_to_length]
        if trouble.add_to_length > 0 and trouble.cut_after < 0:
            trouble = Trouble(cut_after=len(body))
        end = len(body)
        for limit in (trouble.cut_after, trouble.stall_after):
            end = min(end, limit) if limit >= 0 else end
        position = 0
        while position < end:
            step = 1 if trouble.drip_seconds else 16 * 1024
            block = body[position : min(end, position + step)]
            if self.crawl.bytes_per_second:
                time.sleep(len(block) / self.crawl.bytes_per_second)
            if seen is not None and position + len(block) == len(body):
                self._closed(seen)  # with these bytes the other side has all, and may ask again
            if trouble.chunked:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            else:
                self.wfile.write(block)
            position += len(block)
            if seen is not None:
                seen.sent += len(block)
            if trouble.drip_seconds:
                self.crawl.stop_stalling.wait(trouble.drip_seconds)
        self.wfile.flush()
        if trouble.stall_after >= 0:
            self.crawl.stop_stalling.wait(60)
        if trouble.politely:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(5)
            self.connection.recv(1)  # until the other side has read it all and closed
            self.close_connection = True
        elif trouble.stall_after >= 0 or trouble.cut_after >= 0:
            self._reset()
        elif trouble.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        """Close as a broken line does: no good-bye (RST)."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass
