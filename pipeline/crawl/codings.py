"""Undoes the codings of an HTTP body: chunks, gzip, deflate, Brotli and Zstandard.

Archives store bodies as they were sent, or decoded under headers that say otherwise, and cut them
anywhere: so the bytes decide whether a coding is still there and which it is, and a body that was
cut gives what there is of it. The end of a stream is not the end of the body: more gzip members and
Zstandard frames may follow; other bytes after it are reported. A wrong checksum is reported, too;
browsers never look at it. Output never grows far beyond `max_bytes`.
"""

import codecs
import contextlib
import re
import zlib
from collections.abc import Callable

from pipeline.crawl.zstandard import WEB_WINDOW_LOG, ZstdError, zstd_stream

# RFC 9112, section 7.1: a size in hex, perhaps padded, perhaps with extensions
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
# The same without its end, where a body was cut; before it the end of the chunk before.
CUT_SIZE = re.compile(rb"\r?\n?(?:[ \t]*[0-9A-Fa-f]{1,12}[ \t]*(?:;[^\n]{0,1000})?)?\r?\Z")
# A chunked body's end: trailers, each a header, and an empty line
TRAILERS = re.compile(rb"(?:[!-9;-~]{1,100}:[^\n]{0,4000}\r?\n){0,50}\s*\Z")
LINE_ENDS = re.compile(rb"(?:\r?\n){0,4}")  # that servers and archives put before a body
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # a Zstandard frame that holds no content
PIECE_BYTES = 64 * 1024  # of what one call may inflate to
# zlib's errors for a stream of which only the trailer is wrong; bytes of gzip's then unread
WRONG_TRAILERS = {"incorrect data check": 4, "incorrect length check": 0}
BLOCK_BYTES = 4096  # given to a decompressor at once where all its output is wanted
MAX_CODINGS = 8  # one on another; a page has one, by mistake two
# What servers write when they mean no coding, charsets among them.
NO_CODINGS = ("", "identity", "none", "utf-8", "utf8", "binary", "8bit", "7bit", "iso-8859-1")
MAX_HIGH_SHARE = 0.3  # of bytes beyond ASCII, in text of a charset for Latin letters
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


class BadCoding(Exception):
    """A body that is neither in its coding nor plain text."""


class BodyTooLarge(Exception):
    """A body that inflates to more than a page may have; the argument is its size so far."""


# The decoded body, and a note if something was wrong with it, else "".
Undone = tuple[bytes, str]


def join_chunks(body: bytes) -> Undone:
    """Undo chunked transfer coding; a body that does not begin with a chunk is returned as is."""
    match = CHUNK_SIZE.match(body, _line_ends(body))
    if match is None:
        return body, ""
    pieces: list[bytes] = []
    while match is not None:
        size = int(match.group(1), 16)
        start = match.end()
        if size == 0:
            rest = body[start:]
            note = "" if TRAILERS.match(rest) else f"chunks: {len(rest)} bytes after the last"
            return b"".join(pieces), note
        pieces.append(body[start : start + size])
        position = start + size
        if position >= len(body):
            break
        if CUT_SIZE.match(body, position):
            break
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
        match = CHUNK_SIZE.match(body, position)
        if match is None and len(pieces) == 1:
            return body, ""  # the first line only looked like a chunk's size
    joined = b"".join(pieces)
    if match is None:
        raise BadCoding(f"after {len(joined)} bytes")
    return joined, "chunks: cut short"


def join_unsaid_chunks(body: bytes) -> bytes:
    """The same for a body whose headers don't say so: only if it is chunked to its last chunk."""
    for _ in range(MAX_CODINGS):
        if CHUNK_SIZE.match(body) is None:
            break
        try:
            joined, note = join_chunks(body)
        except BadCoding:
            break
        if joined is body or note:
            break
        body = joined
    return body


def undo(body: bytes, codings: list[str], max_bytes: int) -> tuple[bytes, list[str]]:
    """Undo content codings.

    Args:
        body: as it was stored.
        codings: in the order in which they were applied.
        max_bytes: the most that it may inflate to.

    Returns:
        The decoded body, and notes of what was wrong with it.

    Raises:
        BadCoding: the body is not in these codings.
        TooLarge: it inflates to more than `max_bytes`.
    """
    codings = [coding for coding in codings if coding not in NO_CODINGS and "/" not in coding]
    if len(codings) > MAX_CODINGS:
        raise BadCoding(f"{len(codings)} codings one on another")
    notes = []
    for coding in reversed(codings):
        if coding not in CODINGS:
            if not is_text(body):
                raise BadCoding(f"unknown coding {coding[:40]!r}")
            continue
        coding = _of_bytes(body) or coding
        body, note = CODINGS[coding](body, max_bytes)
        if note:
            notes.append(f"{coding}: {note}")
    return body, notes


