"""Documents in pieces: nothing lost, nothing too long, cut where people would."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tools.search_passages import cut

TEXTS = st.text(st.sampled_from("ab é́.!?。」\n\t \u3000猫東ที")) | st.text()


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 30))
def test_all_that_is_no_white_space_is_in_one_passage(text: str, most: int) -> None:
    end = 0
    for passage in cut(text, most):
        assert 0 < len(passage.text) <= most
        assert passage.text == passage.text.strip()
        assert text[passage.start :].startswith(passage.text)
        assert not text[end : passage.start].strip()
        end = passage.start + len(passage.text)
    assert not text[end:].strip()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (" \n\u3000\t", []),
        ("One. Two.", ["One. Two."]),
        # a paragraph's end is worth more than a sentence's that lies nearer to the middle
        ("Aaa aaa aa.\nBbb bbb. Ccc ccc ccc.", ["Aaa aaa aa.", "Bbb bbb. Ccc ccc ccc."]),
        ("Aa aaaa aaa. Bb 3.14 bbbbb bb.", ["Aa aaaa aaa.", "Bb 3.14 bbbbb bb."]),
        ("He said “Go!” Then he went away.", ["He said “Go!”", "Then he went away."]),
        ("猫が好きです。東京に住んでいます。毎日歩く。公園へ行く。", None),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ["a" * 15, "a" * 15]),
        ("e\u0301" * 15, ["e\u0301" * 7, "e\u0301" * 8]),
    ],
)
def test_where_it_is_cut(text: str, pieces: list[str] | None) -> None:
    found = [passage.text for passage in cut(text, 23)]
    if pieces is None:
        pieces = ["猫が好きです。東京に住んでいます。", "毎日歩く。公園へ行く。"]
    assert found == pieces


def test_pieces_are_about_equally_long() -> None:
    lengths = [len(passage.text) for passage in cut("Nine char. " * 53, 100)]
    assert min(lengths) > 50
    assert len(lengths) <= 7


def test_a_long_document_takes_no_square_of_its_length() -> None:
    """The rest isn't copied for each passage."""
    text = "word and word. " * 20_000 + "End."
    tracemalloc.start()
    assert sum(1 for _ in cut(text, 500)) > 599
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < len(text) / 2
