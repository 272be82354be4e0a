import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.packing import best_fit
from storage.errors import UserError

LENGTHS = st.lists(st.integers(0, 40), max_size=60)


@given(LENGTHS, st.integers(1, 17), st.integers(1, 20))
def test_cut_rows_are_full_and_use_each_token_once(lengths, row_length, pool_size):
    rows = best_fit(lengths, row_length, pool_size=pool_size)
    for row in rows:
        assert sum(piece.length for piece in row) == row_length
        assert all(piece.length > 0 for piece in row)
    used = Counter(
        (piece.document, piece.start + offset)
        for row in rows
        for piece in row
        for offset in range(piece.length)
    )
    assert all(count == 1 for count in used.values())
    assert all(offset < lengths[document] for document, offset in used)
    # Nothing but a tail shorter than a row is left out.
    assert sum(lengths) - len(used) == sum(lengths) % row_length


@given(st.lists(st.integers(0, 17), max_size=60), st.integers(1, 20))
def test_whole_documents_are_never_cut_nor_lost(lengths, pool_size):
    rows = best_fit(lengths, 17, cut=False, pool_size=pool_size)
    pieces = [piece for row in rows for piece in row]
    assert sorted((p.document, p.start, p.length) for p in pieces) == [
        (document, 0, length) for document, length in enumerate(lengths) if length
    ]
    assert all(sum(p.length for p in row) <= 17 for row in rows)
    # First-fit quality: two neighbouring rows never fit into one with the whole pool in sight.
    if pool_size >= len(lengths):
        sizes = [sum(p.length for p in row) for row in rows]
        assert all(a + b > 17 for a, b in itertools.pairwise(sizes))


def test_best_fit_fills_gaps_without_cuts_where_lengths_allow():
    rows = best_fit([6, 5, 4, 3, 2], 10)
    assert sorted(sorted(p.length for p in row) for row in rows) == [[2, 3, 5], [4, 6]]
    assert all(p.start == 0 for row in rows for p in row)


def test_a_gap_takes_the_end_of_the_longest():
    rows = best_fit([7, 6], 10)
    assert rows == [[(0, 0, 7), (1, 3, 3)]]


def test_a_document_longer_than_a_row_cannot_stay_whole():
    with pytest.raises(UserError, match="document 1 has 12 tokens"):
        best_fit([3, 12], 10, cut=False)
