"""HTTP/1.1 answers and server-sent events, out of bytes that are cut anywhere.

In: what a socket gives, piece by piece. Out: status, headers and the body's bytes as they come, or
the data of whole events. As little as a load client needs of a server that it trusts, since the
client's own work is part of what it measures: no folded headers, no compression, no trailers' use.
"""

import dataclasses

HEAD_END = b"\r\n\r\n"
LARGEST_HEAD = 1 << 16  # bytes; none that we measure sends a hundredth of it


@dataclasses.dataclass
class ResponseReader:
    """One answer: its length is told by Content-Length, by chunks, or by the connection's end."""

    status: int = 0  # 0: not known yet
    headers: dict[bytes, bytes] = dataclasses.field(default_factory=dict)  # names in lower case
    done: bool = False
    _held: bytes = b""  # of a head, or of a chunk's size line, that isn't whole
    _left: int = -1  # bytes of the body or the chunk that are to come; -1: not known
    _chunked: bool = False
    _trailers: bool = False

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this answer."""
        told = self.headers.get(b"connection", b"").lower() == b"close"
        return told or (self._left < 0 and not self._chunked)

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in this piece.

        Raises:
            ValueError: it is no HTTP answer, or goes on behind its end.
        """
        if self.done:
            raise ValueError(f"{len(data)} bytes behind the answer's end: {data[:80]!r}")
        if not self.status:
            data = self._head(data)
            if not self.status:
                return b""
        if self._chunked:
            return self._chunks(data)
        if self._left >= 0:
            if len(data) > self._left:
                raise ValueError(f"{len(data) - self._left} bytes behind the answer's end")
            self._left -= len(data)
            self.done = not self._left
        return data

    def closed(self) -> None:
        """The connection has ended.

        Raises:
            ValueError: in the middle of the answer.
        """
        if not self.done:
            if not self.status or self._chunked or self._left > 0:
                raise ValueError("the connection ended in the middle of an answer")
            self.done = True

    def _head(self, data: bytes) -> bytes:
        """Reads the head if it is whole; what is behind it."""
        head, end, rest = (self._held + data).partition(HEAD_END)
        if not end:
            self._held = head
            if len(head) > LARGEST_HEAD:
                raise ValueError(f"a head of more than {LARGEST_HEAD} bytes")
            return b""
        self._held = b""
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise ValueError(f"not an HTTP answer: {first[:80]!r}")
        self.status = int(words[1])
        for line in lines:
            name, _, value = line.partition(b":")
            self.headers[name.lower()] = value.strip()
        self._chunked = self.headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        self._left = int(self.headers.get(b"content-length", b"-1"))
        if self.status in (204, 304):
            self._left, self._chunked = 0, False
        self.done = not self._left and not self._chunked
        if self.done and rest:
            raise ValueError(f"{len(rest)} bytes behind the answer's end")
        return rest

    def _chunks(self, data: bytes) -> bytes:
        """`_left` counts the chunk's bytes with the line end behind it, which is no body."""
        body = []
        while data and not self.done:
            if self._left > 0:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                over = 2 - self._left  # so many bytes of the line end are in the piece
                body.append(piece[: len(piece) - over] if over > 0 else piece)
                continue
            line, end, rest = (self._held + data).partition(b"\n")
            if not end:
                self._held = line
                break
            self._held, data = b"", rest
            line = line.rstrip(b"\r")
            if self._trailers:
                self.done = not line
            else:
                size = int(line.split(b";", 1)[0], 16)
                self._left, self._trailers = (size + 2 if size else 0), not size
        if self.done and data:
            raise ValueError(f"{len(data)} bytes behind the answer's end")
        return b"".join(body)


@dataclasses.dataclass
class EventReader:
    """Data of server-sent events; comments and fields of other names are passed over."""

    _held: bytes = b""
    _data: list[bytes] = dataclasses.field(default_factory=list)

    def feed(self, body: bytes) -> list[bytes]:
        """The data of each event that this piece completes."""
        *lines, self._held = (self._held + body).split(b"\n")
        found = []
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data = []
        return found
