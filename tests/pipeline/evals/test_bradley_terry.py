"""Ratings: where the formula has an answer in one line, and what draws, games and order change."""

import math

import numpy as np
import pytest

from pipeline.evals.bradley_terry import (
    PRIOR_DRAWS,
    SCALE,
    Matchups,
    PairResult,
    are_bounded,
    groups,
    matchups,
    most_likely,
    ratings,
)


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


def random_rows(seed: int, players: int = 5, count: int = 60, styles: int = 2) -> Matchups:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, players, count)
    b = (a + rng.integers(1, players, count)) % players
    points = rng.choice([0.0, 0.5, 1.0], count)
    return matchups(a, b, points, players, rng.normal(size=(count, styles)))


def test_newton_finds_what_the_games_algorithm_finds() -> None:
    """With the same drawn game for each pair that met."""
    results = [
        PairResult("a", "b", 12, 3, 5),
        PairResult("b", "c", 9, 9, 2),
        PairResult("c", "a", 4, 1, 15),
        PairResult("d", "a", 0, 0, 14),
        PairResult("b", "a", 7, 0, 3),
    ]
    rows = [
        ("abcd".index(one.a), "abcd".index(one.b), points)
        for one in results
        for points, count in ((1.0, one.a_won), (0.5, one.drawn), (0.0, one.b_won))
        for _ in range(count)
    ]
    a, b, points = (np.array(column) for column in zip(*rows))
    met = matchups(a, b, points, 4)
    assert len(met.points) == 10  # a against b stands twice, the other way round
    # `ratings` adds a game to each result given, so once more to a against b.
    merged = [PairResult("a", "b", 15, 3, 12), *results[1:4]]
    (found,) = most_likely(met, met.counts[None], PRIOR_DRAWS)
    elo = SCALE * (found - found[0])
    assert dict(zip("abcd", elo)) == pytest.approx(by_name(merged), abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_newtons_maximum_is_one_for_every_weighting(seed: int) -> None:
    """No small step in any direction raises the penalised log-likelihood."""
    met, rng = random_rows(seed), np.random.default_rng(seed)
    weights = rng.multinomial(60, met.counts / met.counts.sum(), size=3).astype(float)
    found = most_likely(met, weights, 0.7, 1.5)

    def value(at: np.ndarray, own: np.ndarray) -> float:
        ahead = at[:5] @ met.incidence.T
        logits = ahead[met.pair] + met.features @ at[5:]
        games = own @ (met.points * logits - np.log1p(np.exp(logits)))
        draws = 0.7 * np.sum(0.5 * ahead - np.log1p(np.exp(ahead)))
        return float(games + draws - 1.5 / 2 * at[5:] @ at[5:])

    for at, own in zip(found, weights):
        assert at[:5].sum() == pytest.approx(0, abs=1e-9)
        best = value(at, own)
        for _ in range(20):
            step = rng.normal(size=7)
            assert value(at + 1e-3 * step / np.linalg.norm(step), own) < best


def test_who_stands_first_in_a_row_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    a, b = np.array([0, 1, 2, 0, 2, 1] * 5), np.array([1, 2, 0, 2, 1, 0] * 5)
    points, style = rng.choice([0.0, 0.5, 1.0], 30), rng.normal(size=(30, 2))
    one, other = matchups(a, b, points, 3, style), matchups(b, a, 1 - points, 3, -style)
    assert np.array_equal(one.counts, other.counts)
    first, second = (most_likely(met, met.counts[None], 0.0, 1.0) for met in (one, other))
    assert np.array_equal(first, second)


def test_newton_arrives_from_far_away_and_at_far_ratings() -> None:
    """Where whole Newton steps would fly off: 9,999 of 10,000 won, and a start at 30 logits."""
    met = matchups(
        np.array([0] * 10_000 + [1] * 10_000), np.array([1] * 10_000 + [2] * 10_000),
        np.array(([1.0] * 9_999 + [0.0]) * 2), 3,
    )  # fmt: skip
    start = np.array([-30.0, 0.0, 30.0])
    (found,) = most_likely(met, met.counts[None], start=start)
    assert np.diff(found) == pytest.approx(-np.log(9_999), abs=1e-7)


def test_what_has_no_finite_maximum_is_known() -> None:
    points = np.array([1.0, 1.0, 1.0, 0.5])
    met = matchups(np.array([0, 1, 2, 0]), np.array([1, 2, 0, 2]), points, 3)
    rows = [(int(met.first[p]), int(met.second[p]), x) for p, x in zip(met.pair, met.points)]
    assert rows == [(0, 1, 1.0), (0, 2, 0.0), (0, 2, 0.5), (1, 2, 1.0)]
    circle, drawn = [1.0, 1, 0, 1], [1.0, 0, 1, 1]  # 0 > 1 > 2 > 0; 0 > 1 > 2, and 2 drew with 0
    lost, line = [1.0, 1, 1, 0], [1.0, 0, 0, 1]  # 1 has no point; nobody beat 0
    weights = np.array([[1.0] * 4, circle, drawn, lost, line])
    assert are_bounded(met, weights).tolist() == [True, True, True, False, False]


def test_players_are_grouped_by_who_met_whom() -> None:
    met = matchups(np.array([4, 1, 5]), np.array([1, 0, 3]), np.array([1.0, 0.0, 0.5]), 6)
    assert groups(met) == [{0, 1, 4}, {3, 5}, {2}]
