"""A remote file as a seekable one: every read is a byte-range request.

For Parquet, whose footer says which bytes are which column, and for binary search in a sorted index
of 150 MB of which a few kilobytes are needed. All reads must be of one version of the file: its
length and ETag are compared with those of the first answer.
"""

import io
from typing import Any

from pipeline.crawl.client import Client
from pipeline.crawl.transport import TransferError
from storage.errors import UserError


class RangeFile(io.RawIOBase):
    """A remote file, read by ranges."""

    def __init__(self, client: Client, url: str) -> None:
        super().__init__()
        self.client, self.url = client, url
        self.size, self.validator = self._first()
        self._position = 0

    def read_at(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`; fewer only at the end of the file."""
        stop = min(start + length, self.size)
        if start >= stop:
            return b""
        return self.client.retry(lambda: self._read_once(start, stop))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        wanted = self.size - self._position if size is None or size < 0 else size
        data = self.read_at(self._position, wanted)
        self._position += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _first(self) -> tuple[int, str]:
        def attempt() -> tuple[int, str]:
            with self.client.get(self.url, 0, 1) as body:
                if body.total is None:
                    raise TransferError(f"{self.url}: the server does not say how long it is")
                return body.total, body.validator

        return self.client.retry(attempt)

    def _read_once(self, start: int, stop: int) -> bytes:
        data, body = self.client.read_once(self.url, start, stop)
        if body.total != self.size or body.validator != self.validator:
            raise UserError(f"{self.url}: changed while it was read: run again")
        return data
