"""Differences are right in every column, below zero too; lengths and shares are those asked for."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import differences as d

NUMBERS = st.integers(0, 10**6 - 1)


@given(NUMBERS, NUMBERS)
def test_every_column_and_the_answer_are_right(a: int, b: int) -> None:
    text = d.worked(a, b)
    assert text.endswith(f"So {a} - {b} = {a - b}.")
    high, low = max(a, b), min(a, b)
    steps = d.columns(high, low).split(", ")
    assert f"{high} - {low}: {', '.join(steps)}." in text
    assert len(steps) == len(str(high))
    borrowed, ones = False, []
    for step in steps:
        left, result = step.split("=")
        above, *taken = map(int, left.split("-"))
        assert taken[1:] == [1] * borrowed
        assert above - sum(taken) == int(result)
        assert 0 <= int(result) <= 9
        borrowed = above > 9
        ones.append(result)
    assert not borrowed
    assert int("".join(reversed(ones))) == high - low


def test_known_examples() -> None:
    assert d.worked(405, 58) == "405 - 58: 15-8=7, 10-5-1=4, 4-0-1=3. So 405 - 58 = 347."
    assert d.worked(7, 9) == "7 - 9 is below 0. 9 - 7: 9-7=2. So 7 - 9 = -2."
    with pytest.raises(ValueError, match="the larger first"):
        d.columns(3, 4)
    with pytest.raises(ValueError, match="non-negative"):
        d.columns(3, -1)


def test_the_level_is_the_digits_of_the_longer_number_and_some_lie_below_zero() -> None:
    rng = random.Random(0)
    drawn = [d.task(3, "rl", rng) for _ in range(1_000)]
    for task in drawn:
        first, second = map(int, re.findall(r"\d+", task.solution)[:2])
        assert max(len(str(first)), len(str(second))) == 3
        assert task.answer == str(first - second)
    below = sum(task.answer.startswith("-") for task in drawn) / len(drawn)
    assert abs(below - d.NEGATIVE_SHARE) < 0.05


def test_a_difference_and_its_mirror_share_a_split() -> None:
    rng = random.Random(0)
    drawn = [d.task(2, "rl", rng) for _ in range(400)]
    assert {task.problem for task in drawn if task.answer.startswith("-")} & {
        task.problem for task in drawn if not task.answer.startswith("-")
    }
