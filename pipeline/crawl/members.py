"""Gzip members of a web archive: where each begins and ends, what it inflates to, what is broken.

In a well-made `.warc.gz` each record is a gzip member of its own. Neither WARC library tells a file
cut short from one that ends, and zeroed bytes in the middle stop both for good; here a damaged
member gives what could be inflated with its problem, and reading goes on at the next member that
inflates to the start of a record. Bytes in between are lost, and counted.
"""

import contextlib
import dataclasses
import mmap
import re
import tempfile
import zlib
from collections.abc import Iterator

Buffer = bytes | mmap.mmap

MAGIC = b"\x1f\x8b\x08"
BLOCK_BYTES = 256 * 1024  # compressed bytes handed to zlib at once
INFLATE_BYTES = 4 * 1024 * 1024  # most that one call may inflate to
SPILL_BYTES = 64 * 1024 * 1024  # a larger member goes to a temporary file


@dataclasses.dataclass(frozen=True)
class Member:
    """A stretch of the file: one gzip member, or bytes that belong to none."""

    offset: int  # of its first byte in the file
    end: int  # one past its last byte
    data: Buffer  # what could be inflated
    problem: str = ""  # truncated_gzip, broken_gzip or inflation_limit; "" for a sound one
    detail: str = ""


def members(
    data: Buffer, record_start: re.Pattern[bytes], max_bytes: int, offset: int = 0
) -> Iterator[Member]:
    """All members from `offset` on. Their stretches follow one another without a gap."""
    while offset < len(data):
        if data[offset : offset + 3] != MAGIC:
            following = next_member(data, offset + 1, record_start)
            lost = f"{following - offset} bytes are no gzip member"
            yield Member(offset, following, b"", "broken_gzip", lost)
            offset = following
            continue
        with inflated(data, offset, max_bytes) as member:
            if member.problem:
                # Where a damaged member ends nobody knows: go on at the next sound one.
                following = next_member(data, offset + 1, record_start)
                problem = member.problem
                if problem == "truncated_gzip" and following < len(data):
                    problem = "broken_gzip"  # it ran on into its neighbours
                member = dataclasses.replace(member, end=following, problem=problem)
            yield member
            offset = member.end


@contextlib.contextmanager
def inflated(data: Buffer, offset: int, max_bytes: int) -> Iterator[Member]:
    """Inflate the member at `offset`; a large one lies in a temporary file while in use."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    pieces: list[bytes] = []
    size = 0
    position = offset
    problem = detail = ""
    spill = None
    with contextlib.ExitStack() as stack:
        pending = b""
        while not inflater.eof and not problem:
            if not pending:
                pending = data[position : position + BLOCK_BYTES]
                position += len(pending)
            if not pending:
                problem, detail = "truncated_gzip", "the file ends inside a gzip member"
                break
            before = inflater.copy()
            try:
                piece = inflater.decompress(pending, INFLATE_BYTES)
            except zlib.error as error:
                problem, detail = "broken_gzip", str(error)
                piece = salvage(before, pending)
            pending = inflater.unconsumed_tail
            if size + len(piece) > max_bytes:
                problem, detail = "inflation_limit", f"inflates to more than {max_bytes} bytes"
                piece = piece[: max_bytes - size]
            size += len(piece)
            if spill is None and size > SPILL_BYTES:
                spill = stack.enter_context(tempfile.TemporaryFile())
                spill.writelines(pieces)
                pieces.clear()
            if spill is None:
                pieces.append(piece)
            else:
                spill.write(piece)
        if spill is None:
            content: Buffer = b"".join(pieces)
        else:
            spill.flush()
            content = stack.enter_context(
                contextlib.closing(mmap.mmap(spill.fileno(), 0, access=mmap.ACCESS_READ))
            )
        end = position - len(inflater.unused_data)
        yield Member(offset, end, content, problem, detail)


def salvage(inflater: "zlib._Decompress", pending: bytes) -> bytes:
    """What a block inflates to before its damage, which zlib keeps to itself when it fails."""
    pieces = []
    with contextlib.suppress(zlib.error):  # the caller has it on record already
        for start in range(0, len(pending), 64):
            pieces.append(inflater.decompress(pending[start : start + 64], INFLATE_BYTES))
    return b"".join(pieces)


def next_member(data: Buffer, offset: int, record_start: re.Pattern[bytes]) -> int:
    """Where the next gzip member that inflates to the start of a record begins; the end if none."""
    while True:
        offset = data.find(MAGIC, offset)
        if offset < 0:
            return len(data)
        # A little is enough for WARC, and may come before damage; ARC begins with a long line.
        if any(record_start.match(first_bytes(data, offset, size)) for size in (128, 10_000)):
            return offset
        offset += 1


def first_bytes(data: Buffer, offset: int, size: int) -> bytes:
    """The first bytes that the member at `offset` inflates to; b"" if it does not inflate."""
    try:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return inflater.decompress(data[offset : offset + 4096 + size], size)
    except zlib.error:
        return b""
