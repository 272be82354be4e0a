"""How much of a text another one recites, by hand and by properties."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.serve.pages.recited_run import LEAST_RUN, compared

TOKENS = st.lists(st.integers(0, 5), max_size=40)


def test_by_hand() -> None:
    found = compared([1, 2, 9, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 8])
    assert found.exact == 2
    assert found.longest == (3, 4, 5, 6)
    assert (found.shared, found.expected) == (4, 7)  # the run of two is too short
    assert [tuple(part) for part in found.said_parts] == [
        ((1, 2, 9), False),
        ((3, 4, 5, 6), True),
        ((7,), False),
    ]
    assert [tuple(part) for part in found.expected_parts] == [
        ((1, 2), False),
        ((3, 4, 5, 6), True),
        ((8,), False),
    ]


def test_a_prefix_is_exact_as_far_as_it_goes() -> None:
    assert compared([1, 2], [1, 2, 3]).exact == 2
    assert compared([], [1]).share == 0
    assert compared([1], []).share == 0


@given(TOKENS, TOKENS)
def test_parts_are_the_texts(said: list[int], expected: list[int]) -> None:
    found = compared(said, expected)
    assert [t for part in found.said_parts for t in part.tokens] == said
    assert [t for part in found.expected_parts for t in part.tokens] == expected
    runs = [part.tokens for part in found.said_parts if part.is_shared]
    assert runs == [part.tokens for part in found.expected_parts if part.is_shared]
    assert all(len(run) >= LEAST_RUN for run in runs)
    assert found.shared == sum(map(len, runs))
    assert 0 <= found.share <= 1


@given(TOKENS)
def test_the_same_text_is_recited_whole(text: list[int]) -> None:
    found = compared(text, text)
    assert (found.exact, len(found.longest)) == (len(text), len(text))
    assert found.share == (1 if len(text) >= LEAST_RUN else 0)
