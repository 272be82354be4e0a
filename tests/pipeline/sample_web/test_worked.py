"""Worked sums are right in every step, and questions hold what they ask about."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sample_web import worked as w

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


def test_spelling() -> None:
    assert w.spelled("harbour") == "h-a-r-b-o-u-r"
    assert len(set(w.SPELLING_WORDS)) == len(w.SPELLING_WORDS) >= 200
    for wording in range(len(w.SPELLING_QUESTIONS)):
        assert "harbour" in w.spelling_question("harbour", wording)
