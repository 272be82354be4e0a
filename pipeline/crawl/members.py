"""Members of a web archive: the beginning, the end, the inflated bytes and the damage of each.

In a well-made `.warc.gz` each record is a gzip member of its own, in a `.warc.zst` a frame; both
are called members here. The WARC libraries can't tell a file cut short from one that ends, and stop
at zeroed bytes in the middle. Here a damaged member gives what could be inflated with its problem,
and reading continues at the next member that inflates to the start of a record. Bytes in between
are lost, and counted.
"""

import contextlib
import dataclasses
import mmap
import re
import tempfile
from collections.abc import Iterator

from pipeline.crawl.frames import ERRORS, GZIP, Buffer, Compression

FIRST_BYTES = 32 * 1024  # compressed bytes given at first: 19 of 20 members are smaller, and
BLOCK_BYTES = 256 * 1024  # bytes after their end are copied for nothing; afterwards so many
INFLATE_BYTES = 4 * 1024 * 1024  # most that one call may inflate to
SPILL_BYTES = 64 * 1024 * 1024  # a larger member goes to a temporary file


@dataclasses.dataclass(frozen=True)
class Member:
    """A stretch of the file: one member, or bytes that belong to no member."""

    offset: int  # of its first byte in the file
    end: int  # one past its last byte
    data: Buffer  # what could be inflated
    problem: str = ""  # truncated_gzip, broken_gzip (or _zstd), inflation_limit; "" if sound
    detail: str = ""


def members(
    data: Buffer,
    record_start: re.Pattern[bytes],
    max_bytes: int,
    offset: int = 0,
    how: Compression = GZIP,
) -> Iterator[Member]:
    """All members from `offset` on; their stretches follow one another without a gap.

    Args:
        data: of the file.
        record_start: what a record begins with.
        max_bytes: that a member may inflate to.
        offset: of the first member.
        how: the file's compression.
    """
    truncated, broken = f"truncated_{how.name}", f"broken_{how.name}"
    while offset < len(data):
        if not how.begins(data, offset):
            following = next_member(data, offset + 1, record_start, how)
            lost = f"{following - offset} bytes are no {how.piece}"
            yield Member(offset, following, b"", broken, lost)
            offset = following
            continue
        with inflated(data, offset, max_bytes, how) as member:
            if member.problem:
                # The end of a damaged member is not known: continue at the next sound one.
                following = next_member(data, offset + 1, record_start, how)
                problem = member.problem
                if problem == truncated and following < len(data):
                    problem = broken  # it ran on into its neighbours
                member = dataclasses.replace(member, end=following, problem=problem)
            yield member
            offset = member.end


@contextlib.contextmanager
def inflated(
    data: Buffer, offset: int, max_bytes: int, how: Compression = GZIP
) -> Iterator[Member]:
    """Inflate the member at `offset`; a large one is in a temporary file while in use."""
    stream = how.stream()
    pieces: list[bytes] = []
    size = 0
    position, block_bytes = offset, FIRST_BYTES
    problem = detail = ""
    spill = None
    with contextlib.ExitStack() as stack:
        while not stream.eof and not problem:
            block = b""
            if stream.hungry:
                block = data[position : position + block_bytes]
                position, block_bytes = position + len(block), BLOCK_BYTES
                if not block:
                    problem, detail = f"truncated_{how.name}", f"the file ends inside a {how.piece}"
                    break
            try:
                piece = stream.decompress(block, INFLATE_BYTES)
            except ERRORS as error:
                problem, detail = f"broken_{how.name}", str(error)
                piece = salvage(data, offset, position, size, how)
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
        end = position - stream.unused
        yield Member(offset, end, content, problem, detail)


def salvage(data: Buffer, offset: int, end: int, known: int, how: Compression) -> bytes:
    """What a member inflates to before its damage, after the first `known` bytes.

    Decompressors drop the output of the call that fails: so inflate once more from the start, and
    the last block a little at a time.
    """
    stream = how.stream()
    pieces: list[bytes] = []
    size = 0
    with contextlib.suppress(*ERRORS):  # the caller has recorded it already
        while not stream.eof:
            block = b""
            if stream.hungry:
                far = end - offset > 2 * BLOCK_BYTES
                block = data[offset : min(end, offset + (BLOCK_BYTES if far else 64))]
                offset += len(block)
                if not block:
                    break
            piece = stream.decompress(block, INFLATE_BYTES)
            pieces.append(piece[max(0, known - size) :])
            size += len(piece)
    return b"".join(pieces)


def next_member(
    data: Buffer, offset: int, record_start: re.Pattern[bytes], how: Compression = GZIP
) -> int:
    """The offset of the next member that inflates to the start of a record; the end if none."""
    while True:
        offset = data.find(how.magic, offset)
        if offset < 0:
            return len(data)
        # A few bytes are enough for WARC, and may precede the damage; ARC begins with a long line.
        sizes = (128, 10_000)
        if any(record_start.match(first_bytes(data, offset, size, how)) for size in sizes):
            return offset
        offset += 1


def first_bytes(data: Buffer, offset: int, size: int, how: Compression = GZIP) -> bytes:
    """The first bytes that the member at `offset` inflates to; b"" if it does not inflate."""
    # A Zstandard block inflates completely or not at all, and is 128 KiB at most.
    length = 4096 + size if how.name == "gzip" else BLOCK_BYTES
    try:
        return how.stream().decompress(data[offset : offset + length], size)
    except ERRORS:
        return b""
