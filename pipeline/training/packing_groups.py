"""Which tokens are packed together: an epoch's rows fall into groups of some 268 million tokens.

A corpus is cut into blocks of a million tokens; an epoch draws an order of them, and every
`rows_per_group` rows' worth of tokens of that order is a group. So a row's group follows from its
number, no token is left over at a group's end (the block there continues in the next group), and a
group can be packed without looking at the others: what is held and read before the first step does
not grow with the corpus. A group has blocks from all parts of the corpus, evenly: languages and
crawls are in files of their own. A corpus that fits into one group is packed whole.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


@dataclasses.dataclass(frozen=True)
class GroupLimits:
    """How large a group may be. Other limits give other rows: these belong to the stage's version.

    Measured: packing takes 1.3 to 2.5 s and 0.2 GB for each million documents.
    """

    tokens: int = 1 << 28  # 512 steps of the largest preset's half a million tokens
    documents: int = 1 << 20  # on average: where documents are short, a group has fewer tokens
    block_tokens: int = 1 << 20  # at its ends documents are cut: one row in 500 of 2,000 tokens


class Range(NamedTuple):
    """A run of tokens of a shard."""

    shard: int
    begin: int
    end: int


class Groups:
    """The groups of all epochs of a split.

    Args:
        sizes: tokens of each shard.
        documents: in all shards.
        row_length: tokens of a row.
        seed: of the order.
        limits: of a group.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        documents: int,
        row_length: int,
        seed: int,
        limits: GroupLimits = GroupLimits(),
    ) -> None:
        tokens = sum(sizes)
        self.row_length = row_length
        self.seed = seed
        self.rows_per_epoch = tokens // row_length
        most = min(limits.tokens, limits.documents * tokens // max(1, documents))
        self.count = max(1, -(-self.rows_per_epoch // max(1, most // row_length)))
        self.rows_per_group = -(-self.rows_per_epoch // self.count)  # the last may have fewer
        self._blocks = np.array(
            [
                (shard, begin, min(begin + limits.block_tokens, size))
                for shard, size in enumerate(sizes)
                for begin in range(0, size, limits.block_tokens)
            ],
            dtype=np.int64,
        ).reshape(-1, 3)
        # A batch may straddle two epochs.
        self._ordered = functools.lru_cache(maxsize=2)(self._order)

    def position(self, row: int) -> tuple[int, int, int]:
        """Where a row is.

        Args:
            row: its number, counted over all epochs.

        Returns:
            Its epoch, its group, and its number in the group.
        """
        epoch, row = divmod(row, self.rows_per_epoch)
        return epoch, *divmod(row, self.rows_per_group)

    def generator(self, epoch: int, group: int) -> np.random.Generator:
        """The random generator of a group. (Group 0's is numpy's for [seed, epoch].)"""
        return np.random.default_rng([self.seed, epoch, group])

    def ranges(self, epoch: int, group: int) -> list[Range]:
        """The tokens of a group, in the corpus's order, neighbours joined."""
        blocks, ends = self._ordered(epoch)
        begin = group * self.rows_per_group * self.row_length
        last = group + 1 == self.count  # the epoch's rest, less than a row, goes with it
        end = int(ends[-1]) if last else begin + self.rows_per_group * self.row_length
        chosen = slice(np.searchsorted(ends, begin, "right"), np.searchsorted(ends, end) + 1)
        held = blocks[chosen].copy()
        held[-1, 2] -= ends[chosen][-1] - end
        held[0, 1] += begin - (ends[chosen][0] - (blocks[chosen][0, 2] - blocks[chosen][0, 1]))
        joined: list[Range] = []
        for shard, first, stop in sorted(held.tolist()):
            if joined and joined[-1].shard == shard and joined[-1].end == first:
                joined[-1] = Range(shard, joined[-1].begin, stop)
            else:
                joined.append(Range(shard, first, stop))
        return joined

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """An epoch's order of blocks; of as many neighbours as there are groups, each gets one.

        Returns:
            [blocks, 3] int64 (shard, begin, end), and [blocks] where in the epoch's tokens each
            ends.
        """
        count = len(self._blocks)
        table = np.full((-(-count // self.count), self.count), -1)
        table.flat[:count] = np.arange(count)
        # The groups' own numbers end before `count`: this is another stream.
        order = self.generator(epoch, self.count).permuted(table, axis=1).T.ravel()
        blocks = self._blocks[order[order >= 0]]
        return blocks, np.cumsum(blocks[:, 2] - blocks[:, 1])
