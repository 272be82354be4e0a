"""The leaderboard: what was planted is found, few votes claim little, and order changes nothing."""

import dataclasses
import math
import random

import numpy as np
import pytest

from pipeline.evals.answer_style import AnswerStyle
from pipeline.evals.bradley_terry import PRIOR_DRAWS, SCALE
from pipeline.evals.vote_ratings import (
    FirstPlace,
    LeaderboardConfig,
    Vote,
    leaderboard,
    rows,
    voted_models,
    with_draws,
)
from pipeline.ranges import OutOfRange
from storage.errors import UserError
from tests.benchmarks.planted_votes import planted_votes

TRUE = {"a": 0.9, "b": 0.3, "c": -0.2, "d": -1.0}
BIAS = (1.5, 0.0, 0.0, 0.5)
LONG = {"a": 0.5, "c": 2.0, "d": 3.0}  # the strongest is brief, the weakest wordy
STYLE = LeaderboardConfig(samples=300, style_control=True)
PLAIN = LeaderboardConfig(samples=300)


def turned(vote: Vote) -> Vote:
    """The same vote with the two models in the other order."""
    winner = {"a": "b", "b": "a"}.get(vote.winner, vote.winner)
    return Vote(vote.b, vote.a, winner, vote.style_b, vote.style_a)


def test_two_models_differ_by_their_odds_around_the_mean() -> None:
    votes = [Vote("x", "y", "a")] * 5 + [Vote("y", "x", "a")] * 2 + [Vote("x", "y", "tie")] * 2
    board = leaderboard(votes, PLAIN)
    apart = SCALE * math.log(6 / 3)
    assert [one.model for one in board.standings] == ["x", "y"]
    assert [one.rating for one in board.standings] == pytest.approx(
        [1000 + apart / 2, 1000 - apart / 2], abs=1e-6
    )
    assert [(one.votes, one.won, one.tied) for one in board.standings] == [(9, 5, 2), (9, 2, 2)]
    moved = leaderboard(votes, dataclasses.replace(PLAIN, initial=0.0))
    assert moved.standings[0].rating == pytest.approx(apart / 2, abs=1e-6)
    assert board.first_place == FirstPlace("x", "y", 2, 2)  # 6 to 3 points; 4 to 5


def test_planted_style_and_strengths_are_found_with_control_and_missed_without() -> None:
    votes = planted_votes(TRUE, 4_000, 3, BIAS, LONG)
    board = leaderboard(votes, STYLE)
    for style, planted in zip(board.styles, BIAS):
        assert style.low <= planted * style.size <= style.high, style
    lengths = board.styles[0]
    assert lengths.style == "tokens"
    assert lengths.low > 0.4 * lengths.size
    for one in board.standings:
        assert one.low <= 1000 + SCALE * TRUE[one.model] <= one.high, one
        assert one.best_rank == one.worst_rank == 1 + "abcd".index(one.model)
    fooled = {one.model: one.rating for one in leaderboard(votes, PLAIN).standings}
    held = {one.model: one.rating for one in board.standings}
    assert fooled["d"] > held["d"] + 40  # its length made up for much
    assert fooled["a"] < held["a"] - 40


def test_neither_order_nor_sides_of_votes_change_the_board() -> None:
    votes = planted_votes(TRUE, 120, 1, BIAS)
    chance = random.Random(0)
    mixed = [turned(vote) if chance.random() < 0.5 else vote for vote in votes]
    chance.shuffle(mixed)
    for config in (PLAIN, STYLE):
        board = leaderboard(votes, config)
        assert leaderboard(votes, config) == board
        again = leaderboard(mixed, config)
        assert again.first_place == board.first_place
        for one, other in zip(board.standings, again.standings):
            assert dataclasses.astuple(one)[1:4] == pytest.approx(dataclasses.astuple(other)[1:4])
            assert dataclasses.astuple(one)[4:] == dataclasses.astuple(other)[4:]
    assert leaderboard(votes, dataclasses.replace(PLAIN, seed=1)) != leaderboard(votes, PLAIN)


def test_rank_sets_shrink_with_votes() -> None:
    def width(count: int) -> int:
        board = leaderboard(planted_votes(TRUE, count, 5), PLAIN)
        return sum(one.worst_rank - one.best_rank for one in board.standings)

    few, many = width(40), width(4_000)
    assert few > 3
    assert many == 0


