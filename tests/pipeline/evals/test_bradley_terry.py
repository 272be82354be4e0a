"""Ratings: where the formula has an answer in one line, and what draws, games and order change."""

import math

import numpy as np
import pytest

from pipeline.evals.bradley_terry import PairResult, ratings


def by_name(results: list[PairResult], zero: str = "a", **more: int) -> dict[str, float]:
    return {one.player: one.elo for one in ratings(results, zero, **more)}


def test_two_players_differ_by_their_odds() -> None:
    rated = by_name([PairResult("a", "b", 24, 0, 75)])  # and the one drawn game of the prior
    assert rated["a"] == 0.0
    assert rated["b"] == pytest.approx(400 * math.log10(75.5 / 24.5), abs=1e-5)


def test_a_draw_is_half_a_win_for_each() -> None:
    assert by_name([PairResult("a", "b", 10, 20, 30)]) == pytest.approx(
        by_name([PairResult("a", "b", 20, 0, 40)])
    )
    assert by_name([PairResult("a", "b", 0, 50, 0)])["b"] == pytest.approx(0.0, abs=1e-6)


def test_who_never_lost_has_a_rating() -> None:
    rated = by_name([PairResult("a", "b", 0, 0, 100)])
    assert rated["b"] == pytest.approx(400 * math.log10(100.5 / 0.5), abs=1e-4)


def test_the_expected_points_of_each_player_are_those_that_it_made() -> None:
    """What maximum likelihood means here, whatever the algorithm."""
    results = [
        PairResult("a", "b", 12, 3, 5),
        PairResult("b", "c", 9, 9, 2),
        PairResult("c", "a", 4, 1, 15),
        PairResult("a", "d", 3, 3, 14),
        PairResult("b", "a", 7, 0, 3),
    ]
    rated = by_name(results)
    for name in "abcd":
        made = expected = 0.0
        for one in results:
            games = one.a_won + one.drawn + one.b_won + 1
            if name not in (one.a, one.b):
                continue
            won = one.a_won if name == one.a else one.b_won
            made += won + (one.drawn + 1) / 2
            other = one.b if name == one.a else one.a
            expected += games / (1 + 10 ** ((rated[other] - rated[name]) / 400))
        assert expected == pytest.approx(made, abs=1e-4), name


def test_ratings_are_sorted_counted_and_their_intervals_narrow_with_games() -> None:
    few = ratings([PairResult("a", "b", 5, 5, 10)], "a", samples=200)
    many = ratings([PairResult("a", "b", 500, 500, 1000)], "a", samples=200)
    assert [one.player for one in many] == ["b", "a"]
    assert [one.games for one in many] == [2000, 2000]
    assert few[0].low < few[0].elo < few[0].high
    assert many[0].high - many[0].low < (few[0].high - few[0].low) / 4
    assert (many[1].low, many[1].elo, many[1].high) == (0.0, 0.0, 0.0)
    again = ratings([PairResult("a", "b", 500, 500, 1000)], "a", samples=200)
    assert again == many


def test_strengths_that_games_were_drawn_from_are_found() -> None:
    rng, true = np.random.default_rng(0), {"a": 0.0, "b": 150.0, "c": -200.0, "d": 400.0}
    results = []
    for one in true:
        for other in true:
            if one < other:
                chance = 1 / (1 + 10 ** ((true[other] - true[one]) / 400))
                won = int(rng.binomial(4_000, chance))
                results.append(PairResult(one, other, won, 0, 4_000 - won))
    assert by_name(results) == pytest.approx(true, abs=20)