def undo_unsaid(body: bytes, max_bytes: int) -> tuple[bytes, list[str]]:
    """Undo gzip as often as the bytes are gzip, whatever the headers said."""
    notes: list[str] = []
    for _ in range(MAX_CODINGS):
        start = _line_ends(body)
        if body[start : start + 3] != GZIP + b"\x08":
            break
        body, told = undo(body[start:], ["gzip"], max_bytes)
        notes += told
    return body, notes


def _of_bytes(body: bytes) -> str:
    """The coding that the first bytes of a body show; "" if only the headers can tell."""
    if body[:3] == GZIP + b"\x08":
        return "gzip"
    return "zstd" if body[:4] == ZSTD else ""


def _line_ends(body: bytes) -> int:
    match = LINE_ENDS.match(body)
    return match.end() if match else 0


def is_text(body: bytes) -> bool:
    """Whether a body is decoded already: it begins as markup, or is all text."""
    for mark in BYTE_ORDER_MARKS:
        body = body.removeprefix(mark)
    start = body[:512]
    if start.lstrip(b" \t\r\n\f\0")[:1] == b"<":
        return True
    if b"\0" in start or CONTROLS.search(start):
        return False
    if len(start.translate(None, bytes(range(128)))) <= MAX_HIGH_SHARE * len(start):
        return True
    try:
        codecs.utf_8_decode(start, "strict", False)
    except UnicodeDecodeError:
        return False
    return True


def ungzip(body: bytes, max_bytes: int) -> Undone:
    """All members of a gzip body."""
    pieces: list[bytes] = []
    rest, size, note = body, 0, ""
    while rest[:2] == GZIP:
        piece, after, problem = _inflated(rest, zlib.MAX_WBITS | 16, max_bytes + 1 - size)
        if problem and not piece:
            raise BadCoding(f"gzip member {len(pieces) + 1}: {problem}")
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise BodyTooLarge(size)
        if after is None:
            return b"".join(pieces), "cut short"
        rest, note = after, note or problem
    if body and GZIP.startswith(body):
        return b"", "cut short"
    if not pieces:
        return _misnamed(body, max_bytes)
    return b"".join(pieces), note or _left(rest)


def _misnamed(body: bytes, max_bytes: int) -> Undone:
    """Decode a body that is called gzip and is not: it is plain, or in another coding."""
    if not is_text(body):
        for other in (undeflate, unbrotli):
            try:
                page, note = other(body, max_bytes)
            except BadCoding:
                continue
            if page and is_text(page):
                return page, note
    return body, ""


def _inflated(data: bytes, window_bits: int, most: int) -> tuple[bytes, bytes | None, str]:
    """The inflated stream, the bytes after it (None: it was cut), and what is wrong with it.

    Nothing is given of a stream that breaks, but all of one that ends where it should with another
    checksum or length than it says.
    """
    inflater = zlib.decompressobj(window_bits)
    try:
        page = inflater.decompress(data, most)
    except zlib.error as error:
        problem = str(error).partition(": ")[2] or str(error)
        if problem not in WRONG_TRAILERS:
            return b"", b"", problem
        page, end = _until_broken(data, window_bits, most)
        after = data[end + WRONG_TRAILERS[problem] * (window_bits > zlib.MAX_WBITS) :]
        if _left(after) and not after.startswith(GZIP):
            return b"", b"", problem
        return page, after, problem
    return page, inflater.unused_data if inflater.eof else None, ""


def _until_broken(data: bytes, window_bits: int, most: int) -> tuple[bytes, int]:
    """All that a stream inflates to before an error, and the error's position."""
    inflater = zlib.decompressobj(window_bits)
    page, at = b"", 0
    with contextlib.suppress(zlib.error):
        while at < len(data) and len(page) < most:
            block, before = data[at : at + BLOCK_BYTES], inflater.copy()
            try:
                page += inflater.decompress(block, most)
            except zlib.error:  # the library drops this call's output: once more, byte by byte
                for byte in block:
                    at += 1
                    page += before.decompress(bytes([byte]), most)
            at += BLOCK_BYTES
    return page, at


