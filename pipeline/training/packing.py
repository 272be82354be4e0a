"""Documents into rows by best fit: every position used (pretraining), or nothing cut (SFT).

In: the length of each document. Out: rows of pieces. A row repeatedly takes the longest
piece that still fits from a pool of the next documents; a gap that none fits is filled with the
*end* of the longest one, so that only as many tokens lose their context as the gap has. Order is
the caller's: shuffle documents before and rows after. Equal input gives equal rows.
"""

import array
import bisect
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from storage.errors import UserError

POOL = 1_000  # documents to choose from: more cut less, and cost more
# A piece as one number, `length << BITS | document`: it sorts by length, then by document.
BITS = 32
LOW = (1 << BITS) - 1


class PackedRows(NamedTuple):
    """Rows of pieces."""

    pieces: np.ndarray  # [pieces, 3] int64: document, start, length
    borders: np.ndarray  # [rows + 1] int64: where each row's pieces begin


def cut_rows(lengths: np.ndarray, row_length: int, pool_size: int = POOL) -> PackedRows:
    """Fill every row, each token of each document in exactly one row; documents may be cut.

    Only a tail shorter than one row is left out. Empty documents are in no row.

    Args:
        lengths: [documents] int64, tokens of each.
        row_length: tokens of a row.
        pool_size: documents to choose from.

    Raises:
        ValueError: row_length is less than 1.
    """
    if row_length < 1:
        raise ValueError("row_length must be at least 1")
    # Documents longer than a row are full rows and a rest: of each, one piece can be in the pool.
    full, rest = np.divmod(lengths, row_length)
    waiting = (rest << BITS | np.arange(len(rest))).tolist()
    fulls: list[int] = full.tolist()
    pool: list[int] = []  # sorted
    left = 0  # tokens in the pool
    taken = array.array("q")
    borders = array.array("q", [0])
    # How far the start of a row's last piece lies behind (before, if negative) its document's rest.
    shifts = array.array("q")
    at = 0  # the next document
    documents = len(waiting)
    while True:
        # A row can always be filled while the pool holds a row's worth of tokens.
        while at < documents and (len(pool) < pool_size or left < row_length):
            for back in range(fulls[at], 0, -1):
                taken.append(row_length << BITS | at)
                borders.append(len(taken))
                shifts.append(-back * row_length)
            piece = waiting[at]
            if piece > LOW:
                bisect.insort(pool, piece)
                left += piece >> BITS
            at += 1
        if left < row_length:
            break
        left -= row_length
        gap = row_length
        shift = 0
        while gap:
            position = bisect.bisect_left(pool, (gap + 1) << BITS) - 1
            if position >= 0:
                piece = pool.pop(position)
                gap -= piece >> BITS
            else:
                longest = pool.pop()
                shift = (longest >> BITS) - gap
                document = longest & LOW
                bisect.insort(pool, shift << BITS | document)
                piece = gap << BITS | document
                gap = 0
            taken.append(piece)
        borders.append(len(taken))
        shifts.append(shift)
    found = np.frombuffer(taken, np.int64) if taken else np.empty(0, np.int64)
    pieces = np.empty((len(found), 3), dtype=np.int64)
    pieces[:, 0] = found & LOW
    pieces[:, 2] = found >> BITS
    pieces[:, 1] = (full * row_length)[pieces[:, 0]]
    ends = np.array(borders, dtype=np.int64)
    pieces[ends[1:] - 1, 1] += np.array(shifts, dtype=np.int64)
    return PackedRows(pieces, ends)


def whole_rows(lengths: Sequence[int], row_length: int, pool_size: int = POOL) -> list[list[int]]:
    """Put documents into rows without cutting any, so that rows may end early.

    Empty documents are in no row.

    Args:
        lengths: tokens of each document.
        row_length: tokens of a row, at most.
        pool_size: documents to choose from.

    Returns:
        The documents of each row.

    Raises:
        UserError: a document is longer than a row.
        ValueError: row_length is less than 1.
    """
    if row_length < 1:
        raise ValueError("row_length must be at least 1")
    source = ((length, document) for document, length in enumerate(lengths) if length)
    pool: list[tuple[int, int]] = []
    rows: list[list[int]] = []
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
            return rows
        row: list[int] = []
        gap = row_length
        while (at := bisect.bisect_left(pool, (gap + 1, -1)) - 1) >= 0:
            length, document = pool.pop(at)
            row.append(document)
            gap -= length
        rows.append(row)
