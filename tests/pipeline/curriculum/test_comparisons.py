"""Decimals are compared place by place; a reply must not claim what isn't so."""

import random
import re
from fractions import Fraction

import pytest

from pipeline.curriculum import comparisons as c


@pytest.mark.parametrize("level", range(1, c.LEVELS + 1))
def test_the_answer_is_the_larger_or_smaller_of_the_two(level: int) -> None:
    rng = random.Random(level)
    asked_for, places, below = set(), set(), 0
    for _ in range(400):
        task = c.task(level, "rl", rng)
        first, second = re.findall(r"-?\d+\.\d+", task.prompt)
        larger = any(word in task.prompt for word in c.WORDS[True])
        assert larger != any(word in task.prompt for word in c.WORDS[False])
        wanted = max if larger else min
        assert Fraction(task.answer) == wanted(Fraction(first), Fraction(second))
        assert Fraction(first) != Fraction(second)
        assert not first.endswith("0")
        asked_for.add(larger)
        places.add(max(len(number.partition(".")[2]) for number in (first, second)))
        below += first.startswith("-")
    assert asked_for == {True, False}
    assert places == {level}
    share = below / 400
    assert (abs(share - c.NEGATIVE_SHARE) < 0.08) if level >= c.NEGATIVE_LEVEL else not below


def test_the_longer_number_is_as_often_the_larger() -> None:
    """Else "the longer one" would be an answer without a look at the digits."""
    rng, longer, counted = random.Random(0), 0, 0
    for _ in range(3_000):
        task = c.task(3, "rl", rng)
        low, high = (number.lstrip("-") for number in task.problem.partition(":")[2].split("<"))
        places = [len(number.partition(".")[2]) for number in (low, high)]
        if places[0] != places[1]:
            counted += 1
            longer += places[1] > places[0]
    assert 0.42 < longer / counted < 0.58


def test_steps_stop_at_the_first_difference() -> None:
    assert c.worked("9.11", "9.9", True) == "9.11 and 9.90: 9=9, 1<9. So 9.9 is larger."
    assert c.worked("9.9", "9.11", False) == "9.90 and 9.11: 9=9, 9>1. So 9.11 is smaller."
    assert c.worked("12.5", "3.75", True) == "12.50 and 3.75: 12>3. So 12.5 is larger."
    said = "-9.11 and -9.90: 9=9, 1<9, below 0 turned round. So -9.11 is larger."
    assert c.worked("-9.11", "-9.9", True) == said


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("9.9", True),
        ("9.90", True),
        ("9.9 is larger.", True),
        ("9.9 is larger than 9.11.", True),
        ("**9.9** is greater than **9.11**", True),
        ("9.9 > 9.11", True),
        ("The answer is 9.9, since 9.9 is larger than 9.11.", True),
        ("9.11", False),
        ("9.11 is larger than 9.9.", False),
        ("9.9 is smaller than 9.11.", False),  # names it and claims what isn't so
        ("9.11 > 9.9", False),
        ("9.11 is smaller than 9.9.", False),  # true, and no answer
        ("9.9 < 9.11", False),
        ("9.11 or 9.9 is larger than 9.11.", False),
        ("9.9 is larger than 9.9.", False),
        ("9.9 or 9.11", False),
        ("9.11 or 9.9", False),
        ("9.11, 9.9", False),
        ("It is not 9.9.", False),
        ("99", False),
        ("", False),
    ],
)
def test_what_counts_as_naming_the_larger(reply: str, right: bool) -> None:
    assert c.is_right(reply, "9.9") is right


def test_below_zero() -> None:
    assert c.is_right("\u22129.11 is larger than \u22129.9", "-9.11")
    assert not c.is_right("9.11", "-9.11")
    assert c.is_right("9.11 is smaller than 9.9", "9.11")