def undeflate(body: bytes, max_bytes: int) -> Undone:
    """Undo deflate: by the standard a zlib stream, in practice also a bare deflate stream."""
    header = int.from_bytes(body[:2], "big")
    is_zlib = len(body) > 1 and body[0] & 0x8F == 8 and header % 31 == 0
    if not is_zlib and is_text(body):
        return body, ""
    problem = ""
    for window_bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS) if is_zlib else (-zlib.MAX_WBITS,):
        page, after, wrong = _inflated(body, window_bits, max_bytes + 1)
        if wrong and not page:
            problem = problem or f"deflate: {wrong}"
            continue
        if len(page) > max_bytes:
            raise BodyTooLarge(len(page))
        return page, wrong or ("cut short" if after is None else _left(after))
    raise BadCoding(problem)


def unbrotli(body: bytes, max_bytes: int) -> Undone:
    """Undo Brotli, whose streams have no magic number: a body that is text is decoded already."""
    if is_text(body) and body.lstrip()[:1] == b"<":
        return body, ""
    pieces, position, problem = _brotli(body, max_bytes, len(body))
    if problem:
        # The library reports bytes after the end as an error as well, without the position of the
        # end: once more, and near the error byte by byte.
        pieces, position, problem = _brotli(body, max_bytes, position - BLOCK_BYTES)
    if (problem or position < 0) and not any(pieces) and is_text(body):
        return body, ""
    if problem:
        raise BadCoding(f"br: {problem}")
    if position < 0:
        return b"".join(pieces), "cut short"
    return b"".join(pieces), _left(body[position:])


def _brotli(body: bytes, max_bytes: int, slow_from: int) -> tuple[list[bytes], int, str]:
    """The pieces, the position of the end (-1: not in the body) or of the error, and its reason."""
    import brotli

    decompressor = brotli.Decompressor()
    pieces: list[bytes] = []
    size = position = 0
    while not decompressor.is_finished():
        data = b""
        # After a full piece there is more output, although the library asks for data.
        if decompressor.can_accept_more_data() and not (pieces and len(pieces[-1]) >= PIECE_BYTES):
            data = body[position : position + (1 if position >= slow_from else BLOCK_BYTES)]
            position += len(data)
            if not data:
                return pieces, -1, ""
        try:
            pieces.append(decompressor.process(data, output_buffer_limit=PIECE_BYTES))
        except brotli.error as error:
            return pieces, position, str(error)
        size += len(pieces[-1])
        if size > max_bytes:
            raise BodyTooLarge(size)
    return pieces, position, ""


def unzstd(body: bytes, max_bytes: int) -> Undone:
    """Undo all frames of a Zstandard body, with windows as large as RFC 9659 allows."""
    pieces: list[bytes] = []
    rest, size = body, 0
    while rest[:4] == ZSTD or SKIPPABLE.match(rest):
        stream = zstd_stream(WEB_WINDOW_LOG)
        data = rest
        while not stream.eof and (data or not stream.needs_input):
            try:
                piece = stream.decompress(data, max_bytes + 1 - size)
            except ZstdError as error:
                raise BadCoding(f"zstd: {error}") from error
            pieces.append(piece)
            size += len(piece)
            if size > max_bytes:
                raise BodyTooLarge(size)
            data = b""
        if not stream.eof:
            return b"".join(pieces), "cut short"
        rest = stream.unused_data
    if rest is body:
        if body and ZSTD.startswith(body):
            return b"", "cut short"
        if not is_text(body):
            raise BadCoding("zstd: not in this format")
        return body, ""
    return b"".join(pieces), _left(rest)


def _left(rest: bytes) -> str:
    """A note on bytes after a stream's end; "" if there are none but zeros."""
    rest = rest.strip(b"\0\r\n")
    return f"{len(rest)} bytes after its end" if rest else ""


CODINGS: dict[str, Callable[[bytes, int], Undone]] = {
    "gzip": ungzip,
    "x-gzip": ungzip,
    "deflate": undeflate,
    "br": unbrotli,
    "zstd": unzstd,
}
