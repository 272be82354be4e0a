"""The words that two texts share, and those that only one has."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.serve.pages import word_difference
from pipeline.serve.pages.word_difference import MOST_WORDS, changes, difference

TEXTS = st.lists(st.sampled_from(["a", "b", "c", " ", "\n", "!", "é"]), max_size=14).map("".join)


def plain_length(a: list[str], b: list[str]) -> int:
    """Of the longest common subsequence, by the textbook."""
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            best = max(lengths[i][j + 1], lengths[i + 1][j])
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if x == y else best
    return lengths[-1][-1]


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_it(left: str, right: str) -> None:
    runs, is_whole = difference(left, right)
    assert is_whole
    assert "".join(text for side, text in runs if side != "right") == left
    assert "".join(text for side, text in runs if side != "left") == right
    sides = [side for side, _ in runs]
    assert all(one != other for one, other in itertools.pairwise(sides))


@given(st.lists(st.sampled_from("abc"), max_size=10), st.lists(st.sampled_from("abc"), max_size=10))
def test_as_much_as_possible_is_shared(a: list[str], b: list[str]) -> None:
    steps = list(word_difference._steps(a, b))
    assert sum(side == "both" for side, _ in steps) == plain_length(a, b)


def test_a_change_is_a_run_of_words() -> None:
    runs, _ = difference("the old dog, barks", "the young dog barks")
    assert runs == [
        ("both", "the "),
        ("left", "old"),
        ("right", "young"),
        ("both", " dog"),
        ("left", ","),
        ("both", " barks"),
    ]


def test_changes_with_what_stays_around_them() -> None:
    runs, _ = difference("a b c d e f g h i j", "a b X d Y f g h i j k")
    assert changes(runs, 4) == [
        [
            ("both", "a b "),
            ("left", "c"),
            ("right", "X"),
            ("both", " d "),
            ("left", "e"),
            ("right", "Y"),
            ("both", " f g"),
        ],
        [("both", " i j"), ("right", " k")],
    ]
    assert changes(difference("one", "one")[0], 4) == []
    assert changes(difference("x", "")[0], 4) == [[("left", "x")]]


@given(TEXTS, TEXTS)
def test_no_change_is_left_out(left: str, right: str) -> None:
    runs, _ = difference(left, right)
    listed = [run for change in changes(runs, 1) for run in change if run.side != "both"]
    assert listed == [run for run in runs if run.side != "both"]


def test_what_is_too_long_is_cut_and_it_is_said() -> None:
    runs, is_whole = difference("x " * MOST_WORDS, "x y")
    assert not is_whole
    assert sum(len(run.text) for run in runs if run.side != "right") == MOST_WORDS
