"""Best-of-n: which answers are learned, and how far the best of n is from one."""

import math

import numpy as np
import pytest

from pipeline.preferences.best_of_n import best_of_n_kl, best_slopes


def test_the_best_answers_of_a_prompt_share_one():
    rewards = np.array([[0.0, 2.0, 1.0], [3.0, 3.0, 1.0], [5.0, 5.0, 5.0]])
    assert best_slopes(rewards).tolist() == [[0, 1, 0], [0.5, 0.5, 0], [1 / 3] * 3]


@pytest.mark.parametrize("n", [1, 2, 4, 16])
def test_its_kl_is_that_of_the_best_of_many_answers_that_never_repeat(n):
    many = 20_000
    places = np.arange(1, many + 1) / many
    best = places**n - (places - 1 / many) ** n  # of equally likely answers, in order of reward
    kl = float((best * np.log(best * many)).sum())
    assert best_of_n_kl(n) == pytest.approx(kl, abs=1e-3)
    assert best_of_n_kl(1) == 0.0


def test_where_answers_repeat_it_is_an_upper_bound():
    shares = np.array([0.5, 0.3, 0.2])  # in order of reward
    n = 8
    upto = np.cumsum(shares)
    best = upto**n - (upto - shares) ** n
    kl = float((best * np.log(best / shares)).sum())
    assert kl < best_of_n_kl(n) - 0.1
    assert best_of_n_kl(n) == pytest.approx(math.log(n) - (n - 1) / n)
