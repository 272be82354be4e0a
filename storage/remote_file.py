"""An object as a file to read from: byte ranges of one version, whatever a reader seeks.

For Parquet, whose footer says which bytes hold which column: a query over a remote file costs the
columns that it reads. Bytes come in blocks, a few of which are kept, since readers ask for small
pieces one after another.
"""

import io
import os
import threading
from collections import OrderedDict
from typing import Any

from storage import aws
from storage.transfer import ObjectAddress, read_range

BLOCK_BYTES = 256 << 10
BLOCKS = 64  # kept for each file


class RemoteFile:
    """An open object. Threads may share it, and each seeks before it reads."""

    def __init__(self, place: ObjectAddress) -> None:
        with aws.plain_errors(place.where):
            head = place.client.head_object(**place.named)
        self._place, self._etag = place, str(head["ETag"])
        self.size = int(head["ContentLength"])
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._here = threading.local()
        self.closed = False

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Of the calling thread alone."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}[whence]
        self._here.offset = start + offset
        return self.tell()

    def tell(self) -> int:
        """Where the calling thread reads next."""
        return int(getattr(self._here, "offset", 0))

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer at the file's end alone."""
        start = self.tell()
        stop = self.size if size < 0 else min(start + size, self.size)
        data = self._range(start, stop) if start < stop else b""
        self._here.offset = start + len(data)
        return data

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Forget what was kept."""
        self.closed = True
        with self._lock:
            self._blocks.clear()

    def _range(self, start: int, stop: int) -> bytes:
        first, last = start // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES
        with self._lock:
            known = {n: self._blocks[n] for n in range(first, last + 1) if n in self._blocks}
        missing = [n for n in range(first, last + 1) if n not in known]
        while missing:
            begin = end = missing.pop(0)
            while missing and missing[0] == end + 1:
                end = missing.pop(0)
            known |= self._fetched(begin, end)
        data = b"".join(known[n] for n in range(first, last + 1))
        return data[start - first * BLOCK_BYTES : stop - first * BLOCK_BYTES]

    def _fetched(self, first: int, last: int) -> dict[int, bytes]:
        """Neighbouring blocks, by one request."""
        start, stop = first * BLOCK_BYTES, min((last + 1) * BLOCK_BYTES, self.size)
        data = read_range(self._place, start, stop, self._etag)
        pieces = range(0, len(data), BLOCK_BYTES)
        found = {first + n: data[at : at + BLOCK_BYTES] for n, at in enumerate(pieces)}
        with self._lock:
            for number, block in list(found.items())[-BLOCKS:]:
                self._blocks[number] = block
                self._blocks.move_to_end(number)
            while len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        return found


class RangeReader(io.RawIOBase):
    """The same for whoever wants a file of Python's: one position, whichever thread moves it."""

    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._file = file
        self._offset = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._file.size}[whence]
        self._offset = start + offset
        return self._offset

    def tell(self) -> int:
        return self._offset

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._offset)
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)
