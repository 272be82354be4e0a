"""Each role's running mean, before its own game."""

import pytest

from pipeline.connect_four.role_baselines import RoleBaselines, before_each


def test_means_are_exponential_and_of_the_games_before() -> None:
    held = before_each([1.0, 1.0, -1.0], RoleBaselines(), 0.95)
    assert held[0] == RoleBaselines(0.0, 0.0)
    assert held[1] == pytest.approx((0.05, -0.05))
    assert held[2] == pytest.approx((0.95 * 0.05 + 0.05, -(0.95 * 0.05 + 0.05)))


def test_a_game_s_own_reward_is_in_no_mean_that_it_is_held_against() -> None:
    start = RoleBaselines(0.3, -0.2)
    assert before_each([1.0], start, 0.9) == before_each([-1.0], start, 0.9) == [start]


def test_they_find_the_edge_of_who_begins() -> None:
    rewards = [1.0, 1.0, 0.0, -1.0] * 200  # a quarter of a point for who begins
    last = before_each(rewards, RoleBaselines(), 0.99)[-1]
    assert last.first == pytest.approx(0.25, abs=0.02)
    assert last.second == pytest.approx(-0.25, abs=0.02)
