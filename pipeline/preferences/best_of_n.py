"""Best-of-n: of n answers the one that the proxy likes best.

As a way to optimise, the policy learns what the best of n answers of the *reference* is: the slope
of the best is 1, of the others 0. What it learns can then be no further from the reference than
best-of-n itself, whose KL is known.
"""

import math

import numpy as np


def best_of_n_kl(n: int) -> float:
    """KL(best-of-n || reference) in nats: ln n - (n - 1) / n.

    Exact where no two answers are the same and no two are worth the same; where they repeat, an
    upper bound (Beirami et al., arXiv 2401.01879).
    """
    return math.log(n) - (n - 1) / n


def best_slopes(rewards: np.ndarray) -> np.ndarray:
    """[prompts, answers] 1 for the best answer of each prompt, shared by those that are as good.

    Args:
        rewards: [prompts, answers].
    """
    best = rewards == rewards.max(axis=1, keepdims=True)
    found: np.ndarray = best / best.sum(axis=1, keepdims=True)
    return found
