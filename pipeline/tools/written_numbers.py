"""Exact numbers as a person writes them: 0.3 for 3/10, 0.333333333333 for a third, 2.5e-9.

Whole numbers and decimals that end are written in full as long as they are short; what doesn't end
is rounded, half to even.
"""

from fractions import Fraction

SIGNIFICANT_DIGITS = 12  # of what is rounded: what a pocket calculator shows
FULL_DECIMALS = 20  # at most so many of a decimal that ends are all written
LEAST_DECIMALS = 2  # of what is rounded, however long its whole part: amounts of money
TINY = Fraction(1, 10**6)  # below it powers of ten are written


def written(value: Fraction) -> str:
    """The text of a number."""
    if value.denominator == 1:
        return str(value.numerator)
    if abs(value) < TINY:
        return _with_power(value)
    full = _decimals(value.denominator)
    if full is None or full > FULL_DECIMALS:
        whole_digits = len(str(abs(value.numerator) // value.denominator).lstrip("0"))
        zeros = _zeros_after_point(abs(value)) if not whole_digits else 0
        full = max(LEAST_DECIMALS, SIGNIFICANT_DIGITS - whole_digits + zeros)
    return _fixed(value, full)


def _fixed(value: Fraction, decimals: int) -> str:
    scaled = round(abs(value) * 10**decimals)
    digits = str(scaled).rjust(decimals + 1, "0")
    text = f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 and scaled else text


def _with_power(value: Fraction) -> str:
    power = -1 - _zeros_after_point(abs(value))
    digits = _fixed(value * Fraction(10) ** -power, SIGNIFICANT_DIGITS - 1)
    if digits.lstrip("-") == "10":  # rounded up
        return f"{'-' if value < 0 else ''}1e{power + 1}"
    return f"{digits}e{power}"


def _decimals(denominator: int) -> int | None:
    """How many decimals a fraction with this denominator has; None: they never end."""
    counts = []
    for prime in (2, 5):
        count = 0
        while denominator % prime == 0:
            denominator //= prime
            count += 1
        counts.append(count)
    return max(counts) if denominator == 1 else None


def _zeros_after_point(value: Fraction) -> int:
    """The zeros between the point and the first other digit of a number between 0 and 1."""
    zeros = max(0, len(str(value.denominator)) - len(str(value.numerator)) - 1)
    while value * 10 ** (zeros + 1) < 1:
        zeros += 1
    return zeros
