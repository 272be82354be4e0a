"""How a row that must keep to a grammar comes to its end before its tokens run out.

In: where it stands and how many tokens it may still sample. Out: nothing while there is room, then
the tokens that complete what it has begun, one after another. So a poor model, which would write
one endless string, gives valid JSON all the same. A grammar whose shortest end isn't found (a
pattern that its likeliest bytes never meet) is left to end by the limit.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Bytes that lead out, the first before the next; where none of them may come, the longest token.
# A string is where both brackets may come: elsewhere in JSON never more than one of them closes.
BETWEEN_PARTS = b'}]",:1[{'
IN_STRINGS = b'"'
MOST_TOKENS = 128  # of a way that is looked for: each costs a mask
# Kept beside it, for one token may open what takes many to close: at least so many, as many as the
# whole takes that says least, and of a small budget no more than this share.
SPARE_TOKENS = 24
SPARE_SHARE = 0.4


class Followed(Protocol):
    """Where a row stands in a grammar."""

    @property
    def complete(self) -> bool: ...

    def allowed(self) -> Array | None: ...

    def accept(self, token: int) -> None: ...

    def copy(self) -> "Followed":
        """Another one that stands there."""


class Order:
    """Which of a vocabulary's tokens a way out takes first.

    Args:
        table: the bytes of each token.
        vocab_size: of the model, which may be more.
    """

    def __init__(self, table: list[bytes], vocab_size: int) -> None:
        self._between = _ranks(table, vocab_size, BETWEEN_PARTS)
        self._within = _ranks(table, vocab_size, IN_STRINGS)
        self._brackets = [id for id, text in enumerate(table) if text in (b"}", b"]")]

    def first(self, mask: Array) -> int:
        """The first of the tokens that may come."""
        ids = np.flatnonzero(mask)
        ranks = self._within if mask[self._brackets].sum() > 1 else self._between
        return int(ids[ranks[ids].argmin()])


def way_out(row: Followed, order: Order, most: int) -> list[int] | None:
    """Tokens that complete what a row has begun; the row goes along.

    Args:
        row: where it starts.
        order: of the vocabulary.
        most: tokens that it may have.

    Returns:
        None: there is none of so few tokens, or none was found.

    Raises:
        RuntimeError: following the grammar takes too much work.
    """
    tokens: list[int] = []
    while not row.complete:
        mask = row.allowed()
        if len(tokens) >= most or mask is None:
            return None
        tokens.append(order.first(mask))
        row.accept(tokens[-1])
    return tokens


class Deadline:
    """When one row must take its way out, and how far it is on it.

    Args:
        left: tokens that it may still sample, its stop token among them.
        order: of the vocabulary.
    """

    def __init__(self, left: int, order: Order) -> None:
        self._left, self._order = left, order
        self._spare = 0
        self._most_spare = int(left * SPARE_SHARE)
        self._look_at = left  # the way is looked for where no more are left
        self._way: list[int] | None = None

    def due(self, row: Followed) -> list[int] | None:
        """The token that must come next, none where it must stop; None: the row is free."""
        if self._way is None and self._left <= self._look_at:
            self._look(row)
        return None if self._way is None else self._way[:1]

    def accept(self) -> None:
        """The row has sampled a token: the one that was due, if one was."""
        self._left -= 1
        if self._way:
            del self._way[0]

    def _look(self, row: Followed) -> None:
        """Rather seldom: what a token adds to the way is little beside what is left."""
        way = way_out(row.copy(), self._order, min(MOST_TOKENS, self._left - 1))
        if way is None:
            self._look_at = self._left - max(8, self._left // 4)
            return
        if not self._spare:  # the first one, from the beginning
            self._spare = min(max(SPARE_TOKENS, len(way)), self._most_spare)
        room = self._left - 1 - len(way) - self._spare
        if room > 0:
            self._look_at = self._left - max(1, room // 4)
        else:
            self._way = way


def _ranks(table: list[bytes], vocab_size: int, preferred: bytes) -> Array:  # [vocab] int64
    longest = max(map(len, table), default=0)
    found = np.full(vocab_size, np.iinfo(np.int64).max)
    for id, text in enumerate(table[:vocab_size]):
        alone = preferred.find(text) if len(text) == 1 else -1
        found[id] = alone if alone >= 0 else len(preferred) + longest - len(text)
    return found
