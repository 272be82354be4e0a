"""Every record of a WARC or ARC file, compressed or not, with its offset; broken ones included.

`read_records` yields each record found exactly once: sound, or with a problem that says how it is
broken. Conservation starts here: `read_all` also yields the bytes between them, so that an account
(account.py) can see that nothing was left out. This is our own reader because both WARC libraries
end silently at a truncated gzip member and at zeroed bytes; tests compare it with them on sound
files.
"""

import contextlib
import dataclasses
import hashlib
import mmap
from collections.abc import Iterator
from pathlib import Path

from pipeline.crawl.account import NOWHERE, Padding, Stretch, plain
from pipeline.crawl.frames import GZIP, ZSTD, Buffer, Compression, compression_of
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.members import Member, members, next_member
from pipeline.crawl.records import ARC, RECORD_START, WARC, Format, RawRecord, parse, skip_blank
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class Record:
    """One record, or one broken stretch of the file."""

    offset: int  # in the (compressed) file
    index: int  # among the records of its member; 0 in well-made files
    record_type: str  # "" where unreadable
    url: str
    date: str
    headers: dict[str, str]  # the record's own, names in lower case
    length: int  # of its content, bytes
    content: bytes  # b"" above the cap on a record
    problem: str = ""  # truncated_gzip, broken_gzip, inflation_limit, broken_record, …; "" if sound
    detail: str = ""  # of the problem, or of a sound record's wrong length
    lost_bytes: int = 0  # of the file, from a broken record's beginning to where reading continues
    stretch: Stretch = NOWHERE  # of the file


def read_records(path: Path, limits: LimitsConfig, offset: int = 0) -> Iterator[Record]:
    """All records in the order of the file.

    Args:
        path: the file.
        limits: caps on a record.
        offset: 0, or the offset of an earlier record: begin there.

    Raises:
        UserError: it is no web archive at all.
    """
    for item in read_all(path, limits, offset):
        if isinstance(item, Record):
            yield item


def read_all(path: Path, limits: LimitsConfig, offset: int = 0) -> Iterator[Record | Padding]:
    """The same with the padding between them: the stretches follow one another without a gap."""
    with opened(path) as data:
        if len(data):
            yield from _read(data, offset, path, limits)


def read_record(path: Path, offset: int, url: str, limits: LimitsConfig) -> Record:
    """The record of `url` at an offset from `read_records`; UserError if it is not there."""
    with opened(path) as data:
        if 0 <= offset < len(data):
            for record in _read(data, offset, path, limits):
                if record.stretch.offset > offset:
                    break
                if isinstance(record, Record) and record.url == url:
                    return record
    raise UserError(f"no record of {url} at offset {offset} of {path}: has the file changed?")


def document_id(warc: str, record: Record) -> str:
    """The id of a page: 32 hex digits of a hash of its file, its offset and its URL."""
    place = f"{warc}:{record.offset}:{record.url}"
    if record.index:  # several records in one member share its offset
        place += f":{record.index}"
    return hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:32]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Buffer]:
    """The file's bytes, mapped into memory; UserError if it can't be opened."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            data: Buffer = b""
            if file.seek(0, 2):  # an empty file can't be mapped
                data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise UserError(f"can't read {path}: {error.strerror or error}") from error
        yield data


def _read(
    data: Buffer, offset: int, path: Path, limits: LimitsConfig
) -> Iterator[Record | Padding]:
    how, form = _detect(data, path, limits)
    if how is None:
        first = skip_blank(data, offset)
        if first > offset:
            yield Padding(plain(offset, first))
        for raw, behind in parse(data, first, form, limits.max_header_bytes):
            yield _record(raw, data, 0, limits, plain(raw.start, behind))
        return
    for member in members(data, RECORD_START, limits.max_member_bytes, offset, how):
        yield from _member_records(member, form, limits)


def _member_records(
    member: Member, form: Format, limits: LimitsConfig
) -> Iterator[Record | Padding]:
    """The records of one member; if the member is damaged, its last record has the problem."""
    data, size = member.data, len(member.data)
    blank = skip_blank(data, 0)  # line ends before the first record belong to it
    index, last, stretch = 0, None, NOWHERE
    for raw, behind in parse(data, 0, form, limits.max_header_bytes, not member.problem):
        if last is not None:
            yield _record(last, data, index, limits, stretch)
            index += 1
        last = raw
        start = 0 if raw.start == blank else raw.start
        stretch = Stretch(member.offset, member.end, start, behind, size)
    if member.problem:
        if last is None:
            last = RawRecord(0, 0, {})
            stretch = Stretch(member.offset, member.end, 0, blank, size)
        lost = member.end - member.offset
        last = dataclasses.replace(
            last, content_end=last.content_start, problem=member.problem, detail=member.detail
        )
        record = _record(last, data, index, limits, stretch)
        yield dataclasses.replace(record, lost_bytes=lost)
    elif last is not None:
        yield _record(last, data, index, limits, stretch)
    elif blank == size:
        yield Padding(Stretch(member.offset, member.end, 0, size, size))


def _record(
    raw: RawRecord, data: Buffer, index: int, limits: LimitsConfig, stretch: Stretch
) -> Record:
    length = raw.content_end - raw.content_start
    readable = length <= limits.max_record_bytes
    return Record(
        offset=stretch.offset,
        index=index,
        record_type=raw.headers.get("warc-type", "").lower(),
        # wget writes the address in angle brackets
        url=raw.headers.get("warc-target-uri", "").removeprefix("<").removesuffix(">"),
        date=raw.headers.get("warc-date", ""),
        headers=raw.headers,
        length=length,
        content=bytes(data[raw.content_start : raw.content_end]) if readable else b"",
        problem=raw.problem,
        detail=raw.detail,
        lost_bytes=raw.end - raw.start if raw.problem else 0,
        stretch=stretch,
    )


def _detect(data: Buffer, path: Path, limits: LimitsConfig) -> tuple[Compression | None, Format]:
    """The file's compression (None: none) and its format, by the first record found in it."""
    how = compression_of(data)
    if how is None:
        first = skip_blank(data, 0)
        if WARC.start.match(data, first):
            return None, WARC
        if ARC.start.match(data, first):
            record, _ = next(parse(data, first, ARC, limits.max_header_bytes))
            if data[first : first + 9] == b"filedesc:" or not (record.problem or record.detail):
                return None, ARC
        # A damaged beginning: whichever is found first.
        following = WARC.following.search(data)
        plain = following.start() if following else len(data)
        gzip, zstd = (next_member(data, 0, RECORD_START, one) for one in (GZIP, ZSTD))
        if plain < min(gzip, zstd):
            return None, WARC
        how = GZIP if gzip <= zstd else ZSTD
    empty = True
    for member in members(data, RECORD_START, limits.max_member_bytes, 0, how):
        first = skip_blank(member.data, 0)
        if WARC.start.match(member.data, first) or WARC.following.search(member.data):
            return how, WARC
        if ARC.start.match(member.data, first):
            return how, ARC
        empty = empty and not member.problem and first == len(member.data)
    if empty:
        return how, WARC
    raise UserError(
        f"{path} is no WARC file: no record found in it; give .warc, .warc.gz or .warc.zst files"
    )
