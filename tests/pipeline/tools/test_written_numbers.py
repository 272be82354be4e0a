"""Numbers come out as a person writes them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.curriculum import numerals
from pipeline.tools.written_numbers import written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (5, "5"),
        (-5, "-5"),
        (1234567, "1234567"),
        (10**60, "1" + "0" * 60),
        (Fraction(3, 10), "0.3"),
        (Fraction(-3, 10), "-0.3"),
        (Fraction(1, 8), "0.125"),
        (Fraction(1, 1024), "0.0009765625"),
        (Fraction(1, 3), "0.333333333333"),
        (Fraction(2, 3), "0.666666666667"),
        (Fraction(-2, 3), "-0.666666666667"),
        (Fraction(200, 3), "66.6666666667"),
        (Fraction(1, 300), "0.00333333333333"),
        (Fraction(10**20, 3), "33333333333333333333.33"),
        (1 - Fraction(1, 3 * 10**12), "1"),
        (Fraction(1, 10**6), "0.000001"),
        (Fraction(1, 10**7), "1e-7"),
        (Fraction(25, 10**10), "2.5e-9"),
        (Fraction(-1, 3 * 10**9), "-3.33333333333e-10"),
        (Fraction(10**13 - 1, 10**22), "1e-9"),
        (Fraction(1, 2**20), "9.53674316406e-7"),
        (Fraction(1234567, 2**7), "9645.0546875"),
    ],
)
def test_forms(value: Fraction | int, text: str) -> None:
    assert written(Fraction(value)) == text


@given(some.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**9))
def test_what_is_written_is_the_number(value: Fraction) -> None:
    text = written(value)
    assert not text.startswith(("-0 ", "+", "."))
    assert text not in ("-0", "")
    mantissa, _, power = text.partition("e")
    read = numerals.whole(mantissa.lstrip("-"))
    assert read is not None
    read = read * Fraction(10) ** int(power or 0) * (-1 if text.startswith("-") else 1)
    assert abs(read - value) <= abs(value) * Fraction(1, 10**11)
