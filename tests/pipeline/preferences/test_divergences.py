"""Divergences: estimates agree with enumeration, both exponentials have their tangent."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.preferences import divergences
from pipeline.preferences.divergences import TANGENT_FROM, estimate, exact, ratio, ratio_slope


def policies(seed, answers=6, prompts=3):
    rng = np.random.default_rng(seed)
    found = np.exp(rng.normal(size=(2, prompts, answers)))
    return found / found.sum(-1, keepdims=True)


def test_of_enumerated_answers_the_estimates_are_the_divergences():
    policy, reference = policies(0)
    true = exact(policy, reference)
    found = estimate(np.log(policy / reference), policy / len(policy))
    assert found.kl_k1 == pytest.approx(true.kl, abs=1e-12)
    assert found.kl_k3 == pytest.approx(true.kl, abs=1e-12)
    assert found.kl_k2 != pytest.approx(true.kl, abs=1e-3)  # k2 has a bias
    assert found.chi2_exact == pytest.approx(true.chi2, abs=1e-12)
    assert found.chi2_published == pytest.approx(true.chi2, abs=1e-12)


def test_exact_divergences_are_the_textbook_sums():
    policy, reference = np.array([[0.5, 0.5, 0.0]]), np.array([[0.25, 0.25, 0.5]])
    found = exact(policy, reference)
    assert found.kl == pytest.approx(math.log(2))
    assert found.chi2 == pytest.approx(1.0)
    assert found.forward_kl == math.inf
    assert exact(reference, policy).chi2 == exact(reference, policy).kl == math.inf


def test_draws_of_the_policy_estimate_its_divergences():
    policy, reference = policies(1)
    rng = np.random.default_rng(2)
    logs = np.log(policy / reference)
    drawn = np.array([rng.choice(row, size=100_000, p=p) for row, p in zip(logs, policy)])
    true, found = exact(policy, reference), estimate(drawn)
    for name, value in (("kl_k1", true.kl), ("kl_k3", true.kl), ("chi2_published", true.chi2)):
        assert getattr(found, name) == pytest.approx(value, rel=0.03), name
    assert found.answers == 300_000
    # each answer of pi is worth ref / pi answers of ref
    assert found.effective_answers == pytest.approx(
        300_000 / np.mean((reference**2 / policy).sum(1)), rel=0.03
    )


@given(st.floats(-700, 700) | st.floats(-1e-4, 1e-4))
def test_a_sample_of_the_published_form_is_never_negative(log_ratio):
    found = estimate(np.array([log_ratio]))
    assert found.chi2_published >= 0
    assert found.kl_k2 >= 0
    assert found.kl_k3 >= -1e-12
    if 1e-9 < abs(log_ratio) < 1e-4:  # of e^l and e^-l, each rounded, the difference would be noise
        assert found.chi2_published == pytest.approx(log_ratio**2, rel=1e-6)
    assert math.isfinite(found.chi2_published)


def test_beyond_ten_nats_the_exponentials_go_on_along_their_tangent():
    logs = np.array([9.0, 10.0, 12.5, 900.0])
    top = math.exp(TANGENT_FROM)
    assert ratio(logs) == pytest.approx([math.exp(9), top, top * 3.5, top * 891])
    assert ratio_slope(logs) == pytest.approx([math.exp(9), top, top, top])
    assert ratio(np.array([-30.0])) == pytest.approx(math.exp(-30))
    found = estimate(np.array([0.0, 12.5, -10.5, -10.0, -11.0]))
    assert (found.clipped, found.inverse_clipped) == (1, 2)
    assert found.chi2_exact == pytest.approx(
        (top * 3.5 + math.exp(-10) + math.exp(-10.5) + math.exp(-11) - 4) / 5
    )


def test_the_trimmed_mean_leaves_out_a_hundredth_at_each_end():
    logs = np.concatenate([np.zeros(198), [9.0, -9.0]])
    assert estimate(logs).chi2_trimmed == pytest.approx(0.0, abs=1e-4)
    assert estimate(logs).chi2_exact > 1
    assert divergences.trimmed_mean(np.arange(10.0) ** 2) == 28.5  # too few to leave one out
    assert divergences.trimmed_mean(np.arange(100.0) ** 2) == (np.arange(1, 99.0) ** 2).mean()


def test_what_the_reference_cannot_say_is_counted_and_left_out():
    found = estimate(np.array([[0.5, math.inf], [0.5, 0.5]]))
    assert (found.answers, found.left_out) == (3, 1)
    assert found.kl_k1 == pytest.approx(0.5)
    nothing = estimate(np.array([math.inf]))
    assert (nothing.answers, nothing.left_out) == (0, 1)
    assert math.isnan(nothing.kl_k1)


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_log_ratio_that_is_no_number_is_an_error(value):
    with pytest.raises(FloatingPointError, match="no number"):
        estimate(np.array([0.0, value]))
