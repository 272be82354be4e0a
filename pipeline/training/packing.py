"""Documents into rows by best fit: every position used (pretraining), or nothing cut (SFT).

In: the length of each document. Out: rows of pieces. For pretraining a row repeatedly takes the
longest piece that still fits from a pool of the next documents; a gap that none fits is filled with
the *end* of the longest one, so that only as many tokens lose their context as the gap has. For SFT
a row takes the longest document of the pool, and of the others those that fill it best. Order is
the caller's: shuffle documents before and rows after. Equal input gives equal rows.
"""

import array
import bisect
import collections
from collections.abc import Mapping, Sequence
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
    """Put documents into rows without cutting any, so that a row may end early.

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
    pool: dict[int, collections.deque[int]] = {}  # documents by length, in the order they came
    held = 0
    rows: list[list[int]] = []
    while True:
        while held < pool_size:
            item = next(source, None)
            if item is None:
                break
            length, document = item
            if length > row_length:
                raise UserError(
                    f"document {document} has {length} tokens and can't be cut: "
                    f"leave it out or use rows of more than {row_length}"
                )
            pool.setdefault(length, collections.deque()).append(document)
            held += 1
        if not pool:
            return rows
        # The longest first: whatever is left can be put beside shorter ones.
        longest = max(pool)
        taken = [longest]
        counts = {length: len(documents) for length, documents in pool.items()}
        counts[longest] -= 1
        taken += fullest(counts, row_length - longest)
        row = []
        for length in taken:
            row.append(pool[length].popleft())
            if not pool[length]:
                del pool[length]
        rows.append(row)
        held -= len(row)


def fullest(counts: Mapping[int, int], gap: int) -> list[int]:
    """Lengths that fill a gap best: of all sums of them up to it, the largest.

    Of several ways, one with long pieces: the short ones fill later gaps.

    Args:
        counts: how many pieces there are of each length, which is above 0.
        gap: to fill.
    """
    # Bit s of `reach[k]` says whether some of the first k bundles sum to s. A bundle is 1, 2, 4, …
    # pieces of one length: together they make any number of them.
    reach, bundles = [1], list[tuple[int, int]]()
    within = (1 << (gap + 1)) - 1
    for length in sorted(counts, reverse=True):
        left, size = min(counts[length], gap // length), 1
        while left > 0 and not reach[-1] >> gap:
            pieces = min(size, left)
            bundles.append((length, pieces))
            reach.append((reach[-1] | reach[-1] << pieces * length) & within)
            left, size = left - pieces, 2 * size
    total = reach[-1].bit_length() - 1
    taken: list[int] = []
    for before, (length, pieces) in zip(reach[-2::-1], bundles[::-1]):
        if not before >> total & 1:
            taken += [length] * pieces
            total -= length * pieces
    return taken[::-1]
