"""Documents into rows by best fit: every position used (pretraining), or nothing cut (SFT).

In goes the length of each document, out come rows of pieces. A row repeatedly takes the longest
piece that still fits from a pool of the next documents; a gap that none fits is filled with the
*end* of the longest one, so that only as many tokens lose their context as the gap has. Order is
the caller's: shuffle documents before and rows after. Equal input gives equal rows.
"""

import bisect
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from storage.errors import UserError


class Piece(NamedTuple):
    """Tokens start .. start + length of a document, given by its index."""

    document: int
    start: int
    length: int


def best_fit(
    lengths: Sequence[int], row_length: int, *, cut: bool = True, pool_size: int = 1000
) -> list[list[Piece]]:
    """Rows of pieces, each row at most `row_length` tokens.

    With `cut` every row is full, each token of each document stands in exactly one row, and only a
    tail shorter than one row is left out. Without it documents stay whole, rows may end early, and
    a document longer than a row is a UserError. Empty documents take no place.
    """
    return list(iterate_rows(lengths, row_length, cut=cut, pool_size=pool_size))


def iterate_rows(
    lengths: Sequence[int], row_length: int, *, cut: bool = True, pool_size: int = 1000
) -> Iterator[list[Piece]]:
    """`best_fit` one row at a time, for corpora whose pieces should not all be objects at once."""
    if row_length < 1:
        raise ValueError("row_length must be at least 1")
    rows = _cut_rows if cut else _whole_rows
    return rows(lengths, row_length, pool_size)


def _cut_rows(lengths: Sequence[int], row_length: int, pool_size: int) -> Iterator[list[Piece]]:
    source = _pieces(lengths, row_length)
    pool: list[tuple[int, int, int]] = []  # (length, document, start), sorted
    left = 0  # tokens in the pool
    exhausted = False
    while True:
        # A row can always be filled while the pool holds a row's worth of tokens.
        while not exhausted and (len(pool) < pool_size or left < row_length):
            piece = next(source, None)
            if piece is None:
                exhausted = True
            elif piece.length == row_length:
                yield [piece]
            else:
                bisect.insort(pool, (piece.length, piece.document, piece.start))
                left += piece.length
        if left < row_length:
            return
        left -= row_length
        row: list[Piece] = []
        gap = row_length
        while gap:
            at = bisect.bisect_left(pool, (gap + 1, -1, -1)) - 1
            if at >= 0:
                length, document, start = pool.pop(at)
                row.append(Piece(document, start, length))
                gap -= length
            else:
                length, document, start = pool.pop()
                bisect.insort(pool, (length - gap, document, start))
                row.append(Piece(document, start + length - gap, gap))
                gap = 0
        yield row


def _whole_rows(lengths: Sequence[int], row_length: int, pool_size: int) -> Iterator[list[Piece]]:
    source = ((length, document) for document, length in enumerate(lengths) if length)
    pool: list[tuple[int, int]] = []
    while True:
        while len(pool) < pool_size:
            item = next(source, None)
            if item is None:
                break
            if item[0] > row_length:
                raise UserError(
                    f"document {item[1]} has {item[0]} tokens and can't be cut: "
                    f"leave it out or use rows of more than {row_length}"
                )
            bisect.insort(pool, item)
        if not pool:
            return
        row: list[Piece] = []
        gap = row_length
        while (at := bisect.bisect_left(pool, (gap + 1, -1)) - 1) >= 0:
            length, document = pool.pop(at)
            row.append(Piece(document, 0, length))
            gap -= length
        yield row


def _pieces(lengths: Sequence[int], row_length: int) -> Iterator[Piece]:
    """Documents longer than a row as full rows and a rest."""
    for document, length in enumerate(lengths):
        for start in range(0, length, row_length):
            yield Piece(document, start, min(row_length, length - start))