def test_one_rank_is_shared_by_models_that_nobody_can_tell_apart() -> None:
    board = leaderboard(planted_votes({"x": 0.0, "y": 0.0, "z": -2.0}, 600, 2), PLAIN)
    ranks = {one.model: (one.best_rank, one.worst_rank) for one in board.standings}
    assert ranks == {"x": (1, 2), "y": (1, 2), "z": (3, 3)}


def test_who_never_lost_has_a_finite_rating_and_the_board_says_why() -> None:
    board = leaderboard([Vote("x", "y", "a")] * 10, PLAIN)
    assert board.smoothed
    assert board.standings[0].rating - board.standings[1].rating == pytest.approx(
        SCALE * math.log(10.5 / 0.5), abs=1e-6
    )
    assert board.standings[0].low < board.standings[0].rating
    assert all(math.isfinite(one.low) and math.isfinite(one.high) for one in board.standings)
    assert board.first_place == FirstPlace("x", "y", 6, 6)


def test_one_vote_says_next_to_nothing() -> None:
    board = leaderboard([Vote("x", "y", "b")], PLAIN)
    assert [one.model for one in board.standings] == ["y", "x"]
    assert [(one.best_rank, one.worst_rank) for one in board.standings] == [(1, 2)] * 2
    assert board.standings[0].low < 1000 < board.standings[0].high
    assert board.first_place == FirstPlace("y", "x", 1, 1)


def test_resamples_that_bound_nothing_are_counted() -> None:
    votes = [Vote("x", "y", "a")] * 3 + [Vote("x", "y", "b")]
    board = leaderboard(votes, LeaderboardConfig(samples=2_000))
    assert not board.smoothed
    # all four of one kind: (3/4) ** 4 and (1/4) ** 4 of them
    assert board.smoothed_samples / 2_000 == pytest.approx(0.32, abs=0.04)


def test_drawn_games_are_as_likely_as_half_a_win_and_half_a_loss() -> None:
    met = rows([Vote("x", "y", "a"), Vote("z", "y", "b"), Vote("x", "y", "tie")], ["x", "y", "z"])
    more = with_draws(met)
    assert more.counts.sum() == met.counts.sum() + 2 * PRIOR_DRAWS
    assert np.array_equal(more.pair, np.sort(more.pair))
    assert np.array_equal(more.pair[more.begins], [0, 1])
    halves = sorted(more.points[more.counts == PRIOR_DRAWS / 2].tolist())
    assert halves == [0, 0, 1, 1]


def test_models_that_no_vote_ties_to_the_others_have_no_rating() -> None:
    votes = [Vote("x", "y", "a"), Vote("y", "x", "a"), Vote("y", "z", "tie"), Vote("p", "q", "a")]
    board = leaderboard(votes, PLAIN, models=("nobody",))
    assert sorted(one.model for one in board.standings) == ["x", "y", "z"]
    assert board.unrated == [["p", "q"], ["nobody"]]
    assert board.votes == 3


def test_style_that_decides_every_vote_stays_finite() -> None:
    long, short = AnswerStyle(100), AnswerStyle(10)
    votes = [Vote("x", "y", "a", long, short), Vote("x", "y", "b", short, long)] * 20
    board = leaderboard(votes, STYLE)
    assert 1 < board.styles[0].coefficient < 10
    assert [one.rating for one in board.standings] == pytest.approx([1000, 1000], abs=1e-6)


def test_what_is_no_vote_is_one_line() -> None:
    with pytest.raises(UserError, match=r"no votes yet: `crawl2chat arena"):
        leaderboard([])
    with pytest.raises(UserError, match="vote 2: winner 'first' is none of a, tie, b"):
        leaderboard([Vote("x", "y", "a"), Vote("x", "y", "first")])
    with pytest.raises(UserError, match="vote 1: x against itself"):
        voted_models([Vote("x", "x", "tie")])
    for wrong in ({"samples": 0}, {"penalty": 0.0}, {"seed": -1}):
        with pytest.raises(OutOfRange, match=next(iter(wrong))):
            LeaderboardConfig(**wrong)
