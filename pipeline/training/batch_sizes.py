"""How many rows each batch has: the same all along, or few at first and more in equal steps up.

While the loss falls fast, small batches point as well downhill as large ones do and cost less
(McCandlish et al. 2018: the batch that pays grows as the loss falls). Sizes are multiples of the
first, so that processes which can share that can share all. A function of the batch's number
alone, and so is how many rows came before it: the data's cursor, exact wherever a run resumes.
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
        """The sizes of a part of each batch."""
        return BatchSizes(self.starts, tuple(map(part, self.rows)))

    def minus(self, other: "BatchSizes") -> "BatchSizes":
        """What such a part leaves."""
        rest = (rows - part for rows, part in zip(self.rows, other.rows, strict=True))
        return BatchSizes(self.starts, tuple(rest))


def as_sizes(rows: int | BatchSizes) -> BatchSizes:
    """A number of rows stands for batches of that size."""
    return BatchSizes.constant(rows) if isinstance(rows, int) else rows


def seen_rows(loop: LoopConfig) -> int:
    """Rows of all batches of a run that never has to go back."""
    return BatchSizes.of(loop).before(loop.steps)


def mean_rows(loop: LoopConfig) -> float:
    """Of a batch of such a run, if it is long: a ramp has half of rows_per_step on average.

    For first, 2 first, … rows_per_step - first, each equally long, do.
    """
    ramps = 0 < loop.first_rows < loop.rows_per_step
    return loop.rows_per_step * (1.0 - loop.ramp_fraction / 2 if ramps else 1.0)
