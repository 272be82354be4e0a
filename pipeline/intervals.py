"""95% intervals: Wilson's for shares, the bootstrap's for ratios over documents.

Wilson's never leaves [0, 1] and has a width at 0 and at n of n, where the usual one collapses.
Student's t is for means of few values.
"""

import math

import numpy as np

Z = 1.959963984540054  # the normal distribution's 97.5% point

# Student's 97.5% points for 1, 2, … degrees of freedom
STUDENT_T = (
    *(12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004),
    *(2.262157, 2.228139, 2.200985, 2.178813),
)


def student_t(degrees: int) -> float:
    """The 97.5% point of Student's t; ValueError below one degree of freedom.

    Beyond the table the expansion around the normal's (Abramowitz and Stegun, 26.7.5), which is
    right to five digits there.
    """
    if degrees < 1:
        raise ValueError(f"{degrees} degrees of freedom: Student's t needs at least 1")
    if degrees <= len(STUDENT_T):
        return STUDENT_T[degrees - 1]
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
    )
    return Z + sum(term / degrees ** (k + 1) for k, term in enumerate(terms))


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
