"""The HTTP response inside a record: status, MIME type, charset, and the body as the server meant.

Interim responses (1xx) before the final one are skipped. Transfer and content codings are undone if
the bytes show that they are still there: many archives store the body decoded under headers that
say otherwise. A body that was cut gives what there is of it, with a note in `HttpPage.detail`.
Everything that is no readable HTML page raises `NoPage`, with the decision for the ledger.
"""

import dataclasses
import re

from pipeline.crawl.codings import (
    BadCoding,
    BodyTooLarge,
    join_chunks,
    join_unsaid_chunks,
    undo,
    undo_unsaid,
)
from pipeline.crawl.mime import extract_type
from pipeline.crawl.records import HEADERS_END, parse_fields
from pipeline.decision import Decision, dropped, failed

STATUS_LINE = re.compile(
    # or a pseudo-header of HTTP/2 that a crawler stored unchanged
    rb"(?:\r?\n){0,4}(?:HTTP/\d(?:\.\d)?[ \t]+|:status:[ \t]*)"
    rb"(?P<status>\d{3})(?!\d)(?P<reason>[^\n]*)\r?\n?",
    re.IGNORECASE,
)
# A proxy's answer, before that of the server behind it.
TUNNEL = re.compile(rb"[ \t]*connection established", re.IGNORECASE)
HTML_TYPES = ("text/html", "application/xhtml+xml")  # FineWeb's reader takes these two
# Types without information: by the MIME Sniffing standard the body decides, as without a type.
NO_TYPES = ("unknown/unknown", "application/unknown")
# What the standard takes for HTML, after white space, an XML declaration and comments
LOOKS_LIKE_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|script|iframe|h1|div"
    rb"|font|table|a|style|title|b|body|br|p)(?=[ >\t\r\n])",
    re.IGNORECASE | re.DOTALL,
)


class NoPage(Exception):
    """A record without a page in it, and what becomes of it instead."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{decision.rule}: {decision.detail}")
        self.decision = decision


@dataclasses.dataclass(frozen=True)
class HttpPage:
    """An HTML page as the server sent it."""

    html: bytes
    charset: str  # of the Content-Type header, "" if it names none
    detail: str = ""  # what was wrong with the body, although there is a page


def read_page(content: bytes, payload_type: str, max_bytes: int, max_header_bytes: int) -> HttpPage:
    """The page in the content of a response record.

    Args:
        content: of the record.
        payload_type: its WARC-Identified-Payload-Type, which Common Crawl finds from the body; ""
            if it has none.
        max_bytes: of a decoded page.
        max_header_bytes: of the HTTP headers.

    Raises:
        NoPage: it has no readable HTML page.
    """
    status, block, body = final_response(content, max_header_bytes)
    values: dict[str, list[str]] = {}
    for name, value in parse_fields(block):
        values.setdefault(name, []).append(value)
    if status != 200:
        raise NoPage(dropped("read", "http_status", status, 200))
    declared, charset = extract_type(*values.get("content-type", []))
    mime = extract_type(payload_type)[0] or ("" if declared in NO_TYPES else declared)
    if mime and mime not in HTML_TYPES:
        raise NoPage(dropped("read", "mime", detail=mime[:100]))
    body, notes = _decoded(body, values, max_bytes)
    if not body.strip(b"\0 \t\r\n"):
        raise NoPage(dropped("read", "empty", detail="; ".join(notes)))
    if len(body) > max_bytes:
        raise NoPage(dropped("read", "size", len(body), max_bytes))
    if not mime and not LOOKS_LIKE_HTML.match(body[:4096].removeprefix(b"\xef\xbb\xbf")):
        detail = "no type given, and the body does not begin as HTML"
        raise NoPage(dropped("read", "mime", detail=detail))
    return HttpPage(body, charset, "; ".join(notes))


def final_response(content: bytes, max_header_bytes: int) -> tuple[int, bytes, bytes]:
    """Status, header lines and body of the first response that is not an interim one."""
    position = 0
    while True:
        first = STATUS_LINE.match(content, position)
        if first is None and LOOKS_LIKE_HTML.match(content[:4096]):
            return 200, b"", content  # HTTP/0.9 has nothing but the page
        if first is None:
            detail = f"begins with {content[:40]!r}"
            raise NoPage(failed("read", "no_http_header", detail=detail))
        end = HEADERS_END.search(content, first.end() - 2, first.end() + max_header_bytes)
        if end is None and len(content) > first.end() + max_header_bytes:
            detail = "the HTTP headers do not end"
            raise NoPage(failed("read", "no_http_header", detail=detail))
        status = int(first["status"])
        interim = 100 <= status < 200 or (status == 200 and TUNNEL.match(first["reason"]))
        if end is None or not (interim and STATUS_LINE.match(content, end.end())):
            break
        position = end.end()
    block = content[first.end() : max(end.start(), first.end()) if end else len(content)]
    return status, block, content[end.end() :] if end else b""


def _decoded(body: bytes, values: dict[str, list[str]], max_bytes: int) -> tuple[bytes, list[str]]:
    """The body without its codings, and notes of what was wrong with it."""
    transfer = _tokens(values.get("transfer-encoding", []))
    notes = []
    try:
        if "chunked" in transfer:
            body, note = join_chunks(body)
            notes += [note] if note else []
        body = join_unsaid_chunks(body)
    except BadCoding as error:
        raise NoPage(failed("read", "broken_chunks", detail=str(error))) from error
    codings = _tokens(values.get("content-encoding", []))
    codings += [coding for coding in transfer if coding != "chunked"]
    try:
        body, told = undo(body, codings, max_bytes)
        body, again = undo_unsaid(body, max_bytes)
        told += again
    except BadCoding as error:
        raise NoPage(failed("read", "content_encoding", detail=str(error))) from error
    except BodyTooLarge as error:
        size = error.args[0]
        raise NoPage(dropped("read", "size", size, max_bytes, "inflated")) from error
    return body, notes + told


def _tokens(values: list[str]) -> list[str]:
    """The codings of all headers of a name, in the order in which they were applied."""
    tokens = ",".join(values).split(",")
    return [token.split(";")[0].strip(" \t\"'").lower() for token in tokens]
