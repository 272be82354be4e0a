"""Targets and their fines, by hand; the wordings state both, and evaluation's are its own."""

import random
import re

import pytest

from pipeline.curriculum import confidence_targets as targets


@pytest.mark.parametrize(
    ("target", "wrong"), [(0.0, 0.0), (0.5, -1.0), (0.75, -3.0), (0.9, -9.0), (0.6, -1.5)]
)
def test_rewards_by_hand(target: float, wrong: float) -> None:
    assert targets.reward("correct", target) == 1
    assert targets.reward("idk", target) == 0
    assert targets.reward("wrong", target) == pytest.approx(wrong)


@pytest.mark.parametrize("target", [0.5, 0.75, 0.8, 0.9])
def test_a_guess_gains_exactly_above_the_target(target: float) -> None:
    def gain(chance: float) -> float:
        right, wrong = targets.reward("correct", target), targets.reward("wrong", target)
        return chance * right + (1 - chance) * wrong

    assert gain(target) == pytest.approx(0)
    assert gain(target - 0.01) < 0 < gain(target + 0.01)


@pytest.mark.parametrize("target", [1.0, -0.1, float("nan")])
def test_a_target_that_none_can_reach_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="confidence target"):
        targets.fine(target)


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize(
    ("target", "percent", "points"),
    [
        (0.5, "50%", "1 point"),
        (0.6, "60%", "1.5 points"),
        (0.75, "75%", "3 points"),
        (0.8, "80%", "4 points"),
        (0.9, "90%", "9 points"),
    ],
)
def test_every_wording_states_target_and_fine(
    target: float, percent: str, points: str, new: bool
) -> None:
    found = targets.messages(target, new=new)
    assert len(set(found)) == len(found) > 1
    for text in found:
        assert percent in text
        assert re.search(rf"\b{re.escape(points)}\b", text)
        assert "{" not in text


def test_at_target_zero_nothing_is_said_of_being_sure() -> None:
    for new in (False, True):
        assert not any("%" in text for text in targets.messages(0.0, new=new))


def test_what_evaluation_asks_under_is_not_trained() -> None:
    assert not set(targets.NEW_TARGETS) & set(targets.TARGETS)
    for target in (*targets.TARGETS, *targets.NEW_TARGETS):
        assert not set(targets.messages(target)) & set(targets.messages(target, new=True))


def test_every_wording_is_drawn_and_the_same_again() -> None:
    drawn = {targets.message(0.9, random.Random(seed)) for seed in range(60)}
    assert drawn == set(targets.messages(0.9))
    assert {targets.message(0.9, random.Random(seed), new=True) for seed in range(60)} == set(
        targets.messages(0.9, new=True)
    )
    assert targets.message(0.5, random.Random(3)) == targets.message(0.5, random.Random(3))
