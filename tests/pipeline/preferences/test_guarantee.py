"""The guarantee holds on random finite instances; what isn't guaranteed is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.preferences import guarantee
from pipeline.preferences.divergences import exact
from storage.errors import UserError


def instance(seed, answers=12, prompts=3, sharp=1.0):
    """Reference, policy, proxy and true rewards, all enumerated; prompts equally likely."""
    rng = np.random.default_rng(seed)
    reference, policy = np.exp(rng.normal(size=(2, prompts, answers)) * sharp)
    reference /= reference.sum(-1, keepdims=True)
    policy = policy * reference if rng.random() < 0.5 else policy
    proxy = rng.normal(size=(prompts, answers))
    gold = proxy * rng.normal() + rng.normal(size=proxy.shape) * rng.random() * 2
    if rng.random() < 0.5:  # one that the proxy likes, where guarantees are positive
        policy = reference * np.maximum(1 + rng.random() * (proxy - proxy.mean()), 1e-6)
    policy /= policy.sum(-1, keepdims=True)
    return reference, policy, proxy, gold


def known_fit(reference, proxy, gold):
    """`fit` with the reference's probabilities in the place of draws."""
    weights = reference / len(reference)

    def mean(values):
        return float((weights * values).sum())

    deviations = [math.sqrt(mean((v - mean(v)) ** 2)) for v in (proxy, gold)]
    r = mean((proxy - mean(proxy)) * (gold - mean(gold))) / math.prod(deviations)
    return guarantee.ProxyFit(r, mean(proxy), deviations[0], mean(gold), deviations[1], 1)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.3, 1.0, 2.0]))
def test_no_policy_gains_less_than_guaranteed(seed, sharp):
    reference, policy, proxy, gold = instance(seed, sharp=sharp)
    found = known_fit(reference, proxy, gold)
    chi2 = exact(policy, reference).chi2
    mean = float((policy * proxy).sum(-1).mean())
    least = guarantee.guaranteed_gain(found, mean, chi2)
    if found.correlation <= 0:
        assert least is None
        return
    assert least is not None
    gained = float((policy * gold).sum(-1).mean()) - found.gold_mean
    tolerance = 1e-9 * (1 + abs(least.theorem))
    assert gained >= least.tight - tolerance
    assert least.tight >= least.theorem - tolerance
    if abs(least.tight) > tolerance:
        assert (least.tight > 0) == (least.theorem > 0)


def test_the_tight_bound_is_reached():
    """By the true reward that is worst for the policy: what is left of its ratio, turned round."""
    reference, policy, proxy, _ = instance(3)
    r = 0.6
    weights = reference / len(reference)
    ratios = policy / reference - 1
    standard = known_fit(reference, proxy, proxy)
    liked = (proxy - standard.proxy_mean) / standard.proxy_deviation
    gain = float((weights * ratios * liked).sum())
    rest = ratios - gain * liked
    rest /= math.sqrt(float((weights * rest**2).sum()))
    worst = r * liked - math.sqrt(1 - r * r) * rest
    found = known_fit(reference, proxy, worst)
    assert found.correlation == pytest.approx(r)
    least = guarantee.guaranteed_gain(
        found, float((policy * proxy).sum(-1).mean()), exact(policy, reference).chi2
    )
    assert least is not None
    assert float((policy * worst).sum(-1).mean()) - found.gold_mean == pytest.approx(least.tight)
    assert least.theorem < least.tight


def test_fit_and_coefficient_are_those_of_the_samples():
    rng = np.random.default_rng(0)
    gold = rng.normal(size=(50, 8)) * 3 + 5
    proxy = 2 * gold + rng.normal(size=gold.shape) * 4
    found = guarantee.fit(proxy, gold)
    assert found.correlation == pytest.approx(np.corrcoef(proxy.ravel(), gold.ravel())[0, 1])
    assert found.proxy_deviation == pytest.approx(proxy.std())
    assert found.coefficient == pytest.approx(proxy.std() * math.sqrt(1 - found.correlation**2))
    assert found.answers == 400
    assert guarantee.fit(gold, gold).coefficient == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("gold", [np.arange(8.0)[::-1].copy(), np.ones(8)])
