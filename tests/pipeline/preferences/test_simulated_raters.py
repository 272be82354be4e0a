"""Simulated raters follow Bradley and Terry, tie within a margin, or don't look; seeds decide."""

import math
import random
from collections import Counter

import pytest

from pipeline.preferences.simulated_raters import (
    CrowdConfig,
    SimulatedRater,
    chosen,
    compare,
    crowd,
    random_numbers,
    shown_first,
)
from pipeline.ranges import OutOfRange

DRAWS = 20_000


def shares(difference, rater, first="a"):
    rng = random.Random(3)
    counts = Counter(compare(difference, 0.0, rater, rng, first) for _ in range(DRAWS))
    return {name: counts[name] / DRAWS for name in ("a", "tie", "b")}


def win_probability(difference, noise, tie_margin=0.0):
    """P(a wins) by Rao and Kupper's model; without a margin it is Bradley and Terry's."""
    return 1 / (1 + math.exp(-(difference - tie_margin) / noise))


def near(share, expected):
    """Within four standard errors."""
    return abs(share - expected) <= 4 * math.sqrt(expected * (1 - expected) / DRAWS) + 1e-12


@pytest.mark.parametrize(("difference", "noise"), [(0, 1), (1, 1), (-2, 1), (1, 0.5), (3, 2)])
def test_without_ties_it_is_bradley_and_terrys_model(difference, noise):
    found = shares(difference, SimulatedRater("r", noise=noise, tie_margin=0))
    assert near(found["a"], win_probability(difference, noise))
    assert found["tie"] == 0


@pytest.mark.parametrize(("difference", "margin"), [(0, 0.25), (0.5, 1.0), (-1, 0.5)])
def test_ties_are_rao_and_kuppers(difference, margin):
    found = shares(difference, SimulatedRater("r", noise=1.0, tie_margin=margin))
    assert near(found["a"], win_probability(difference, 1.0, margin))
    assert near(found["b"], win_probability(-difference, 1.0, margin))


def test_without_noise_the_better_one_always_wins():
    exact = SimulatedRater("r", noise=0.0, tie_margin=0.1)
    assert shares(0.2, exact)["a"] == 1
    assert shares(0.05, exact)["tie"] == 1
    assert shares(-0.2, exact)["b"] == 1
    assert (
        compare(1.0, 1.0, SimulatedRater("r", noise=0.0, tie_margin=0.0), random.Random(1)) == "tie"
    )


def test_a_careless_rater_throws_a_coin_and_one_who_names_the_first_names_it():
    assert near(shares(5, SimulatedRater("r", "careless"))["a"], 0.5)
    for first in ("a", "b"):
        assert shares(5, SimulatedRater("r", "first"), first)[first] == 1


def test_what_is_shown_first_gets_the_bias():
    biased = SimulatedRater("r", noise=1.0, tie_margin=0.0, position_bias=0.7)
    assert near(shares(0, biased, "a")["a"], win_probability(0.7, 1.0))
    assert near(shares(0, biased, "b")["b"], win_probability(0.7, 1.0))


def test_either_is_shown_first_equally_often():
    rng = random.Random(5)
    assert near(sum(shown_first(rng) == "a" for _ in range(DRAWS)) / DRAWS, 0.5)


def test_a_judgement_depends_on_seed_pair_and_rater_alone():
    one, other = SimulatedRater("one"), SimulatedRater("other")

    def said(name, rater):
        return [random_numbers(f"{name}{n}", rater).random() for n in range(20)]

    assert said("0:p", one) == said("0:p", one)
    assert said("0:p", one) != said("0:p", other)
    assert said("0:p", one) != said("1:p", one)


def test_the_crowd_is_of_the_sizes_that_were_asked_for():
    found = crowd(CrowdConfig(raters=12, careless=3, always_first=2))
    assert Counter(rater.way for rater in found) == {"attentive": 7, "careless": 3, "first": 2}
    assert len({rater.name for rater in found}) == 12
    ways = [rater.way for rater in found]
    assert ways != sorted(ways)
    assert crowd(CrowdConfig(raters=12, careless=3, always_first=2)) == found


def test_raters_get_pairs_by_chance_and_none_twice():
    raters = crowd(CrowdConfig())
    counts: Counter[str] = Counter()
    for n in range(2_000):
        got = chosen(raters, 3, f"pair {n}")
        assert len({rater.name for rater in got}) == 3
        counts.update(rater.name for rater in got)
    assert min(counts.values()) > 500
    assert chosen(raters, 3, "x") == chosen(raters, 3, "x")


@pytest.mark.parametrize("reward", [math.nan, math.inf])
def test_nobody_compares_what_is_no_number(reward):
    with pytest.raises(ValueError, match="nobody can compare"):
        compare(reward, 0.0, SimulatedRater("r"), random.Random(1))


@pytest.mark.parametrize(
    "wrong",
    [{"raters": 1}, {"per_pair": 11}, {"raters": 0}, {"noise": -1.0}],
)
def test_crowds_that_cannot_be(wrong):
    with pytest.raises(OutOfRange):
        CrowdConfig(**wrong)
