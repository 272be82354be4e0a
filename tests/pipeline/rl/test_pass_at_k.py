"""The estimate against counting, its bias against the naive one, and its interval."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rl.pass_at_k import interval, pass_at_k, powers


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_it_is_the_share_of_draws_with_a_right_one(of):
    n, right = of
    answers = [place < right for place in range(n)]
    for k in range(1, n + 1):
        draws = list(itertools.combinations(answers, k))
        assert pass_at_k(n, right, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@given(st.integers(1, 300), st.data())
def test_many_answers_are_the_binomials_ratio(n, data):
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    expected = 1 - math.comb(n - right, k) / math.comb(n, k)
    assert pass_at_k(n, right, k) == pytest.approx(expected, abs=1e-12)


def test_it_has_no_bias_where_the_naive_one_has():
    """A prompt that is answered right one time in ten: pass@4 is 1 - 0.9^4."""
    dice = random.Random(0)
    counts = [sum(dice.random() < 0.1 for _ in range(8)) for _ in range(20_000)]
    found = sum(pass_at_k(8, right, 4) for right in counts) / len(counts)
    naive = sum(1 - (1 - right / 8) ** 4 for right in counts) / len(counts)
    assert found == pytest.approx(1 - 0.9**4, abs=0.005)
    assert naive < 1 - 0.9**4 - 0.02


@pytest.mark.parametrize(("n", "right", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 5), (4, 2, 0)])
def test_what_cant_be_is_refused(n, right, k):
    with pytest.raises(ValueError, match=f"pass@{k} of {right}"):
        pass_at_k(n, right, k)


def test_powers_end_with_all():
    assert [powers(n) for n in (1, 2, 3, 8, 12)] == [
        [1],
        [1, 2],
        [1, 2, 3],
        [1, 2, 4, 8],
        [1, 2, 4, 8, 12],
    ]


def test_the_interval_is_over_prompts():
    low, high = interval([0.0] * 50 + [1.0] * 50, 2000, seed=1)
    assert low == pytest.approx(0.402, abs=0.02)
    assert high == pytest.approx(0.598, abs=0.02)
    assert interval([0.5] * 9, 100, seed=1) == (0.5, 0.5)
    assert interval([0.0, 1.0, 1.0], 100, seed=1) == interval([0.0, 1.0, 1.0], 100, seed=1)
