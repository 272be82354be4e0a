"""Krippendorff's alpha of nominal values: how far raters agree beyond what chance would give.

alpha = 1 - D_o / D_e, observed over expected disagreement: 1 where all agree, 0 where they agree
as often as if each had drawn from all the values given. Any number of raters, each of whom may
have left out any item. Nominal values differ or don't: nothing is assumed of distances between
them, neither an order nor intervals.

Source: K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), part C ("nominal data,
any number of observers, missing data"); Content Analysis, 4th ed. (2018), ch. 12.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


def value_counts(items: Iterable[Sequence[str]]) -> Counts:
    """How often each value was given to each item.

    Args:
        items: the values that raters gave it; what is missing is left out.

    Returns:
        [items, values]; items with fewer than two values are left out, since nothing can be
        paired there.
    """
    paired = [list(values) for values in items if len(values) > 1]
    names = sorted({value for values in paired for value in values})
    columns = {name: column for column, name in enumerate(names)}
    counts = np.zeros((len(paired), len(names)), np.int64)
    for row, values in enumerate(paired):
        for value in values:
            counts[row, columns[value]] += 1
    return counts


def alpha(counts: Counts) -> float:
    """Alpha of `value_counts`; nan where no two values were given, which says nothing."""
    weights = np.ones((1, len(counts)), np.int64)
    return float(_alphas(counts, weights)[0])


def interval(counts: Counts, samples: int, seed: int) -> tuple[float, float]:
    """Low and high of alpha's 95% interval, by bootstrap over items.

    Draws in which only one value occurs have no alpha and are left out.

    Args:
        counts: of `value_counts`.
        samples: of the bootstrap.
        seed: of its draws.

    Returns:
        (nan, nan) where alpha has no value, or no draw has one.
    """
    if math.isnan(alpha(counts)):
        return math.nan, math.nan
    n = len(counts)
    # How often each item is drawn is all that matters of a draw.
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=samples)
    values = _alphas(counts, drawn)
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _alphas(counts: Counts, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Alpha for each row of weights, [draws, items]: how often each item counts."""
    raters = counts.sum(axis=1)
    # Ordered pairs of unlike values of an item, over the others that each value is paired with.
    unlike = (raters**2 - (counts**2).sum(axis=1)) / np.maximum(raters - 1, 1)
    observed = weights @ unlike
    totals = weights @ counts
    n = totals.sum(axis=1)
    expected = n**2 - (totals**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)
