"""Bounded gunzip."""

import gzip
import zlib

import pytest

from pipeline.inflate import InflatedTooLarge, gunzip


def test_all_members_and_no_more_than_allowed():
    data = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + bytes(5)
    assert gunzip(data, 7) == b"one two"
    with pytest.raises(InflatedTooLarge, match="more than 6 bytes"):
        gunzip(data, 6)
    assert gunzip(b"", 0) == b""


def test_a_bomb_is_not_unpacked():
    import tracemalloc

    bomb = gzip.compress(bytes(64 << 20))
    tracemalloc.start()
    with pytest.raises(InflatedTooLarge):
        gunzip(bomb, 1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize(
    "kept", [-1, 9]
)  # no bytes of gzip here: a test's name would tell the time
def test_torn_and_broken(kept):
    with pytest.raises(EOFError):
        gunzip(gzip.compress(b"x" * 99)[:kept], 100)
    with pytest.raises(zlib.error):
        gunzip(gzip.compress(b"x") + b"no gzip", 100)
