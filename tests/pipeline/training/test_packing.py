import bisect
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.packing import cut_rows, fullest, whole_rows
from storage.errors import UserError

LENGTHS = st.lists(st.integers(0, 40), max_size=60)


def rows_of(lengths: list[int], row_length: int, pool_size: int = 1000) -> list[list[tuple]]:
    packed = cut_rows(np.array(lengths, dtype=np.int64), row_length, pool_size)
    pieces = [tuple(piece) for piece in packed.pieces.tolist()]
    return [pieces[a:b] for a, b in itertools.pairwise(packed.borders.tolist())]


def as_said(lengths: list[int], row_length: int, pool_size: int) -> list[list[tuple]]:
    """The rule in the plainest words: rows of (document, start, length)."""
    source = [
        (document, start, min(row_length, length - start))
        for document, length in enumerate(lengths)
        for start in range(0, length, row_length)
    ]
    pool: list[tuple] = []  # (length, document, start)
    rows = []
    while True:
        while source and (len(pool) < pool_size or sum(p[0] for p in pool) < row_length):
            document, start, length = source.pop(0)
            if length == row_length:
                rows.append([(document, start, length)])
            else:
                bisect.insort(pool, (length, document, start))
        if sum(p[0] for p in pool) < row_length:
            return rows
        row, gap = [], row_length
        while gap:
            fitting = [piece for piece in pool if piece[0] <= gap]
            length, document, start = (fitting or pool)[-1]
            pool.remove((length, document, start))
            taken = min(length, gap)
            if taken < length:
                bisect.insort(pool, (length - taken, document, start))
            row.append((document, start + length - taken, taken))
            gap -= taken
        rows.append(row)


@given(LENGTHS, st.integers(1, 17), st.integers(1, 20))
def test_rows_are_those_of_the_rule(lengths, row_length, pool_size):
    assert rows_of(lengths, row_length, pool_size) == as_said(lengths, row_length, pool_size)


@given(LENGTHS, st.integers(1, 17), st.integers(1, 20))
def test_cut_rows_are_full_and_use_each_token_once(lengths, row_length, pool_size):
    rows = rows_of(lengths, row_length, pool_size)
    for row in rows:
        assert sum(length for _, _, length in row) == row_length
        assert all(length > 0 for _, _, length in row)
    used = Counter(
        (document, start + offset)
        for row in rows
        for document, start, length in row
        for offset in range(length)
    )
    assert all(count == 1 for count in used.values())
    assert all(offset < lengths[document] for document, offset in used)
    # Nothing but a tail shorter than a row is left out.
    assert sum(lengths) - len(used) == sum(lengths) % row_length


@given(st.lists(st.integers(0, 17), max_size=60), st.integers(1, 20))
def test_whole_documents_are_never_cut_nor_lost(lengths, pool_size):
    rows = whole_rows(lengths, 17, pool_size)
    documents = [document for row in rows for document in row]
    assert sorted(documents) == [document for document, length in enumerate(lengths) if length]
    sizes = [sum(lengths[document] for document in row) for row in rows]
    assert all(size <= 17 for size in sizes)
    # First-fit quality: two neighbouring rows never fit into one with the whole pool in sight.
    if pool_size >= len(lengths):
        assert all(a + b > 17 for a, b in itertools.pairwise(sizes))


@given(st.data(), st.integers(1, 50), st.integers(1, 30))
def test_whole_rows_hold_each_document_once_and_are_the_same_each_time(data, row_length, pool_size):
    lengths = data.draw(st.lists(st.integers(0, row_length), max_size=60))
    rows = whole_rows(lengths, row_length, pool_size)
    held = Counter(document for row in rows for document in row)
    assert held == {document: 1 for document, length in enumerate(lengths) if length}
    assert all(sum(lengths[document] for document in row) <= row_length for row in rows)
    assert whole_rows(tuple(lengths), row_length, pool_size) == rows
    # Of documents of one length the earlier is in the earlier row.
    for length in set(lengths):
        like = [document for row in rows for document in row if lengths[document] == length]
        assert like == sorted(like)


@pytest.mark.parametrize(
    ("pool_size", "rows"),
    [
        (1, [[0], [1], [2], [3]]),
        (2, [[0, 1], [2, 3]]),
        (3, [[0, 2], [3, 1]]),
        (4, [[0, 2], [3, 1]]),
    ],
)
def test_a_row_takes_of_the_pool_alone(pool_size: int, rows: list[list[int]]) -> None:
    """Lengths 6, 3, 4, 4: the longest is first; of equal ones the earlier document is taken."""
    assert whole_rows([6, 3, 4, 4], 10, pool_size) == rows


@given(st.dictionaries(st.integers(1, 12), st.integers(1, 4), max_size=4), st.integers(0, 40))
def test_a_gap_is_filled_as_well_as_any_choice_could(counts, gap):
    taken = fullest(counts, gap)
    assert all(Counter(taken)[length] <= counts.get(length, 0) for length in taken)
    choices = itertools.product(*(range(count + 1) for count in counts.values()))
    sums = {sum(n * length for n, length in zip(choice, counts)) for choice in choices}
    assert sum(taken) == max(total for total in sums if total <= gap)


def test_rows_of_conversations_are_full():
    """Lengths as short conversations have them, which best fit alone puts into 96% full rows."""
    lengths = (22 + np.random.default_rng(0).gamma(1.2, 18.0, 4_000)).astype(int).clip(22, 180)
    rows = whole_rows(lengths.tolist(), 193)
    assert lengths.sum() / (193 * len(rows)) > 0.99


def test_best_fit_fills_gaps_without_cuts_where_lengths_allow():
    rows = rows_of([6, 5, 4, 3, 2], 10)
    assert sorted(sorted(length for _, _, length in row) for row in rows) == [[2, 3, 5], [4, 6]]
    assert all(start == 0 for row in rows for _, start, _ in row)


def test_a_gap_takes_the_end_of_the_longest():
    assert rows_of([7, 6], 10) == [[(0, 0, 7), (1, 3, 3)]]


def test_a_document_longer_than_a_row_is_full_rows_and_a_rest():
    assert rows_of([25, 5], 10) == [[(0, 0, 10)], [(0, 10, 10)], [(1, 0, 5), (0, 20, 5)]]


def test_a_document_longer_than_a_row_cannot_stay_whole():
    with pytest.raises(UserError, match="document 1 has 12 tokens"):
        whole_rows([3, 12], 10)


@pytest.mark.parametrize("pack", [whole_rows, lambda lengths, n: cut_rows(np.array(lengths), n)])
def test_rows_of_no_tokens_are_a_mistake(pack):
    with pytest.raises(ValueError, match="at least 1"):
        pack([3], 0)
