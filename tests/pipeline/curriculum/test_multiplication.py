"""Products are right in every step; both numbers have the level's digits."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import multiplication as m


@given(st.integers(0, 9999), st.integers(0, 999))
def test_every_step_and_the_answer_are_right(a: int, b: int) -> None:
    text = m.worked(a, b)
    assert text.endswith(f"So {a} * {b} = {a * b}.")
    for left, right in re.findall(r"\b(\d+(?:[*+]\d+)+)=(\d+)", text):
        terms = [int(x) * int(y or 1) for x, y in re.findall(r"(\d+)(?:\*(\d+))?", left)]
        assert sum(terms) == int(right), (left, right)
    for number, part, product in re.findall(r"(\d+) \* (\d+): [^:]*?, so (\d+)", text):
        assert int(number) * int(part) == int(product)
    parts = [int(product) for product in re.findall(r", so (\d+)", text)]
    assert not parts or sum(parts) == a * b


def test_known_examples() -> None:
    assert m.worked(47, 6) == "47 * 6: 7*6=42, 4*6+4=28. So 47 * 6 = 282."
    assert m.worked(47, 36) == (
        "47 * 6: 7*6=42, 4*6+4=28, so 282. 47 * 30: 7*3=21, 4*3+2=14, so 1410."
        " 282 + 1410: 2+0=2, 8+1=9, 2+4=6, 0+1=1. So 47 * 36 = 1692."
    )
    with pytest.raises(ValueError, match="non-negative"):
        m.worked(-1, 2)


@pytest.mark.parametrize("level", range(1, m.LEVELS + 1))
def test_numbers_have_the_digits_of_the_level_in_either_order(level: int) -> None:
    rng = random.Random(level)
    seen = set()
    for _ in range(200):
        task = m.task(level, "sft", rng)
        pair = tuple(len(text) for text in re.findall(r"\d+", task.prompt))
        seen.add(pair)
    assert seen == {m.DIGITS[level - 1], m.DIGITS[level - 1][::-1]}
