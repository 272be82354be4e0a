"""Sorted lines in a file, in which a line is looked up by one small read.

A file has the lines in chunks of about 4 KB, then an index (each chunk's position, digest and first
line), then a footer with the index's digest. The index is checked when a file is opened, a chunk
when it is first read: a file that was cut, overwritten or damaged raises `DamagedFile` and never
gives a wrong answer. It is read and not mapped, since a mapped file that shrinks kills its reader.
"""

import hashlib
import os
import struct
from array import array
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from pipeline.filters import _lines
from storage.durable import write_atomic

CHUNK_BYTES = 4096
DIGEST_BYTES = 16  # of SHA-256: against accidents, not against an attacker with the user's rights
FORMAT = b"crawl2chat lines 2\n"
FOOT = struct.Struct(f"<QQ32s{len(FORMAT)}s")  # index: position, number of chunks, digest


class DamagedFile(Exception):
    """A file that is not as it was written."""


class Lines(Protocol):
    """A set of non-empty lines of bytes."""

    def contains(self, line: bytes) -> bool: ...


class LineBlock:
    """Lines in memory: sorted, each ended by a newline."""

    def __init__(self, block: bytes) -> None:
        self.block = block

    def contains(self, line: bytes) -> bool:
        """Whether one of the lines is exactly this one."""
        return _lines.holds(self.block, line)


class LineFile:
    """Lines on disk, written by `write_lines`; forked processes may share one."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        try:
            self._starts, self._digests, self._firsts = _index(self._file)
        except BaseException:
            os.close(self._file)
            raise
        self._checked = bytearray(len(self._firsts))

    def __del__(self) -> None:
        if hasattr(self, "_starts"):
            os.close(self._file)

    def contains(self, line: bytes) -> bool:
        """Whether one of the lines is exactly this one."""
        number = bisect_right(self._firsts, line) - 1
        return number >= 0 and _lines.holds(self._chunk(number), line)

    def _chunk(self, number: int) -> bytes:
        start, end = self._starts[number], self._starts[number + 1]
        chunk = os.pread(self._file, end - start, start)
        if not self._checked[number]:
            if _digest(chunk) != self._digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]:
                raise DamagedFile(f"bytes {start} to {end}")
            self._checked[number] = True
        return chunk


def write_lines(path: Path, block: bytes) -> None:
    """Write sorted, newline-ended lines as a file, completely or not at all."""
    starts = [0]
    while starts[-1] < len(block):
        start = starts[-1]
        end = block.rfind(b"\n", start, start + CHUNK_BYTES) + 1
        starts.append(end or block.index(b"\n", start) + 1)
    chunks = [block[start:end] for start, end in pairwise(starts)]
    index = array("Q", starts).tobytes()
    index += b"".join(map(_digest, chunks))
    index += b"\n".join(chunk[: chunk.index(b"\n")] for chunk in chunks)
    foot = FOOT.pack(len(block), len(chunks), _index_digest(index, len(block), len(chunks)), FORMAT)
    write_atomic(path, block, index, foot)


def _index(file: int) -> tuple["array[int]", bytes, list[bytes]]:
    """The positions of the chunks (and of the last one's end), their digests and first lines."""
    end = os.fstat(file).st_size - FOOT.size
    if end < 0:
        raise DamagedFile("too short")
    start, count, digest, form = FOOT.unpack(os.pread(file, FOOT.size, end))
    if form != FORMAT:
        raise DamagedFile("not of this format")
    index = os.pread(file, end - start, start) if start <= end else b""
    if _index_digest(index, start, count) != digest:
        raise DamagedFile("its index")
    starts = array("Q", index[: 8 * (count + 1)])
    digests_end = 8 * (count + 1) + DIGEST_BYTES * count
    firsts = index[digests_end:].split(b"\n") if count else []
    return starts, index[8 * (count + 1) : digests_end], firsts


def _index_digest(index: bytes, start: int, count: int) -> bytes:
    return hashlib.sha256(struct.pack("<QQ", start, count) + index).digest()


def _digest(chunk: bytes) -> bytes:
    return hashlib.sha256(chunk).digest()[:DIGEST_BYTES]
