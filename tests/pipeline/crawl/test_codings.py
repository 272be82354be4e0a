"""Bodies under any chain of codings, cut anywhere: the body, what there is of it, or a reason."""

import gzip
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.crawl.codings import (
    BadCoding,
    BodyTooLarge,
    is_text,
    join_chunks,
    join_unsaid_chunks,
    undo,
    undo_unsaid,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HTML = b"<!doctype html><html><body>" + b"Some text of a page. " * 20 + b"</body></html>"
MOST = 100_000


def raw_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


def members(body: bytes, compress: Callable[[bytes], bytes]) -> bytes:
    """Each third a stream of its own."""
    third = len(body) // 3 + 1
    return b"".join(compress(body[at : at + third]) for at in range(0, len(body), third))


ENCODERS = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "x-gzip": lambda body: gzip.compress(body, mtime=0),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def chunked(body: bytes, size: int, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces)
    return chunks + b"0\r\n" + trailer + b"\r\n"


@given(
    st.text(min_size=30, max_size=600),
    st.lists(st.sampled_from(sorted(ENCODERS)), max_size=3),
    st.integers(1, 200),
    st.data(),
)
def test_any_chain_cut_anywhere_gives_a_prefix(text, chain, size, data):
    page = b"<html>" + text.encode()
    body = page
    for coding in chain:
        body = ENCODERS[coding](body)
    sent = chunked(body, size)
    cut = data.draw(st.integers(0, len(sent)))
    whole, note = join_chunks(sent)
    assert (whole, note) == (body, "")
    assert undo(whole, chain, MOST) == (page, [])
    try:
        part, note = join_chunks(sent[:cut])
        found, notes = undo(part, chain, MOST)
    except BadCoding:
        return  # so little that it shows nothing
    # at the very beginning nothing tells a chunk's size or a magic number from text, inside, too
    tiny = len(sent[:cut]) < 20 or len(part) < 20 or len(found) < 20
    assert tiny or page.startswith(found)
    if len(found) < len(page) and not tiny:
        assert note or notes


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_all_streams_of_a_body_are_read(compress):
    coding = "gzip" if compress is gzip.compress else "zstd"
    body = members(HTML, compress)
    assert undo(body, [coding], MOST) == (HTML, [])
    assert undo(body + bytes(512), [coding], MOST) == (HTML, [])  # padding
    found, notes = undo(body + b"garbage", [coding], MOST)
    assert (found, notes) == (HTML, [f"{coding}: 7 bytes after its end"])
    found, notes = undo(body[:-20], [coding], MOST)
    assert HTML.startswith(found)
    assert notes == [f"{coding}: cut short"]
    with pytest.raises(BodyTooLarge):
        undo(body, [coding], len(HTML) - 1)


def test_a_broken_later_member_is_said():
    second = bytearray(gzip.compress(HTML))
    second[20:40] = bytes(20)
    with pytest.raises(BadCoding, match="gzip member 2"):
        undo(gzip.compress(HTML) + second, ["gzip"], MOST)


@pytest.mark.parametrize("size", [100, 70_000])
def test_a_wrong_checksum_is_told_and_the_page_stays(size):
    page = HTML * (size // 100)
    for at, problem in ((-8, "incorrect data check"), (-4, "incorrect length check")):
        damaged = bytearray(gzip.compress(page))
        damaged[at] ^= 255
        body = bytes(damaged)
        assert undo(body, ["gzip"], 10**7) == (page, [f"gzip: {problem}"])
        two = body + gzip.compress(HTML)
        assert undo(two, ["gzip"], 10**7) == (page + HTML, [f"gzip: {problem}"])
        with pytest.raises(BodyTooLarge):
            undo(body, ["gzip"], len(page) - 1)
    damaged = bytearray(zlib.compress(page))
    damaged[-1] ^= 255
    assert undo(bytes(damaged), ["deflate"], 10**7) == (page, ["deflate: incorrect data check"])
    # a stream that ends too early has lost its content, not its checksum
    with pytest.raises(BadCoding, match="incorrect data check"):
        undo(b"\x1f\x8b\x08" + bytes(7) + raw_deflate(b"<html>") + b"garbage " * 9, ["gzip"], MOST)


@pytest.mark.parametrize("said", sorted(ENCODERS))
@pytest.mark.parametrize("true", sorted(ENCODERS))
def test_a_coding_under_the_name_of_another(said, true):
    if said in ("br", "zstd", "deflate") and true in ("br", "deflate") and said != true:
        return  # nothing in the bytes shows these two
    assert undo(ENCODERS[true](HTML), [said], MOST) == (HTML, [])
    assert undo(raw_deflate(HTML), ["gzip"], MOST) == (HTML, [])
    with pytest.raises(BodyTooLarge):
        undo(ENCODERS[true](HTML * 50), [said], 5 * len(HTML))


def test_what_nothing_says():
    once = gzip.compress(HTML)  # it holds the time
    twice = gzip.compress(once)
    assert undo_unsaid(HTML, MOST) == (HTML, [])
    assert undo_unsaid(twice, MOST) == (HTML, [])
    assert undo_unsaid(b"\r\n" + twice[:-30], MOST)[1] == ["gzip: cut short"] * 2
    assert undo(twice, ["gzip"], MOST) == (once, [])
    with pytest.raises(BodyTooLarge):
        undo_unsaid(gzip.compress(bytes(MOST + 1)), MOST)
    sent = chunked(chunked(HTML, 99), 70)
    assert join_unsaid_chunks(sent) == HTML
    assert join_unsaid_chunks(HTML) == HTML
    # what is not chunks to its end only looks like them
    for body in (sent[:-5], sent + b"more", b"5\r\nwords and so on", b"abc\r\n" * 9):
        assert join_unsaid_chunks(body) == body
    assert join_chunks(b"\r\n" + chunked(HTML, 99)) == (HTML, "")


@pytest.mark.parametrize("coding", ["deflate", "br"])
@pytest.mark.parametrize("size", [100, 70_000])
def test_what_follows_a_stream_is_told(coding, size):
    page = HTML * (size // 100)
    for rest in (b"x", b"garbage " * 1000):
        found, notes = undo(ENCODERS[coding](page) + rest, [coding], 10**7)
        assert found == page
        assert notes == [f"{coding}: {len(rest.strip(bytes(1)))} bytes after its end"]
    assert undo(raw_deflate(page), ["deflate"], 10**7) == (page, [])


@pytest.mark.parametrize("coding", sorted(ENCODERS))
def test_a_body_that_is_decoded_already_stays(coding):
    for body in (
        HTML,
        b"\xef\xbb\xbf" + HTML,
        b"\n\n" + HTML,
        "<html>".encode("utf-16"),
        b"plain words without a tag",
        b"",
    ):
        assert undo(body, [coding], MOST) == (body, [])
        assert undo(body, [coding, coding], MOST) == (body, [])
    # one of two was undone
    assert undo(ENCODERS[coding](HTML), [coding, coding], MOST) == (HTML, [])


def test_names_that_are_no_codings():
    for name in ("identity", "", "utf-8", "none", "binary", "text/html"):
        assert undo(HTML, [name], MOST) == (HTML, [])
        assert undo(gzip.compress(HTML), ["gzip", name.replace("text/html", "")], MOST)[0] == HTML
    with pytest.raises(BadCoding, match="unknown coding"):
        undo(b"\x1f\x9d\x90\x01\x02", ["compress"], MOST)
    with pytest.raises(BadCoding, match="codings one on another"):
        undo(HTML, ["gzip"] * 9, MOST)
    assert is_text(b"\xff\xfe<\0h\0")
    assert not is_text(gzip.compress(HTML))


def test_windows_are_capped():
    settings = zstd.CompressionParameter
    options: dict[int, int] = {settings.window_log: 24, settings.checksum_flag: 1}
    compressor = zstd.ZstdCompressor(options=options)
    body = compressor.compress(HTML) + compressor.flush()
    with pytest.raises(BadCoding, match="zstd"):
        undo(body, ["zstd"], MOST)
    bomb = zstd.compress(bytes(50_000_000))
    with pytest.raises(BodyTooLarge):
        undo(bomb, ["zstd"], MOST)


def test_chunks_extensions_trailers_and_ends():
    assert join_chunks(chunked(HTML, 99, b' ; name="value"', b"X-A: b\r\n")) == (HTML, "")
    assert join_chunks(chunked(HTML, 99).replace(b"\r\n", b"\n")) == (HTML, "")
    assert join_chunks(b"5  \r\nhello\r\n0\r\n\r\n") == (b"hello", "")
    assert join_chunks(chunked(HTML, 99)[:-5]) == (HTML, "chunks: cut short")
    assert join_chunks(b"5\r\nhello\r\n0\r\n\r\nmore")[1] == "chunks: 6 bytes after the last"
    assert join_chunks(HTML) == (HTML, "")
    with pytest.raises(BadCoding):
        join_chunks(b"5\r\nhello\r\n5\r\nworld\r\nzz\r\nmore")


@given(st.binary(min_size=40, max_size=300), st.integers(1, 60), st.integers(0, 200))
@example(b"x" * 60, 20, 3)
def test_chunks_cut_anywhere_are_a_prefix(body, size, less):
    sent = chunked(body, size, b";a=b")
    part, note = join_chunks(sent[: max(8, len(sent) - less)])
    assert body.startswith(part)
    assert note or part == body


@given(st.binary(max_size=300), st.lists(st.sampled_from([*ENCODERS, "x", ""]), max_size=3))
def test_no_bytes_crash(body, chain):
    for start in (b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"\x50\x2a\x4d\x18"):
        try:
            found, _ = undo(start + body, chain, 10_000)
        except (BadCoding, BodyTooLarge):
            continue
        assert len(found) <= 10_000
