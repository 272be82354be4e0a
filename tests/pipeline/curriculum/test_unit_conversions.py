"""Amounts keep their size from unit to unit; the question said again is no answer."""

import random
import re
from fractions import Fraction

import pytest

from pipeline.curriculum import unit_conversions as u

# In a base unit of their own, from other tables than the module's.
SIZES = {
    **{"millimetre": 1, "centimetre": 10, "metre": 1_000, "kilometre": 1_000_000},
    **{"gram": 1, "kilogram": 1_000, "millilitre": 1, "decilitre": 100, "litre": 1_000},
    **{"cent": 1, "euro": 100, "second": 1, "minute": 60, "hour": 3_600, "day": 86_400},
    **{"week": 604_800, "month": 1, "year": 12, "piece": 1, "dozen": 12},
}


def size(text: str) -> Fraction:
    """What a text such as `2 hours 15 minutes` comes to."""
    found = re.findall(r"(\d+(?:\.\d+)?) ([a-z]+)", text)
    return sum(
        (Fraction(number) * SIZES[unit if unit in SIZES else unit[:-1]] for number, unit in found),
        Fraction(0),
    )


@pytest.mark.parametrize("level", range(1, u.LEVELS + 1))
@pytest.mark.parametrize("new_wording", [False, True])
def test_the_amount_stays_the_same(level: int, new_wording: bool) -> None:
    rng = random.Random(level)
    for _ in range(300):
        task = u.task(level, "sft", rng, new_wording)
        assert size(task.prompt) == size(task.answer) > 0, task.prompt
        number, unit = task.answer.split()
        assert u.unit_of(unit) in SIZES
        assert u.plural(u.unit_of(unit)) in task.prompt
        assert len(re.findall(r"\d", task.prompt)) >= 1
        assert (Fraction(number).denominator > 1) <= (level == 3)


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("300 centimetres", True),
        ("300", True),
        ("300 cm.", True),
        ("It is 300 centimeters.", True),
        ("1 metre is 100 centimetres. 3 * 100 = 300. So 300 centimetres.", True),
        (r"\boxed{300\text{ cm}}", True),
        ("300 in all", True),
        ("3 metres", False),  # the question said again
        ("300 metres", False),
        ("300 m", False),
        ("300 kg", False),
        ("3", False),
        ("3 metres or 300 centimetres", False),
        ("-300 centimetres", False),
        ("3000 centimetres", False),
        ("", False),
    ],
)
def test_the_number_counts_in_the_asked_unit_alone(reply: str, right: bool) -> None:
    assert u.is_right(reply, "300 centimetres") is right


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        ("metres", "metre"),
        ("M", "metre"),
        ("Hours", "hour"),
        ("hrs", "hour"),
        ("mins", "minute"),
        ("s", "second"),
        ("secs", "second"),
        ("dozen", "dozen"),
        ("kms", "kilometre"),
        ("apples", ""),
        ("", ""),
    ],
)
def test_units_are_known_in_their_forms(word: str, unit: str) -> None:
    assert u.unit_of(word) == unit


def test_decimals_are_written_short() -> None:
    assert [u.decimal(Fraction(n, 1000)) for n in (3500, 5000, 1, 120)] == [
        *("3.5", "5", "0.001", "0.12"),
    ]
    with pytest.raises(ValueError, match="more than three"):
        u.decimal(Fraction(1, 3))
    assert (u.count("1", "metre"), u.count("2", "metre")) == ("1 metre", "2 metres")
    assert u.count("2", "dozen") == "2 dozen"
