"""How few changed votes put another first: against trying all of them."""

import dataclasses
import itertools

import numpy as np
import pytest

from pipeline.evals.bradley_terry import Matchups, are_bounded, groups, matchups, most_likely
from pipeline.evals.flipped_votes import LEAST_DRAWS, FlippedVotes, flipped_votes
from pipeline.evals.vote_ratings import rows
from tests.benchmarks.planted_votes import planted_votes

MOST = 3  # votes that are changed in every possible way


def by_trying(met: Matchups, draws: float, penalty: float) -> int:
    """The smallest number of changed votes after which another is first; MOST + 1: more."""
    every = np.repeat(np.arange(len(met.points)), met.counts.astype(int)).tolist()
    first = int(np.argmax(most_likely(met, met.counts[None], draws, penalty)[0, : met.players]))
    for count in range(1, MOST + 1):
        for chosen in sorted(set(itertools.combinations(every, count))):
            ways = [
                {1.0: (-1.0,), 0.0: (1.0,), 0.5: (-0.5, 0.5)}[float(met.points[row])]
                for row in chosen
            ]
            for moves in itertools.product(*ways):
                points = met.points * met.counts
                np.add.at(points, list(chosen), moves)
                changed = dataclasses.replace(met, points=points / met.counts)
                found = most_likely(changed, met.counts[None], draws, penalty)[0, : met.players]
                if np.delete(found, first).max() > found[first] + 1e-8:
                    return count
    return MOST + 1


def random_votes(seed: int, styles: int = 0) -> Matchups:
    """A dozen votes or fewer on up to four models that are all tied together."""
    rng = np.random.default_rng(seed)
    while True:
        players, count = int(rng.integers(2, 5)), int(rng.integers(4, 11))
        a = rng.integers(0, players, count)
        b = (a + rng.integers(1, players, count)) % players
        strength = rng.normal(0, 1, players)
        won = rng.random(count) < 1 / (1 + np.exp(strength[b] - strength[a]))
        points = np.where(rng.random(count) < 0.2, 0.5, won.astype(float))
        features = rng.normal(size=(count, styles)) if styles else None
        met = matchups(a, b, points, players, features)
        if len(groups(met)) == 1:
            return met


@pytest.mark.parametrize("seed", range(40))
def test_the_number_is_the_smallest_that_there_is(seed: int) -> None:
    met = random_votes(seed)
    draws = 0.0 if are_bounded(met, met.counts[None])[0] else 1.0
    found = flipped_votes(met, draws)
    tried = by_trying(met, max(draws, LEAST_DRAWS), 0.0)
    assert min(found.at_least, MOST + 1) <= tried <= found.at_most
    if found.is_exact:
        assert tried == min(found.at_most, MOST + 1)


def test_most_numbers_are_exact() -> None:
    found = [flipped_votes(random_votes(seed), 1.0) for seed in range(200)]
    assert sum(one.is_exact for one in found) > 180


@pytest.mark.parametrize("seed", range(12))
def test_with_style_the_number_does_it_and_is_no_less_than_the_smallest(seed: int) -> None:
    met = random_votes(seed, styles=1)
    found = flipped_votes(met, 1.0, 1.0)
    tried = by_trying(met, 1.0, 1.0)
    assert found.at_least == 1 <= tried <= found.at_most  # what style does is not bounded


@pytest.mark.parametrize("seed", range(6))
def test_among_many_votes_those_of_the_most_effect_are_taken(seed: int) -> None:
    """Those between the first two, all of them, before any other: so the number is proved."""
    votes = planted_votes({"a": 1.0, "b": 0.6, "c": 0.0, "d": -1.0}, 2_000, seed)
    found = flipped_votes(rows(votes, "abcd"))
    assert found.is_exact
    assert found.at_most > 10


def test_two_models_flip_as_one_counts() -> None:
    """12 to 7 and one tie: three votes make it 9 to 10, two leave 10 to 9."""
    met = matchups(np.zeros(20, int), np.ones(20, int), np.array([1.0] * 12 + [0.0] * 7 + [0.5]), 2)
    assert flipped_votes(met) == FlippedVotes(0, 1, 3, 3)
    # 12 to 8: two make it level, which is nobody's first place; the third passes
    met = matchups(np.zeros(20, int), np.ones(20, int), np.array([1.0] * 12 + [0.0] * 8), 2)
    assert flipped_votes(met) == FlippedVotes(0, 1, 3, 3)


def test_where_the_two_have_not_met_others_votes_are_changed() -> None:
    """0 beat 1 by 6 to 2, 1 beat 2 by 5 to 3; nobody voted on 0 against 2, who is 1.5 points short
    and would get half a point from each vote: that it takes more than two is not proved.
    """
    a, b = np.array([0] * 8 + [1] * 8), np.array([1] * 8 + [2] * 8)
    points = np.array([1.0] * 6 + [0.0] * 2 + [1.0] * 5 + [0.0] * 3)
    found = flipped_votes(matchups(a, b, points, 3))
    assert found == FlippedVotes(0, 1, 2, 3)


def test_one_vote_is_flipped_by_itself() -> None:
    met = matchups(np.array([0]), np.array([1]), np.array([1.0]), 2)
    assert flipped_votes(met, 1.0) == FlippedVotes(0, 1, 1, 1)


def test_all_ties_hang_by_one_vote() -> None:
    met = matchups(np.array([0, 1, 2]), np.array([1, 2, 0]), np.full(3, 0.5), 3)
    assert flipped_votes(met) == FlippedVotes(0, 1, 1, 1)


@pytest.mark.parametrize("seed", range(12))
def test_turning_all_votes_round_bounds_the_number(seed: int) -> None:
    met = random_votes(seed, styles=3)
    assert flipped_votes(met, 1.0, 0.01).at_most <= max(1, met.counts[met.points != 0.5].sum())
