"""Tiny WARC files by number, alike in every length, of which scale_lake.py makes its lakes.

File name, hosts and the words of the pages follow from the number, and each stretch has one length
whatever the number, so that records lie at the same offsets in all of them.
"""

import random

PAGES = 4  # of a part that are kept, besides one that is too short and one that is gone (404)
SENTENCES = 6  # of a paragraph
COPIED_EVERY = 50  # parts
SENTENCE = "The {} and the {} went to that {} with the {} because of a {} in the {}."
SLOTS = SENTENCE.count("{}")
WORDS = """
    animal answer bottle branch bridge bright butter candle castle circle coffee cotton danger
    doctor dragon engine family farmer father flower forest friend garden ground hammer island
    jacket ladder leader letter little market mirror monkey mother needle number office orange
    palace parent pencil people pepper planet pocket prince rabbit ribbon ticket saddle school
    season second silver sister spring stream street string summer winter window
"""
DATE = "2024-05-20T00:00:00Z"


def warc_name(number: int) -> str:
    return f"part-{number:06d}.warc"


def host(number: int) -> str:
    return f"h{number:06d}.example"


def page_url(number: int, page: int = 0) -> str:
    return f"http://{host(number)}/page-{page}"


def paragraphs(number: int, page: int) -> list[str]:
    """The text of a page; the first one of some parts is a copy of an earlier part's."""
    if page == 0 and number % COPIED_EVERY == COPIED_EVERY - 1:
        number -= 1
    rng = random.Random(number * PAGES + page)
    sentences = [
        SENTENCE.format(*rng.choices(WORDS.split(), k=SLOTS)) for _ in range(2 * SENTENCES)
    ]
    return [" ".join(sentences[:SENTENCES]), " ".join(sentences[SENTENCES:])]


def warc(number: int) -> bytes:
    """A WARC file of a few records, not compressed."""
    info = f"software: scale\r\nformat: WARC File Format 1.1\r\nfilename: {warc_name(number)}\r\n"
    records = [_record(number, "warcinfo", "", "application/warc-fields", info.encode())]
    for page in range(PAGES):
        body = "".join(f"<p>{text}</p>" for text in paragraphs(number, page))
        records.append(_response(number, page, "200 OK", body))
    records.append(_response(number, PAGES, "200 OK", "<p>The end of the way.</p>"))
    records.append(_response(number, PAGES + 1, "404 Not Found", "<p>Gone.</p>"))
    return b"".join(records)


def _response(number: int, page: int, status: str, body: str) -> bytes:
    html = f"<html><head><title>Page</title></head><body>{body}</body></html>"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(html)}\r\n\r\n"
    url, kind = page_url(number, page), "application/http; msgtype=response"
    return _record(number, "response", url, kind, (head + html).encode())


def _record(number: int, kind: str, url: str, content_type: str, body: bytes) -> bytes:
    lines = [
        "WARC/1.1",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>",
        f"WARC-Date: {DATE}",
        *([f"WARC-Target-URI: {url}"] if url else []),
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"\r\n\r\n"
