"""Gao's curves: what made the points comes back, with an interval that holds it."""

import math

import numpy as np
import pytest

from pipeline.preferences.gao_fits import fit_curve
from storage.errors import UserError

KL = [0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 9.0]


def test_curves_by_hand() -> None:
    best = fit_curve("best_of_n", KL, [math.sqrt(k) * (2.0 - 0.5 * math.sqrt(k)) for k in KL])
    assert (best.alpha, best.beta) == pytest.approx((2.0, 0.5))
    assert best.gained(4.0) == pytest.approx(2 * (2 - 0.5 * 2))
    assert best.peak == pytest.approx(2.0)
    rl = fit_curve("rl", KL, [math.sqrt(k) * (2.0 - 0.8 * math.log(math.sqrt(k))) for k in KL])
    assert (rl.alpha, rl.beta) == pytest.approx((2.0, 0.8))
    assert rl.gained(0.0) == 0.0
    assert rl.gained(9.0) == pytest.approx(3 * (2 - 0.8 * math.log(3)))
    near = [rl.gained(rl.peak**2 * by) for by in (0.99, 1.0, 1.01)]
    assert near[1] == max(near)
    assert max(best.residual, rl.residual) < 1e-12


def test_the_interval_holds_what_made_the_points_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        noisy = [math.sqrt(k) * (1.0 - 0.3 * math.sqrt(k)) + rng.normal(0, 0.1) for k in KL]
        found = fit_curve("best_of_n", KL, noisy)
        held += abs(found.beta - 0.3) <= found.beta_spread
    assert 0.92 <= held / 400 <= 0.98


def test_points_that_tell_nothing() -> None:
    found = fit_curve("rl", [-0.1, 0.0, 1.0, 4.0], [5.0, 5.0, 1.0, 2.0])
    assert found.gained(4.0) == pytest.approx(2.0)
    assert math.isinf(found.alpha_spread)
    assert fit_curve("best_of_n", [1.0, 4.0], [1.0, 3.0]).peak == math.inf
    with pytest.raises(UserError, match="at two distances or more"):
        fit_curve("rl", [1.0, 1.0], [1.0, 2.0])
    with pytest.raises(UserError, match="unknown curve 'ppo'"):
        fit_curve("ppo", [1.0, 2.0], [1.0, 2.0])
