"""Damaged web archives, any number of them: sound seeds, and what a crawl may do to them.

`mutant(number)` depends on its number alone. A seed is a small true archive (WARC or ARC, gzipped
by record, gzipped whole, or plain) with hostile pages among good ones; up to four mutations follow,
of the file's bytes, of a record's headers or of a page's body.
"""

import dataclasses
import gzip
import random
import zlib
from collections.abc import Callable

import brotli

DATE = "2024-05-18T03:10:00Z"
SENTENCE = (
    "The keeper of the old harbour light counted the boats that came home, and he said to the"
    " young painter that none of them had ever been late. "
)


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A damaged file."""

    name: str
    data: bytes
    # URLs of records that no mutation touched: each must still be found
    untouched: tuple[str, ...]


def http(body: bytes, headers: str = "", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\n{headers}\r\n"
    return head.encode("latin-1") + body


def page(draw: random.Random) -> bytes:
    paragraphs = "".join(
        f"<p>{SENTENCE * draw.randrange(2, 6)}{draw.randrange(10**6)} of them were there.</p>"
        for _ in range(draw.randrange(3, 8))
    )
    return f"<html><head><title>T</title></head><body><article>{paragraphs}</article>".encode()


def deep(draw: random.Random) -> bytes:
    tag = draw.choice([b"<div>", b"<b>", b"<ul><li>", b"<table><tr><td>", b"<a href=x>"])
    return tag * draw.choice([100, 5_000, 100_000]) + page(draw)


def bodies() -> list[Callable[[random.Random], bytes]]:
    """HTTP responses, good and hostile."""
    return [
        lambda d: http(page(d)),
        lambda d: http(page(d)),
        lambda d: http(page(d)),
        lambda d: http(deep(d)),
        lambda d: http(gzip.compress(page(d)), "Content-Encoding: gzip\r\n"),
        lambda d: http(gzip.compress(page(d))[:-20], "Content-Encoding: gzip\r\n"),
        lambda d: http(gzip.compress(b"a" * 30_000_000), "Content-Encoding: gzip\r\n"),
        lambda d: http(brotli.compress(page(d)), "Content-Encoding: br\r\n"),
        lambda d: http(d.randbytes(400), "Content-Encoding: br\r\n"),
        lambda d: http(chunked(page(d), d), "Transfer-Encoding: chunked\r\n"),
        lambda d: http(page(d), "Transfer-Encoding: chunked\r\n"),
        lambda d: http(page(d) + b"\xff\xfe\xfa" * 50, "X: \xff\xfe\r\n"),
        lambda d: http("\ud800 lone".encode("utf-8", "surrogatepass") + page(d)),
        lambda d: http(page(d).decode().encode("utf-16")),
        lambda d: http(b"<p>" + b"x" * d.choice([10_000, 3_000_000])),
        lambda d: http(b"\0" * 10_000 + page(d)),
        lambda d: http(b"<!--" + page(d)),
        lambda d: http(b"<script>" + page(d)),
        lambda d: http(b"<p " + b"a=b " * 100_000 + b">" + page(d)),
        lambda d: http(b"&amp" * 50_000 + b"&#x110000;&#0;&#xD800;" + page(d)),
        lambda d: page(d),  # no HTTP headers at all
        lambda d: b"HTTP/1.1 200\r\n" + b"A: b\r\n" * 50_000,
        lambda d: http(b"", status=d.choice(["304", "0", "999 X", "-1", "200200"])),
        lambda d: d.randbytes(300),
    ]


def chunked(body: bytes, draw: random.Random) -> bytes:
    pieces = []
    while body:
        size = draw.randrange(1, 3_000)
        piece, body = body[:size], body[size:]
        said = draw.choice([len(piece)] * 9 + [10**9])
        pieces.append(b"%x\r\n%s\r\n" % (said, piece))
    return b"".join([*pieces, b"0\r\n\r\n"])


def warc_record(url: str, block: bytes, draw: random.Random) -> bytes:
    kind = draw.choice(["response"] * 8 + ["revisit", "conversion", "request", "resource"])
    mime = {"conversion": "text/plain", "resource": "text/html"}.get(kind, "application/http")
    head = (
        f"WARC/1.{draw.randrange(2)}\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: {DATE}\r\nContent-Type: {mime}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def arc_record(url: str, block: bytes, draw: random.Random) -> bytes:
    line = f"{url} 127.0.0.1 20240518031000 text/html {len(block)}\n"
    return line.encode() + block + b"\n"


def mutant(number: int) -> Mutant:
    """The same archive for the same number."""
    draw = random.Random(f"mutant {number}")
    form = draw.choice(["warc.gz"] * 5 + ["warc", "warc.whole.gz", "arc.gz", "arc"])
    make = arc_record if form.startswith("arc") else warc_record
    urls = [f"http://h{draw.randrange(99)}.example/{number}/{n}" for n in range(8)]
    records = [make(url, draw.choice(bodies())(draw), draw) for url in urls]
    if make is arc_record:
        block = b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n"
        head = b"filedesc://x.arc 0.0.0.0 20240518031000 text/plain %d\n" % len(block)
        records.insert(0, head + block + b"\n")
        urls.insert(0, "filedesc://x.arc")
    touched: set[int] = set()
    for _ in range(draw.choice([0, 1, 1, 1, 2])):
        place = draw.randrange(len(records))
        touched.add(place)
        records[place] = draw.choice(RECORD_MUTATIONS)(records[place], draw)
    if form.endswith("whole.gz"):
        pieces = [gzip.compress(b"".join(records), mtime=0)]
        touched = set(range(len(records))) if touched else set()
    elif form.endswith("gz"):
        pieces = [zlib.compress(record, 6, 31) for record in records]
    else:
        pieces = records
        touched = set(range(len(records))) if touched else set()
    name = f"mutant-{number}.{form.replace('whole.', '')}"
    apart = len(pieces) == len(records) and form.endswith("gz")
    for _ in range(draw.choice([0, 0, 1, 1, 2])):
        if apart:  # damage inside some members: the others must come through
            place = draw.randrange(len(pieces))
            touched.add(place)
            pieces[place] = draw.choice(BYTE_MUTATIONS)(pieces[place], draw)
        else:
            pieces = [draw.choice(BYTE_MUTATIONS)(b"".join(pieces), draw)]
            touched = set(range(len(records)))
    untouched = tuple(url for place, url in enumerate(urls) if place not in touched)
    return Mutant(name, b"".join(pieces), untouched)


def spliced(data: bytes, draw: random.Random, most: int) -> tuple[int, int]:
    start = draw.randrange(max(1, len(data)))
    return start, min(len(data), start + draw.randrange(1, most))


def flip(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randrange(1, 20)):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def zero(data: bytes, draw: random.Random) -> bytes:
    start, end = spliced(data, draw, 4_000)
    return data[:start] + b"\0" * (end - start) + data[end:]


def cut(data: bytes, draw: random.Random) -> bytes:
    start, end = spliced(data, draw, 2_000)
    return data[:start] + data[end:]


def insert(data: bytes, draw: random.Random) -> bytes:
    start, _ = spliced(data, draw, 2)
    piece = draw.choice([b"\x1f\x8b\x08", b"WARC/1.0\r\n", draw.randbytes(500), b"\r\n" * 99])
    return data[:start] + piece + data[start:]


def clip(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def double(data: bytes, draw: random.Random) -> bytes:
    start, end = spliced(data, draw, 3_000)
    return data[:end] + data[start:end] + data[end:]


def lie(data: bytes, draw: random.Random) -> bytes:
    """Another Content-Length than the true one."""
    head, line, rest = data.partition(b"Content-Length: ")
    number, end, rest = rest.partition(b"\r\n")
    said = draw.choice([b"0", b"-5", b"99999999999999", b"1e9", b"", number + b"0", b"7"])
    return head + line + said + end + rest


def swap_header(data: bytes, draw: random.Random) -> bytes:
    changes = [
        (b"WARC-Type: ", b"WARC-Tape: "),
        (b"WARC-Target-URI: http", b"WARC-Target-URI: \xff\xfe"),
        (b"WARC/1.", b"WARC/9."),
        (b"\r\n\r\n", b"\n\n"),
        (b"\r\n", b"\n"),
        (b"http://", b"http://[::1"),
        (b"WARC-Date: 2024", b"WARC-Date: " + b"9" * 400_000),
    ]
    old, new = draw.choice(changes)
    return data.replace(old, new, draw.choice([1, -1]))


def many(data: bytes, draw: random.Random) -> bytes:
    return data * draw.randrange(2, 5)


BYTE_MUTATIONS = (flip, zero, cut, insert, clip, double)
RECORD_MUTATIONS = (*BYTE_MUTATIONS, lie, lie, swap_header, swap_header, many)
