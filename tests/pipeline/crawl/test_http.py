"""The body as the server meant it, whatever codings are still on it."""

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.crawl.codings import join_chunks
from pipeline.crawl.http import NoPage, read_page
from pipeline.decision import dropped

HTML = b"<!doctype html><html><body>" + b"Some text of a page. " * 20 + b"</body></html>"


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def page(content: bytes, payload_type: str = "", max_bytes: int = 10_000) -> bytes:
    return read_page(content, payload_type, max_bytes, 1000).html


def rule(content: bytes, payload_type: str = "", max_bytes: int = 10_000) -> tuple[str, str]:
    with pytest.raises(NoPage) as no:
        page(content, payload_type, max_bytes)
    return no.value.decision.outcome, no.value.decision.rule


def chunked(body: bytes, size: int, extension: bytes = b"") -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces) + b"0\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(HTML, mtime=0)),
        ("x-gzip", gzip.compress(HTML, mtime=0)),
        ("GZIP", gzip.compress(HTML, mtime=0)),
        ("gzip", HTML),  # decoded by the crawler, header left
        ("deflate", zlib.compress(HTML)),
        ("deflate", raw_deflate(HTML)),
        ("deflate", HTML),
        ("br", brotli.compress(HTML)),
        ("br", HTML),
        ("identity", HTML),
        ("deflate, gzip", gzip.compress(zlib.compress(HTML), mtime=0)),
        ("zstd", HTML),
        ('"gzip"', gzip.compress(HTML, mtime=0)),
        ("gzip", gzip.compress(gzip.compress(gzip.compress(HTML, mtime=0), mtime=0), mtime=0)),
        ("gzip", b"\r\n" + gzip.compress(HTML, mtime=0)),  # commoncrawl/nutch#5
        ("deflate", gzip.compress(HTML, mtime=0)),
    ],
)
def test_content_codings(coding, body):
    content = response(body, "Content-Type: text/html", f"Content-Encoding: {coding}")
    assert page(content) == HTML


def test_bad_codings_are_errors_and_bombs_are_dropped():
    head = "Content-Type: text/html"
    broken = bytearray(gzip.compress(HTML, mtime=0))
    broken[20:40] = bytes(20)
    unreadable = ("error", "content_encoding")
    assert rule(response(bytes(broken), head, "Content-Encoding: gzip")) == unreadable
    assert rule(response(b"\xff" * 20, head, "Content-Encoding: br")) == unreadable
    assert rule(response(b"\1\2\3", head, "Content-Encoding: zstd")) == unreadable
    bomb = b" " * 50_000_000
    for coding, body in (
        ("gzip", gzip.compress(bomb, mtime=0)),
        ("deflate", zlib.compress(bomb)),
        ("br", brotli.compress(bomb, quality=1)),
    ):
        content = response(body, head, f"Content-Encoding: {coding}")
        assert rule(content) == ("dropped", "size")


def test_chunks():
    head = ("Content-Type: text/html", "Transfer-Encoding: chunked")
    assert page(response(chunked(HTML, 100), *head)) == HTML
    assert page(response(chunked(HTML, 100, b";name=value"), *head)) == HTML
    assert page(response(HTML, *head)) == HTML  # joined by the crawler, header left
    assert page(response(chunked(HTML, 100)[:250], *head)) == HTML[:234]  # cut short
    assert page(response(chunked(HTML, 100), head[0])) == HTML  # ukwa/webarchive-discovery#218
    assert page(response(chunked(chunked(HTML, 100), 90), *head)) == HTML
    zipped = chunked(gzip.compress(HTML, mtime=0), 50)
    assert page(response(zipped, *head, "Content-Encoding: gzip")) == HTML
    bad = chunked(HTML, 100).replace(b"\r\n64\r\n", b"\r\nzz\r\n").replace(b"zz", b"64", 1)
    assert rule(response(bad, *head)) == ("error", "broken_chunks")


@given(st.binary(max_size=400), st.integers(1, 50))
def test_chunks_roundtrip(body, size):
    assert join_chunks(chunked(body, size)) == (body, "")


@given(st.binary(max_size=600))
def test_no_bytes_crash_the_parser(content):
    for block in (content, b"HTTP/1.1 200 OK\r\n" + content):
        try:
            read_page(block, "", 1000, 100)
        except NoPage:
            continue


def test_what_is_no_page():
    html = "Content-Type: text/html; charset=utf-8"
    assert rule(b"no headers <html>") == ("error", "no_http_header")
    assert rule(b"") == ("error", "no_http_header")
    assert rule(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000) == ("error", "no_http_header")
    for status in ("404 Not Found", "301 Moved", "206 Partial", "500"):
        assert rule(response(HTML, html, status=status)) == ("dropped", "http_status")
    assert rule(response(HTML, "Content-Type: image/png")) == ("dropped", "mime")
    assert rule(response(b"", html)) == ("dropped", "empty")
    assert rule(response(b" \r\n\0", html)) == ("dropped", "empty")
    assert rule(response(HTML, html), max_bytes=100) == ("dropped", "size")
    assert rule(response(b"%PDF-1.4 ...")) == ("dropped", "mime")
    assert page(response(HTML)) == HTML  # no type given, but it shows
    # Common Crawl looked at the body: it counts more than what the server said
    assert page(response(HTML, "Content-Type: application/octet-stream"), "text/html") == HTML
    assert rule(response(HTML, html), "application/pdf") == ("dropped", "mime")
    assert read_page(response(HTML, html), "", 10_000, 1000).charset == "utf-8"
    assert page(b"HTTP/1.0 200 OK\nContent-Type: text/html\n\n" + HTML) == HTML