def test_a_correlation_that_is_not_positive_guarantees_nothing(gold):
    found = guarantee.fit(np.arange(8.0), gold)
    assert found.correlation <= 0
    assert guarantee.guaranteed_gain(found, 9.0, 1.0) is None
    with pytest.raises(UserError, match=r"not positive.*rlhf\.coefficient"):
        _ = found.coefficient


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_a_proxy_that_likes_all_alike_is_refused(value):
    with pytest.raises(UserError, match="nothing to optimise"):
        guarantee.fit(np.full(30, value), np.arange(30.0))
    with pytest.raises(UserError, match="nothing to optimise"):
        guarantee.fit_by_agreement(np.full((6, 5), value), 0.9)
    with pytest.raises(UserError, match="nothing to optimise"):  # but for the prompts
        guarantee.fit_within_prompts(
            np.arange(6.0)[:, None] + np.full((6, 5), value), np.ones((6, 5))
        )


def test_agreement_of_pairs_gives_the_correlation_of_normal_rewards():
    rng = np.random.default_rng(1)
    r = 0.7
    gold = rng.normal(size=(2, 200_000))
    proxy = r * gold + math.sqrt(1 - r * r) * rng.normal(size=gold.shape)
    first = gold[0] > gold[1]
    winners = np.where(first, proxy[0], proxy[1])
    losers = np.where(first, proxy[1], proxy[0])
    share = guarantee.agreement(winners, losers)
    found = guarantee.fit_by_agreement(proxy.T, share)  # two answers to each prompt
    assert found.correlation == pytest.approx(r, abs=0.01)
    assert math.isnan(found.gold_deviation)
    assert guarantee.agreement([1.0, 2.0, 0.0], [1.0, 1.0, 1.0]) == 0.5
    assert guarantee.fit_by_agreement(proxy.T, 0.5).correlation == pytest.approx(0)


def test_what_a_prompt_adds_to_all_its_answers_waters_down_no_correlation():
    rng = np.random.default_rng(3)
    gold = rng.normal(size=(400, 6))
    proxy = 0.8 * gold + 0.6 * rng.normal(size=gold.shape)
    own = rng.normal(size=(2, 400, 1)) * 5  # what the proxy and the truth think of each prompt
    pooled = guarantee.fit(proxy + own[0], gold + own[1])
    within = guarantee.fit_within_prompts(proxy + own[0], gold + own[1])
    assert pooled.correlation == pytest.approx(0.0, abs=0.15)
    assert within.correlation == pytest.approx(0.8, abs=0.03)
    assert within.proxy_deviation == pytest.approx(1.0, abs=0.03)
    assert within.gold_deviation == pytest.approx(1.0, abs=0.03)
    assert within.proxy_mean == (proxy + own[0]).mean()
    assert within.answers == 2400


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_no_policy_gains_less_than_its_rewards_within_prompts_guarantee(seed):
    reference, policy, proxy, gold = instance(seed)

    def centred(values):
        return values - (reference * values).sum(-1, keepdims=True)

    rng = np.random.default_rng(seed)
    proxy, gold = (values + rng.normal(size=(3, 1)) * 9 for values in (proxy, gold))
    found = known_fit(reference, centred(proxy), centred(gold))
    least = guarantee.guaranteed_gain(
        found, float((policy * centred(proxy)).sum(-1).mean()), exact(policy, reference).chi2
    )
    if least is not None:
        gained = float(((policy - reference) * gold).sum(-1).mean())
        assert gained >= least.tight - 1e-9 * (1 + abs(least.tight))


def test_where_the_reference_has_no_mass_nothing_is_guaranteed_unless_r_is_one():
    found = guarantee.ProxyFit(0.5, 0.0, 1.0, 0.0, 2.0, 10)
    least = guarantee.guaranteed_gain(found, 1.0, math.inf)
    assert least == guarantee.GuaranteedGain(-math.inf, -math.inf)
    perfect = guarantee.ProxyFit(1.0, 0.0, 1.0, 0.0, 2.0, 10)
    sure = guarantee.guaranteed_gain(perfect, 1.0, math.inf)
    assert sure is not None
    assert sure.tight == pytest.approx(2.0)
