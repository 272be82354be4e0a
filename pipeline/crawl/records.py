"""Records inside inflated bytes: WARC/0.17 to 1.1, and ARC, one after another by their lengths.

A length is trusted if it is followed by the blank lines that end a record, by the next record or by
the end of the data. Otherwise (some crawlers are off by one, or count characters) the record ends
at the next line that begins a record, or at the end of a whole member, and its `detail` says so.
Bytes that are no record, or a record cut by the end of the file, give one broken record.
"""

import dataclasses
import re
from collections.abc import Iterator

from pipeline.crawl.members import Buffer

HEADERS_END = re.compile(rb"\r?\n\r?\n")
LINE_ENDS = re.compile(rb"[\r\n]*")
ZEROED = bytes(16)  # what a damaged disk leaves
MOST_BYTES_A_CHARACTER = 3  # more than a length in characters can explain is not content


@dataclasses.dataclass(frozen=True)
class Format:
    """How records begin and end."""

    start: re.Pattern[bytes]  # at a record's first byte
    following: re.Pattern[bytes]  # the same, looked for at the beginnings of lines
    terminator: bytes  # between a record's content and the next record, without \r


def _format(start: bytes, terminator: bytes) -> Format:
    return Format(re.compile(start), re.compile(rb"(?<=\n)" + start), terminator)


WARC = _format(rb"WARC/\d\.\d{1,2}[ \t]*\r?\n(?=[A-Za-z][A-Za-z0-9-]*[ \t]*:)", b"\n\n")
# URL, IP address, date, then content type (and in version 2 more fields), length. A URL may hold
# spaces (Common Crawl's do, 2008 to 2012): the fields after it are found from the right.
_ARC_LINE = (
    rb"(?P<url>[A-Za-z][A-Za-z0-9+.-]{1,20}:[^\r\n]{0,8000}) (?P<address>[0-9A-Fa-f.:]+)"
    rb" (?P<date>\d{14}|\d{12}) (?P<fields>(?:[^\s]{0,500} ){0,8})(?P<length>\d{1,15})\r?\n"
)
ARC = _format(_ARC_LINE, b"\n")
RECORD_START = re.compile(rb"%s|%s" % (WARC.start.pattern, ARC.start.pattern))


@dataclasses.dataclass(frozen=True)
class RawRecord:
    """A record's headers and the bounds of its content; or a stretch that is no sound record."""

    start: int
    end: int  # where the next record begins
    headers: dict[str, str]  # names in lower case
    content_start: int = 0
    content_end: int = 0
    problem: str = ""  # broken_record or unreadable_headers; "" for a sound one
    detail: str = ""  # of the problem, or of a sound record's wrong length


def parse(
    data: Buffer, start: int, form: Format, max_header_bytes: int, whole: bool = False
) -> Iterator[tuple[RawRecord, int]]:
    """All records of `data` from `start` on.

    Args:
        data: inflated bytes.
        start: of the first record.
        form: WARC or ARC.
        max_header_bytes: of a record's headers.
        whole: whether the end of the data is the end of a record.

    Yields:
        A record, and the position after the line ends that follow it.
    """
    position = skip_blank(data, start)
    while position < len(data):
        first = form.start.match(data, position)
        if first is None:
            record = _no_record(data, position, form)
        elif form is ARC:
            record = _arc(data, first, whole)
        else:
            record = _warc(data, first, max_header_bytes, whole)
        position = skip_blank(data, record.end)
        yield record, position


def _warc(data: Buffer, first: re.Match[bytes], max_header_bytes: int, whole: bool) -> RawRecord:
    start = first.start()
    headers_end = HEADERS_END.search(data, first.end(), first.end() + max_header_bytes)
    if headers_end is None:
        end = _next(data, start + 1, WARC)
        detail = "the headers do not end"
        return RawRecord(start, end, {}, problem="unreadable_headers", detail=detail)
    headers = parse_headers(data[first.end() : headers_end.start()])
    length = headers.get("content-length", "")
    if not headers.get("warc-type"):
        end = _next(data, start + 1, WARC)
        return RawRecord(start, end, headers, problem="unreadable_headers", detail="no WARC-Type")
    size = int(length) if re.fullmatch(r"[0-9]{1,15}", length) else -1
    return _by_length(data, start, headers, headers_end.end(), size, WARC, whole)


