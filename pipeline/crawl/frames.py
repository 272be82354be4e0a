"""One interface for both compressions of web archives: gzip members and Zstandard frames.

`.warc.gz` and `.warc.zst` (IIPC's "WARC Zstandard compression") both have a separate piece for each
record. A `.warc.zst` may begin with a dictionary, in a frame that readers without one skip: magic
number 0x184D2A5D, a length, and the dictionary, itself compressed or not. All frames need it.
"""

import dataclasses
import mmap
import re
import zlib
from typing import Protocol

from pipeline.crawl.zstandard import ARCHIVE_WINDOW_LOG, ZstdDict, ZstdError, zstd_stream

Buffer = bytes | mmap.mmap

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
DICTIONARY_MAGIC = b"\x5d\x2a\x4d\x18"
_RAW_DICTIONARY = b"\x37\xa4\x30\xec"
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
SKIPPABLE_HEADER = 8  # magic number and length
MAX_DICTIONARY_BYTES = 32 << 20  # the zstd tool makes them of 110 KB


class Stream(Protocol):
    """Inflates one member or frame."""

    def decompress(self, data: bytes, most: int) -> bytes: ...

    @property
    def hungry(self) -> bool:
        """Whether it needs more data to continue."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused(self) -> int:
        """How many of the bytes it was given are after its end."""


class _GzipStream:
    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._inflater.decompress(self._inflater.unconsumed_tail or data, most)

    @property
    def hungry(self) -> bool:
        return not self._inflater.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused(self) -> int:
        return len(self._inflater.unused_data)


class _ZstdStream:
    def __init__(self, dictionary: ZstdDict | None) -> None:
        self._stream = zstd_stream(ARCHIVE_WINDOW_LOG, dictionary)

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._stream.decompress(data, most)

    @property
    def hungry(self) -> bool:
        return self._stream.needs_input

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused(self) -> int:
        return len(self._stream.unused_data)


@dataclasses.dataclass(frozen=True)
class Compression:
    """One of the two, with what its frames need."""

    name: str  # in the names of problems: truncated_gzip, broken_zstd
    piece: str  # what a record is stored in: member or frame
    magic: bytes
    dictionary: ZstdDict | None = None

    def stream(self) -> Stream:
        """A decompressor for the next member or frame."""
        return _GzipStream() if self.name == "gzip" else _ZstdStream(self.dictionary)

    def begins(self, data: Buffer, offset: int) -> bool:
        """Whether a member or frame begins there."""
        start = data[offset : offset + 4]
        return start.startswith(self.magic) or (
            self.name == "zstd" and _SKIPPABLE.match(start) is not None
        )


ERRORS = (zlib.error, ZstdError)
GZIP = Compression("gzip", "gzip member", GZIP_MAGIC)
ZSTD = Compression("zstd", "Zstandard frame", ZSTD_MAGIC)


def compression_of(data: Buffer) -> Compression | None:
    """A file's compression, by its first bytes; None if it is neither."""
    if data[:3] == GZIP_MAGIC:
        return GZIP
    start = data[:4]
    if start == ZSTD_MAGIC or _SKIPPABLE.match(start):
        return dataclasses.replace(ZSTD, dictionary=_dictionary(data))
    return None


def _length(data: Buffer, offset: int) -> int:
    return int.from_bytes(data[offset + 4 : offset + SKIPPABLE_HEADER], "little")


def _dictionary(data: Buffer) -> ZstdDict | None:
    """The dictionary at the beginning of the file; None if there is none or it is damaged."""
    length = _length(data, 0)
    if data[:4] != DICTIONARY_MAGIC or not 8 <= length <= MAX_DICTIONARY_BYTES:
        return None
    content = bytes(data[SKIPPABLE_HEADER : SKIPPABLE_HEADER + length])
    try:
        if content.startswith(ZSTD_MAGIC):
            content = zstd_stream(ARCHIVE_WINDOW_LOG).decompress(content, MAX_DICTIONARY_BYTES)
        return ZstdDict(content) if content.startswith(_RAW_DICTIONARY) else None
    except (ZstdError, ValueError):
        return None