def test_interim_responses_are_passed_over():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    final = response(HTML, "Content-Type: text/html")
    for before in (hints, go_on, go_on + hints + hints, b"HTTP/2 103\n\n", hints * 50):
        assert page(before + final) == HTML
    assert page(b"HTTP/1.0 200 Connection established\r\n\r\n" + final) == HTML
    assert rule(hints) == ("dropped", "http_status")
    assert rule(hints + response(HTML, status="404 Not Found")) == ("dropped", "http_status")
    # a body may well begin with what looks like a status line
    quoted = response(b"HTTP/1.1 404 Not Found\r\n\r\n", "Content-Type: text/html")
    assert page(quoted).startswith(b"HTTP/1.1 404")


def test_headers_given_twice_or_badly():
    twice = ("Content-Type: text/html; charset=gbk", "Content-Type: text/html")
    assert read_page(response(HTML, *twice), "", 10_000, 1000).charset == "gbk"
    joined = response(HTML, "Content-Type: text/html; charset=koi8-r, text/html")
    assert read_page(joined, "", 10_000, 1000).charset == "koi8-r"
    body = brotli.compress(gzip.compress(HTML, mtime=0))
    two = ("Content-Type: text/html", "Content-Encoding: gzip", "Content-Encoding: br")
    assert page(response(body, *two)) == HTML
    folded = response(
        gzip.compress(HTML, mtime=0), "Content-Type: text/html;\r\n charset=big5", "no colon"
    )
    assert read_page(folded, "", 10_000, 1000).charset == "big5"
    gzipped = response(
        gzip.compress(HTML, mtime=0), "Content-Type: text/html", "X: 1", "Content-Encoding:gzip"
    )
    assert page(gzipped) == HTML
    assert (
        page(response(gzip.compress(HTML, mtime=0), "Content-Type: text/html")) == HTML
    )  # header lost
    sent = chunked(gzip.compress(HTML, mtime=0), 30)
    both = ("Content-Type: text/html", "Transfer-Encoding: gzip, chunked")
    assert page(response(sent, *both)) == HTML
    # as Common Crawl stores it: decoded, with the server's headers under other names
    stored = ("Content-Type: text/html", "X-Crawl-Content-Encoding: br", "Content-Length: 9")
    assert page(response(HTML, *stored)) == HTML


@pytest.mark.parametrize("kind", ["", "unknown/unknown", "application/unknown", "*/*", "html"])
def test_types_that_say_nothing(kind):
    """MIME Sniffing 7.1: the body is looked at."""
    tags = ("head", "SCRIPT ", "iframe src=a", "H1", "div", "font\n", "table", "a href=b", "style")
    for tag in (*tags, "title", "b", "body", "br", "p", "!DOCTYPE HTML", "html"):
        body = f"\n\t <!-- a --> <{tag}>words".encode()
        assert page(response(body, f"Content-Type: {kind}")) == body
        assert page(response(body)) == body
        assert page(response(body, f"Content-Type: {kind}"), "text/html") == body
    for body in (
        b"<pre>words",
        b"words <html>",
        b"<htmlx>",
        b"{}",
        b"<?xml?><rss>",
        b"%PDF <html>",
    ):
        assert rule(response(body, f"Content-Type: {kind}")) == ("dropped", "mime")
    assert rule(response(HTML, "Content-Type: unknown/unknown"), "image/png")[1] == "mime"


def test_old_and_new_versions():
    assert page(HTML) == HTML  # HTTP/0.9 has no headers
    for line in (b"HTTP/2 200", b"HTTP/1.1 200 ", b"\r\nHTTP/1.1 200 OK", b"http/1.1 200 OK"):
        assert page(line + b"\r\nContent-Type: text/html\r\n\r\n" + HTML) == HTML
    assert page(b"HTTP/1.0 200 OK\n\n" + HTML) == HTML
    assert page(b":status: 200\r\ncontent-type: text/html\r\n\r\n" + HTML) == HTML
    assert rule(b":status: 404\r\ncontent-type: text/html\r\n\r\n" + HTML)[1] == "http_status"


def test_what_was_cut_is_told():
    head = ("Content-Type: text/html", "Content-Encoding: gzip", "Transfer-Encoding: chunked")
    sent = chunked(gzip.compress(HTML, mtime=0), 20)
    cut = read_page(response(sent[:-30], *head), "", 10_000, 1000)
    assert HTML.startswith(cut.html)
    assert cut.detail == "chunks: cut short; gzip: cut short"
    assert read_page(response(sent, *head), "", 10_000, 1000).detail == ""
    for less in range(1, len(sent) - 120):
        found = read_page(response(sent[:-less], *head), "", 10_000, 1000)
        assert HTML.startswith(found.html)
        assert found.detail
    with pytest.raises(NoPage) as no:  # nothing but gzip's own header
        read_page(response(sent[:14], *head), "", 10_000, 1000)
    told = "chunks: cut short; gzip: cut short"
    assert no.value.decision == dropped("read", "empty", detail=told)
