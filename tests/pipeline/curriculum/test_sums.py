"""Worked sums are right in every step, questions hold what they ask; operands as asked for."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import sums as w
from pipeline.curriculum.held_out import sum_split
from pipeline.curriculum.sums import draw_sum, lengths, operand

NUMBERS = st.integers(0, 10**5 - 1)


@given(NUMBERS, NUMBERS)
def test_every_step_and_the_answer_are_right(a: int, b: int) -> None:
    text = w.worked(a, b)
    assert int(re.findall(r"\d+", text)[-1]) == a + b
    steps = text[text.index(":") + 2 : text.index(". So")].split(", ")
    assert len(steps) == max(len(str(a)), len(str(b)))
    carry, ones = 0, []
    for step in steps:
        left, total = step.split("=")
        terms = [int(term) for term in left.split("+")]
        assert terms[2:] == [carry] * (carry > 0)
        assert sum(terms) == int(total)
        carry, digit = divmod(int(total), 10)
        ones.append(str(digit))
    assert int(str(carry) + "".join(reversed(ones))) == a + b
    assert text.startswith(f"{a} + {b}: ")


@given(NUMBERS, NUMBERS, st.integers(0, 20))
def test_direct_answer_and_question(a: int, b: int, wording: int) -> None:
    assert re.findall(r"\d+", w.direct(a, b)) == [str(a + b)]
    assert re.findall(r"\d+", w.sum_question(a, b, wording)) == [str(a), str(b)]


def test_known_example_with_padding_and_carry() -> None:
    assert w.worked(347, 58) == "347 + 58: 7+8=15, 4+5+1=10, 3+0+1=4. So 347 + 58 = 405."
    assert w.worked(7, 5) == "7 + 5: 7+5=12. So 7 + 5 = 12."


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        w.worked(-1, 2)


@pytest.mark.parametrize(("digits", "low", "high"), [(1, 0, 9), (2, 10, 99), (3, 100, 999)])
def test_an_operand_has_exactly_so_many_digits(digits: int, low: int, high: int) -> None:
    rng = random.Random("digits")
    drawn = [operand(digits, rng) for _ in range(12000)]
    assert (min(drawn), max(drawn)) == (low, high)
    assert len(set(drawn)) == high - low + 1


def test_lengths_are_all_pairs_whose_longer_one_has_so_many_digits() -> None:
    assert lengths(1) == [(1, 1)]
    assert sorted(lengths(3)) == [(1, 3), (2, 3), (3, 1), (3, 2), (3, 3)]


@pytest.mark.parametrize("split", ["sft", "rl", "evaluation"])
def test_both_operands_have_their_own_length_and_the_sum_its_split(split: str) -> None:
    rng = random.Random(split)
    for _ in range(50):
        a, b = draw_sum((3, 2), split, rng)
        assert (len(str(a)), len(str(b))) == (3, 2)
        assert sum_split(a, b) == split
