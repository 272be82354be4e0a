"""95% intervals: Wilson's for shares, the bootstrap's for ratios over documents.

Wilson's never leaves [0, 1] and has a width at 0 and at n of n, where the usual one collapses.
"""

import math

import numpy as np

Z = 1.959963984540054  # the normal distribution's 97.5% point


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Low and high of a share's 95% interval; (0, 1) where nothing was measured."""
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    denominator = 1 + Z**2 / n
    middle = (share + Z**2 / (2 * n)) / denominator
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / denominator
    # At the ends rounding would leave a hair between the share and its own bound.
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return low, high


def bootstrap_ratio(
    numerators: np.ndarray, denominators: np.ndarray, samples: int, seed: int
) -> tuple[float, float]:
    """Low and high of sum(numerators) / sum(denominators), documents drawn with replacement."""
    n = len(numerators)
    if n == 0 or samples < 1:
        return math.nan, math.nan
    draws = np.random.default_rng(seed).integers(0, n, size=(samples, n))
    ratios = numerators[draws].sum(axis=1) / denominators[draws].sum(axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)
