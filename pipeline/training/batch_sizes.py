"""How many rows each batch has: the same all along, or few at first and more in equal steps up.

While the loss falls fast, small batches give as good a direction as large ones and cost less
(McCandlish et al., arXiv 1812.06162: the most efficient batch grows as the loss falls). Sizes are
multiples of the first, so that processes that can share that can share all. A size is a function of
the batch's number alone, and so is how many rows came before it: the data's cursor, exact wherever
a run resumes.
"""

import bisect
import dataclasses
from collections.abc import Callable

from pipeline.training.config import LoopConfig


@dataclasses.dataclass(frozen=True)
class BatchSizes:
    """Batches from number starts[i] on have rows[i] rows; the last size lasts for good."""

    starts: tuple[int, ...]  # rising, the first is 0
    rows: tuple[int, ...]

    @staticmethod
    def constant(rows: int) -> "BatchSizes":
        """All batches of one size."""
        return BatchSizes((0,), (rows,))

    @staticmethod
    def of(loop: LoopConfig) -> "BatchSizes":
        """As a loop's settings say."""
        rows, first = loop.rows_per_step, loop.first_rows
        if first == 0:
            return BatchSizes.constant(rows)
        rising = round(loop.ramp_fraction * loop.steps)
        sizes = rows // first
        starts = [-(-rising * below // (sizes - 1)) for below in range(sizes)] if sizes > 1 else [0]
        return BatchSizes(tuple(starts), tuple(first * (below + 1) for below in range(sizes)))

    def of_batch(self, number: int) -> int:
        """Rows of that batch."""
        return self.rows[bisect.bisect_right(self.starts, number) - 1]

    def before(self, number: int) -> int:
        """Rows of all earlier batches together."""
        ends = [*self.starts[1:], number]
        lengths = (max(0, min(end, number) - start) for start, end in zip(self.starts, ends))
        return sum(length * rows for length, rows in zip(lengths, self.rows))

    def map(self, part: Callable[[int], int]) -> "BatchSizes":
        """The sizes of a part of each batch.

        Args:
            part: from the rows of a batch to those of its part.
        """
        return BatchSizes(self.starts, tuple(map(part, self.rows)))

    def minus(self, other: "BatchSizes") -> "BatchSizes":
        """The sizes without a part of each batch, as `map` gives it."""
        rest = (rows - part for rows, part in zip(self.rows, other.rows, strict=True))
        return BatchSizes(self.starts, tuple(rest))


def as_sizes(rows: int | BatchSizes) -> BatchSizes:
    """Batch sizes as they are, or of a number of rows, which all batches then have."""
    return BatchSizes.constant(rows) if isinstance(rows, int) else rows


def seen_rows(loop: LoopConfig) -> int:
    """Rows of all batches of a run without rollbacks."""
    return BatchSizes.of(loop).before(loop.steps)


def mean_rows(loop: LoopConfig) -> float:
    """Rows of a batch of such a run on average, if it is long.

    A ramp has half of rows_per_step: its sizes first, 2 first, … rows_per_step - first are equally
    frequent.
    """
    ramps = 0 < loop.first_rows < loop.rows_per_step
    return loop.rows_per_step * (1.0 - loop.ramp_fraction / 2 if ramps else 1.0)
