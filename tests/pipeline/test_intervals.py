"""Intervals: known values, bounds, and that they shrink with n."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.intervals import Z, bootstrap_ratio, student_t, wilson


@pytest.mark.parametrize(("successes", "n"), [(8, 10), (47, 60), (1, 200), (199, 200)])
def test_wilson_bounds_solve_their_equation(successes, n):
    # the shares p from which the measured one lies exactly Z standard errors away
    for p in wilson(successes, n):
        assert abs(successes / n - p) == pytest.approx(Z * math.sqrt(p * (1 - p) / n))


def test_wilson_at_the_ends():
    # there the equation has the closed forms Z^2 / (n + Z^2) and n / (n + Z^2)
    assert wilson(0, 10) == (0.0, pytest.approx(Z**2 / (10 + Z**2)))
    assert wilson(10, 10) == (pytest.approx(10 / (10 + Z**2)), 1.0)


def test_nothing_measured_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_shrinks(pair):
    successes, n = pair
    low, high = wilson(successes, n)
    assert 0.0 <= low <= successes / n <= high <= 1.0
    more_low, more_high = wilson(successes * 4, n * 4)
    assert more_high - more_low < high - low


def test_bootstrap_holds_the_ratio_and_is_the_same_each_time():
    generator = np.random.default_rng(0)
    sizes = generator.integers(50, 500, 80).astype(float)
    bits = sizes * generator.normal(1.2, 0.1, 80)
    low, high = bootstrap_ratio(bits, sizes, 500, 3)
    assert low < bits.sum() / sizes.sum() < high
    assert high - low < 0.1
    assert bootstrap_ratio(bits, sizes, 500, 3) == (low, high)
    assert bootstrap_ratio(bits, sizes, 500, 4) != (low, high)
    assert all(map(math.isnan, bootstrap_ratio(bits[:0], sizes[:0], 500, 3)))


def test_equal_documents_have_no_width():
    assert bootstrap_ratio(np.full(9, 3.0), np.full(9, 2.0), 100, 0) == (1.5, 1.5)


@pytest.mark.parametrize(
    ("degrees", "printed"),  # the tables of statistics textbooks
    [(1, 12.706), (2, 4.303), (12, 2.179), (13, 2.160), (20, 2.086), (30, 2.042), (120, 1.980)],
)
def test_students_t_is_the_textbooks(degrees, printed):
    assert student_t(degrees) == pytest.approx(printed, abs=5.1e-4)


def test_students_t_falls_to_the_normals_without_a_jump():
    points = [student_t(degrees) for degrees in range(1, 60)]
    steps = [before - after for before, after in itertools.pairwise(points)]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] > 0
    assert student_t(10**7) == pytest.approx(Z, abs=1e-6)
    with pytest.raises(ValueError, match="at least 1"):
        student_t(0)
