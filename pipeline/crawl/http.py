"""The HTTP response inside a record: status, MIME type, charset, and the body as the server meant.

Transfer coding (chunks) and content codings (gzip, deflate, br) are undone, if the bytes show that
they are still there: many archives store the body decoded under headers that say otherwise.
Everything that is no readable HTML page raises `NoPage`, which becomes the record's ledger row.
"""

import dataclasses
import re
import zlib

from pipeline.crawl.records import HEADERS_END, parse_headers

STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)[^\n]*\r?\n?", re.IGNORECASE)
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
HTML_TYPES = ("text/html", "application/xhtml+xml")  # FineWeb's reader takes these two
# white space, an XML declaration and comments, then <!doctype html or <html
LOOKS_LIKE_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)


class NoPage(Exception):
    """A record without a page in it: outcome (dropped or error), rule, and what was measured."""

    def __init__(
        self,
        outcome: str,
        rule: str,
        detail: str = "",
        value: float | None = None,
        threshold: float | None = None,
    ) -> None:
        super().__init__(f"{rule}: {detail}")
        self.outcome, self.rule, self.detail = outcome, rule, detail
        self.value, self.threshold = value, threshold


@dataclasses.dataclass(frozen=True)
class Page:
    """An HTML page as the server sent it."""

    html: bytes
    charset: str  # of the Content-Type header, "" if it names none


def read_page(content: bytes, payload_type: str, max_bytes: int, max_header_bytes: int) -> Page:
    """The page in the content of a response record.

    `payload_type` is the record's WARC-Identified-Payload-Type, which Common Crawl found by looking
    at the body; "" if the record has none.
    """
    first = STATUS_LINE.match(content)
    if first is None:
        raise NoPage("error", "no_http_header", f"begins with {content[:40]!r}")
    end = HEADERS_END.search(content, first.end() - 2, first.end() + max_header_bytes)
    if end is None and len(content) > first.end() + max_header_bytes:
        raise NoPage("error", "no_http_header", "the HTTP headers do not end")
    block = content[first.end() : end.start() if end else len(content)]
    headers = parse_headers(block)
    body = content[end.end() :] if end else b""

    status = int(first.group(1))
    if status != 200:
        raise NoPage("dropped", "http_status", value=float(status), threshold=200.0)
    content_type = headers.get("content-type", "")
    declared = content_type.split(";")[0].strip().lower()
    mime = payload_type.split(";")[0].strip().lower() or declared
    if mime and mime not in HTML_TYPES:
        raise NoPage("dropped", "mime", mime[:100])
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = join_chunks(body)
    for coding in reversed(headers.get("content-encoding", "").lower().split(",")):
        body = undo_coding(body, coding.strip(), max_bytes)
    if not body.strip(b"\0 \t\r\n"):
        raise NoPage("dropped", "empty")
    if len(body) > max_bytes:
        raise NoPage("dropped", "size", value=float(len(body)), threshold=float(max_bytes))
    if not mime and not LOOKS_LIKE_HTML.match(body[:4096].removeprefix(b"\xef\xbb\xbf")):
        raise NoPage("dropped", "mime", "no type given, and the body does not begin as HTML")
    charset = CHARSET.search(content_type)
    return Page(body, charset.group(1) if charset else "")


def join_chunks(body: bytes) -> bytes:
    """Undo chunked transfer coding; a body that does not begin with a chunk is given back as is.

    A body cut short, as crawlers do above a size, gives what there is of it.
    """
    match = CHUNK_SIZE.match(body)
    if match is None:
        return body
    pieces = []
    while match is not None:
        size = int(match.group(1), 16)
        start = match.end()
        pieces.append(body[start : start + size])
        position = start + size
        if size == 0 or position >= len(body):
            return b"".join(pieces)
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
        if position >= len(body):
            return b"".join(pieces)
        match = CHUNK_SIZE.match(body, position)
        if match is None and len(pieces) == 1:
            return body  # the first line only looked like a chunk's size
    raise NoPage("error", "broken_chunks", f"after {sum(map(len, pieces))} bytes")


def undo_coding(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Undo one content coding, inflating to little more than `max_bytes`."""
    if coding in ("", "identity", "none", "utf-8"):
        return body
    if coding in ("gzip", "x-gzip"):
        return inflate(body, zlib.MAX_WBITS | 16, max_bytes) if body[:2] == b"\x1f\x8b" else body
    if coding == "deflate":
        # A zlib stream by the standard, a bare deflate stream by habit.
        header = int.from_bytes(body[:2], "big")
        is_zlib = body[:1] and body[0] & 0x0F == 8 and header % 31 == 0
        if not is_zlib and body.lstrip()[:1] == b"<":
            return body
        return inflate(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, max_bytes)
    if coding == "br":
        return unbrotli(body, max_bytes)
    if body.lstrip()[:1] == b"<":
        return body
    raise NoPage("error", "content_encoding", f"unknown coding {coding[:40]!r}")


def inflate(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    """Inflate, cut short or not; `size` if it is more than a page may be."""
    inflater = zlib.decompressobj(window_bits)
    try:
        page = inflater.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise NoPage("error", "content_encoding", str(error)) from error
    if len(page) > max_bytes:
        raise NoPage("dropped", "size", "inflated", float(len(page)), float(max_bytes))
    return page


def unbrotli(body: bytes, max_bytes: int) -> bytes:
    """Brotli, where its library is installed."""
    if body.lstrip()[:1] == b"<":
        return body
    try:
        import brotli
    except ModuleNotFoundError as error:
        raise NoPage("error", "content_encoding", "br: no brotli library here") from error
    decompressor = brotli.Decompressor()
    pieces, size = [], 0
    try:
        for start in range(0, len(body), 4096):  # in pieces, so that a bomb stops early
            pieces.append(decompressor.process(body[start : start + 4096]))
            size += len(pieces[-1])
            if size > max_bytes:
                raise NoPage("dropped", "size", "inflated", float(size), float(max_bytes))
    except brotli.error as error:
        raise NoPage("error", "content_encoding", f"br: {error}") from error
    return b"".join(pieces)
