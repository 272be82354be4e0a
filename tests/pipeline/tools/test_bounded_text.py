"""However much comes, what is kept has its bytes, its beginning and its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.tools.bounded_text import BoundedText, bounded


def test_a_short_text_is_kept_as_it_is() -> None:
    assert bounded("grün\n\tja", 256) == "grün\n\tja"
    assert bounded("x" * 256, 256) == "x" * 256


def test_the_middle_goes_and_is_said() -> None:
    text = bounded("a" * 1000 + "b" * 1000 + "c" * 1000, 300)
    head, note, tail = text.split("\n")
    assert head == "a" * 200
    assert note == "[… 2,700 bytes left out …]"
    assert tail == "c" * 100


@given(some.lists(some.binary(max_size=300), max_size=20), some.integers(30, 400))
def test_pieces_make_no_difference(pieces: list[bytes], limit: int) -> None:
    one, other = BoundedText(limit), BoundedText(limit)
    one.add(b"".join(pieces))
    for piece in pieces:
        other.add(piece)
    assert one.text == other.text
    assert one.total_bytes == sum(map(len, pieces))
    assert len(one.text.encode()) <= limit + 60


@given(some.text(alphabet="é漢a😀", min_size=200, max_size=400), some.integers(30, 100))
def test_no_character_is_cut_in_two(text: str, limit: int) -> None:
    kept = bounded(text, limit)
    head, _, tail = kept.split("\n")
    assert text.startswith(head)
    assert text.endswith(tail)


def test_memory_stays_small() -> None:
    kept = BoundedText(300)
    for _ in range(1000):
        kept.add(b"x" * 1000)
    assert len(kept._head) + len(kept._tail) < 2000


@pytest.mark.parametrize("character", ["\x1b", "\x00", "\x7f", "\x9b", "\r", "\x08"])
def test_nothing_steers_a_terminal(character: str) -> None:
    assert bounded(f"a{character}b", 256) == "ab"


def test_what_is_no_text_does_not_grow() -> None:
    kept = BoundedText(300)
    kept.add(b"\xff" * 300)
    assert kept.text == "?" * 300
    assert bounded("\ud800", 256) == "?"
