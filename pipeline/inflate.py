"""Undoes gzip where the whole result is held in memory, and never more of it than was meant.

A few kilobytes of gzip can inflate to gigabytes: whoever fetches or is given a file sets the most
that it may become.
"""

import zlib


class InflatedTooLarge(ValueError):
    """It would inflate to more than is taken."""


def gunzip(data: bytes, most: int) -> bytes:
    """All members of a gzip file; TooLarge beyond `most` bytes, zlib.error or EOFError if torn."""
    pieces: list[bytes] = []
    left, rest = most, data
    while rest:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        piece = inflater.decompress(rest, left + 1)
        if len(piece) > left:
            raise InflatedTooLarge(f"more than {most:,} bytes when unpacked")
        if not inflater.eof:
            raise EOFError("ends within a member")
        pieces.append(piece)
        left -= len(piece)
        rest = inflater.unused_data.lstrip(b"\0")  # some pad the end with zeros
    return b"".join(pieces)
