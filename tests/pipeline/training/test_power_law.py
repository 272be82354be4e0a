"""Known laws are found again; the interval covers what it says; too few points are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.power_law import PowerLaw, fit, predict
from storage import UserError

COMPUTE = np.geomspace(1e12, 1e15, 6)


@settings(deadline=None, max_examples=30)
@given(floor=st.floats(0.0, 2.0), scale=st.floats(0.05, 3.0), exponent=st.floats(0.05, 0.8))
def test_a_law_without_noise_is_found_again(floor, scale, exponent):
    law = PowerLaw(floor, scale, exponent, float(np.exp(np.log(COMPUTE).mean())))
    losses = [law(c) for c in COMPUTE]
    found = fit(COMPUTE, losses)
    for compute in (*COMPUTE, 3e15):
        assert found(compute) == pytest.approx(law(compute), rel=1e-3)


def test_floor_and_scale_never_fall_below_zero():
    rising = fit(COMPUTE, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5])
    assert rising.scale == 0
    assert rising.floor > 0
    steep = fit(COMPUTE, [c**-0.3 * 1e5 - 0.5 + 1 for c in COMPUTE])
    assert steep.floor >= 0


def test_the_interval_covers_one_more_run_about_as_often_as_it_says():
    law = PowerLaw(0.8, 0.4, 0.2, 1e13)
    noise = np.random.default_rng(0)
    hits = 0
    for trial in range(30):
        losses = [law(c) * (1 + 0.004 * noise.standard_normal()) for c in COMPUTE]
        found = predict(COMPUTE[:5], losses[:5], COMPUTE[5], draws=100, seed=trial)
        assert found.low < found.value < found.high
        hits += found.low <= losses[5] <= found.high
    assert hits >= 26  # 95% of 30 is 28.5; fewer than 26 has a chance below 2%


def test_more_noise_means_a_wider_interval():
    law = PowerLaw(0.8, 0.4, 0.2, 1e13)
    widths = []
    for noise in (0.001, 0.01):
        signs = (1, -1, 1, -1, 1, -1)
        losses = [law(c) * (1 + noise * sign) for c, sign in zip(COMPUTE, signs)]
        found = predict(COMPUTE, losses, 4e15, draws=200)
        widths.append(found.high - found.low)
    assert widths[1] > 3 * widths[0]


def test_the_same_numbers_give_the_same_interval():
    losses = [1.5, 1.3, 1.15, 1.06, 1.0, 0.97]
    assert predict(COMPUTE, losses, 1e16, seed=3) == predict(COMPUTE, losses, 1e16, seed=3)


@pytest.mark.parametrize(
    ("compute", "losses", "text"),
    [
        ([1e12, 1e13, 1e14], [2.0, 1.5, 1.2], "3 runs fit a law exactly"),
        ([1e12, 1e12, 1e13, 1e13], [2.0, 2.0, 1.5, 1.5], "needs 3 sizes"),
        ([1e12, 1e13, 1e14, 1e15], [2.0, float("nan"), 1.2, 1.1], "above zero"),
    ],
)
def test_what_can_not_be_fitted_is_refused(compute, losses, text):
    with pytest.raises(UserError, match=text):
        predict(compute, losses, 1e16)
