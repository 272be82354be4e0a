"""Answers and events are the same wherever their bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.http_response import EventReader, ResponseReader

BODY = b"data: {}\r\n\r\n0\r\n\r\n"  # looks like an end of chunks, and is none


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if b > a]


def chunked(pieces: list[bytes], trailers: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nX: y\r\n\r\n"
    sized = (b"%X;some=thing\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return head + b"".join(sized) + b"0\r\n" + trailers + b"\r\n"


@given(
    st.lists(st.binary(max_size=40)),
    st.sampled_from([b"", b"Trailer: x\r\n"]),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_chunks(pieces: list[bytes], trailers: bytes, places: list[int]) -> None:
    reader = ResponseReader()
    body = b"".join(map(reader.feed, cut(chunked(pieces, trailers), places)))
    assert (body, reader.done, reader.closes) == (b"".join(pieces), True, False)
    assert reader.headers[b"x"] == b"y"


@given(st.binary(max_size=60), st.lists(st.integers(0, 10_000), max_size=12))
def test_told_length(said: bytes, places: list[int]) -> None:
    reader = ResponseReader()
    whole = b"HTTP/1.1 429 Too Many\r\ncontent-length: %d\r\n\r\n%s" % (len(said), said)
    *most, last = cut(whole, places)
    body = b"".join(map(reader.feed, most))
    assert not reader.done
    assert (body + reader.feed(last), reader.done, reader.status) == (said, True, 429)
    with pytest.raises(ValueError, match="behind the answer's end"):
        reader.feed(b"x")


def test_until_the_connection_ends() -> None:
    reader = ResponseReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\n" + BODY) == BODY
    assert (reader.closes, reader.done) == (True, False)
    reader.closed()
    assert reader.done


@pytest.mark.parametrize(
    "whole", [chunked([b"abc"]), b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx"]
)
def test_an_answer_that_is_cut_off_is_no_answer(whole: bytes) -> None:
    for length in range(len(whole)):
        reader = ResponseReader()
        if length:
            reader.feed(whole[:length])
        with pytest.raises(ValueError, match="in the middle"):
            reader.closed()


@pytest.mark.parametrize(
    "junk",
    [
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 ok\r\n\r\n",
        chunked([b"abc"]) + b"x",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx",
        b"x" * (1 << 17),
    ],
)
def test_what_is_no_answer_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"HTTP answer|behind the answer|a head of"):
        ResponseReader().feed(junk)


@given(
    st.lists(st.lists(st.sampled_from([b"a", b"{}", b" x", b"data:"]), min_size=1, max_size=3)),
    st.sampled_from([b"\n", b"\r\n"]),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_events(wanted: list[list[bytes]], end: bytes, places: list[int]) -> None:
    lines = []
    for number, event in enumerate(wanted):
        lines += [b": a comment", b"event: some", b"id: %d" % number]
        lines += [line for data in event for line in (b"data: " + data, b"retry: 1")]
        lines.append(b"")
    data = b"".join(line + end for line in lines)
    reader = EventReader()
    found = [event for piece in cut(data, places) for event in reader.feed(piece)]
    assert found == [b"\n".join(event) for event in wanted]


def test_an_event_is_nothing_before_its_empty_line() -> None:
    reader = EventReader()
    assert reader.feed(b"data:a\n") == []
    assert reader.feed(b"\n") == [b"a"]
    assert reader.feed(b"\n\n") == []