def _arc(data: Buffer, first: re.Match[bytes], whole: bool) -> RawRecord:
    texts = {
        name: value.decode("utf-8", "replace").replace("\0", "")
        for name, value in first.groupdict().items()
    }
    url, length, date = texts["url"], texts["length"], texts["date"].ljust(14, "0")
    http = url[:6].lower().startswith(("http:", "https:"))
    mime = texts["fields"].partition(" ")[0]
    headers = {
        "warc-type": "warcinfo" if url.startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-ip-address": texts["address"],
        "warc-date": "{}-{}-{}T{}:{}:{}Z".format(*re.findall(r"^\d{4}|\d\d", date)),
        "content-type": "application/http; msgtype=response" if http else mime,
        "content-length": length,
    }
    return _by_length(data, first.start(), headers, first.end(), int(length), ARC, whole)


def _by_length(
    data: Buffer,
    start: int,
    headers: dict[str, str],
    content_start: int,
    length: int,
    form: Format,
    whole: bool,
) -> RawRecord:
    content_end = content_start + length
    if length < 0:
        detail = f"Content-Length {headers.get('content-length', '')[:40]!r}"
    elif content_end > len(data):
        detail = f"{content_end - len(data)} bytes less than its Content-Length of {length}"
    else:
        after = skip_blank(data, content_end)
        tail = data[content_end : content_end + 4].replace(b"\r", b"")
        if after == len(data) or form.start.match(data, after) or tail.startswith(form.terminator):
            return RawRecord(start, content_end, headers, content_start, content_end)
        detail = f"a Content-Length of {length} does not lead to the end of the record"
    end = _next(data, content_start, form)
    found_end = end
    while found_end > content_start and data[found_end - 1] in b"\r\n":
        found_end -= 1
    cut = end == len(data) and not whole and not 0 <= length <= len(data) - content_start
    more = data[content_end:found_end] if length >= 0 else b""
    if cut or len(more) > MOST_BYTES_A_CHARACTER * max(0, length) or ZEROED in more:
        return RawRecord(start, end, headers, problem="broken_record", detail=detail)
    return RawRecord(start, end, headers, content_start, found_end, detail=detail)


def _no_record(data: Buffer, start: int, form: Format) -> RawRecord:
    end = _next(data, start, form)
    beginning = bytes(data[start : min(end, start + 40)])
    detail = f"{end - start} bytes are no record: {beginning!r}"
    return RawRecord(start, end, {}, problem="broken_record", detail=detail)


def _next(data: Buffer, position: int, form: Format) -> int:
    match = form.following.search(data, position)
    return match.start() if match else len(data)


def skip_blank(data: Buffer, position: int) -> int:
    """The position of the first byte from `position` on that is no line end."""
    match = LINE_ENDS.match(data, position)
    return match.end() if match else len(data)


def parse_headers(block: bytes) -> dict[str, str]:
    """Headers by their names in lower case; of equal names the first counts."""
    headers: dict[str, str] = {}
    for name, value in parse_fields(block):
        headers.setdefault(name, value)
    return headers


def parse_fields(block: bytes) -> list[tuple[str, str]]:
    """`Name: value` lines in their order, names in lower case, folded lines joined."""
    fields: list[tuple[str, str]] = []
    goes_on = False  # whether the line before was a field, which a folded line continues
    for line in block.decode("utf-8", "replace").replace("\0", "").split("\n"):
        if line[:1] in (" ", "\t") and goes_on:
            name, value = fields[-1]
            fields[-1] = name, f"{value} {line.strip()}".strip()
            continue
        key, colon, value = line.partition(":")
        name = key.strip().lower()
        goes_on = bool(colon and name)
        if goes_on:
            fields.append((name, value.strip()))
    return fields
