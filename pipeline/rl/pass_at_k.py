"""pass@k: the chance that at least one of k sampled answers is right, from n of them.

Taking k of the n that there are is the estimate without bias, 1 - C(n - c, k) / C(n, k) with c
right ones (Chen et al. 2021, arXiv 2107.03374); 1 - (1 - c / n)^k is too low.
"""

from collections.abc import Sequence

import numpy as np


def pass_at_k(n: int, right: int, k: int) -> float:
    """The estimate for one prompt.

    Args:
        n: answers.
        right: of those.
        k: at most n.

    Raises:
        ValueError: there are not so many answers.
    """
    if not (0 <= right <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {right} right ones among {n} answers")
    wrong = n - right
    if wrong < k:
        return 1.0
    missed = 1.0  # C(wrong, k) / C(n, k), a factor for each right answer
    for place in range(wrong + 1, n + 1):
        missed *= 1.0 - k / place
    return 1.0 - missed


def powers(n: int) -> list[int]:
    """1, 2, 4, … and n itself."""
    found = [1 << power for power in range(n.bit_length()) if 1 << power < n]
    return [*found, n]


def interval(values: Sequence[float], samples: int, seed: int) -> tuple[float, float]:
    """95% of the mean over prompts, by bootstrap: prompts drawn with replacement.

    Args:
        values: of each prompt.
        samples: of the bootstrap.
        seed: of the draws.
    """
    each = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, len(each), size=(samples, len(each)))
    low, high = np.percentile(each[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
