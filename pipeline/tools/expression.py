"""Arithmetic as people write it, worked out exactly: no float, and no `eval`.

In: a text such as `-(1,250 + 3) * 4 / 7`. Out: its value as a fraction. `^` is a power as `**` is;
`%` and `//` round down as in Python. What could take long (huge powers, deep nesting) is refused
before it is computed.
"""

import decimal
import re
from collections.abc import Callable
from fractions import Fraction

from pipeline.curriculum import numerals
from pipeline.tools import written_numbers
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.tool import ToolError

DECIMAL_DIGITS = 50  # of a root that has no exact value; far more than are ever shown
_SIGNS = {"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00f7": "/", "^": "**"}
_SPACES = f" \t\r\n{numerals.SPACES}"
_TOKEN = re.compile(
    rf"""[{_SPACES}]*(?:
        (?P<number>[1-9]\d{{0,2}}(?P<space>[ {numerals.SPACES}])\d{{3}}(?:(?P=space)\d{{3}})*
            (?:[.,]\d+)?(?![\d.,'_])
          | \d+(?:[.,'_]\d+)*\.?(?![.,'_]?\d) | \.\d+)
        (?P<exponent>[eE][-+\u2212]?\d+)?
      | (?P<sign>\*\*|//|[-+*/%()^\u2212\u2013\u00d7\u00f7])
      | (?P<word>[^\W\d_]+)
      | (?P<other>.))""",
    re.VERBOSE,
)
_KNOWN = "it knows numbers, + - * / // % ** and parentheses"


def value_of(text: str, config: CalculatorConfig) -> Fraction:
    """The value of an expression.

    Raises:
        ToolError: it is none, has no value, or goes beyond the config's bounds.
    """
    if len(text) > config.characters:
        raise ToolError(f"the expression has more than {config.characters:,} characters")
    reader = _Reader(_tokens(text, config), config)
    value = reader.sum()
    if (left := reader.next) is not None:
        after = "one opening too few" if left == ")" else "an operator is missing before it"
        raise ToolError(f"unexpected {_shown(left)}: {after}")
    return value


def _tokens(text: str, config: CalculatorConfig) -> list[str | Fraction]:
    text = numerals.plain(text).strip(_SPACES).rstrip("=").rstrip(_SPACES)
    found: list[str | Fraction] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None  # `other` takes what nothing else does
        at = match.end()
        if (digits := match["number"]) is not None:
            found.append(_number(digits, match["exponent"] or "", config))
        elif (sign := match["sign"]) is not None:
            found.append(_SIGNS.get(sign, sign))
        elif (word := match["word"]) is not None:
            raise ToolError(f"the calculator doesn't know {word[:40]!r}: {_KNOWN}")
        else:
            raise ToolError(f"the calculator doesn't know {match['other']!r}: {_KNOWN}")
    return found


def _number(digits: str, exponent: str, config: CalculatorConfig) -> Fraction:
    if len(digits) > config.digits:
        raise ToolError(f"a number has more than {config.digits:,} digits")
    value = numerals.of_digits(digits.rstrip("."))
    if value is None:
        raise ToolError(
            f"{digits[:40]!r} is no number: write 1,234,567.89 or 1234567.89, without zeros before"
        )
    if exponent:
        power = int(exponent[1:].replace("\u2212", "-")) if len(exponent) < 8 else config.bits
        value = _bounded(value * _power(Fraction(10), Fraction(power), config), config)
    return value


class _Reader:
    """Reads tokens from left to right; one method a rank of operators."""

    def __init__(self, tokens: list[str | Fraction], config: CalculatorConfig) -> None:
        self._tokens, self._config = tokens, config
        self._at = self._depth = 0

    @property
    def next(self) -> str | Fraction | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *signs: str) -> str:
        """The next token if it is one of these signs, else nothing."""
        if isinstance(sign := self.next, str) and sign in signs:
            self._at += 1
            return sign
        return ""

    def sum(self) -> Fraction:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = _bounded(value + other if sign == "+" else value - other, self._config)
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while sign := self._take("*", "/", "//", "%"):
            other = self._signed()
            value = _bounded(_multiplied(value, sign, other), self._config)
        return value

    def _signed(self) -> Fraction:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._raised()
        return -value if negative else value

    def _raised(self) -> Fraction:
        base = self._single()
        if not self._take("**"):
            return base
        with_sign = self._deeper(self._signed)  # 2 ** -3 ** 2 is 2 ** -(3 ** 2)
        return _bounded(_power(base, with_sign, self._config), self._config)

    def _single(self) -> Fraction:
        token = self.next
        self._at += 1
        if isinstance(token, Fraction):
            return token
        if token == "(":  # noqa: S105
            value = self._deeper(self.sum)
            if not self._take(")"):
                found = "the end" if self.next is None else _shown(self.next)
                raise ToolError(f"a closing parenthesis is missing before {found}")
            return value
        where = "at the end" if token is None else f"before {_shown(token)}"
        raise ToolError(f"a number is missing {where}")

    def _deeper(self, read: Callable[[], Fraction]) -> Fraction:
        self._depth += 1
        if self._depth > self._config.nesting:
            raise ToolError(f"the expression is nested more than {self._config.nesting} deep")
        value = read()
        self._depth -= 1
        return value


def _multiplied(value: Fraction, sign: str, other: Fraction) -> Fraction:
    if sign == "*":
        return value * other
    if not other:
        raise ToolError("division by zero")
    if sign == "/":
        return value / other
    return Fraction(value // other) if sign == "//" else value % other


def _power(base: Fraction, exponent: Fraction, config: CalculatorConfig) -> Fraction:
    if not base:
        if exponent < 0:
            raise ToolError("division by zero: 0 to a negative power")
        return Fraction(0 if exponent else 1)
    if exponent.denominator > 1:
        return _fractional_power(base, exponent, config)
    if abs(base) == 1:
        return base if exponent % 2 else Fraction(1)
    # A number of n bits is at least 2 ** (n - 1).
    if max(1, _bits(base) - 1) * abs(exponent) > config.bits:
        raise _too_large(config)
    return base ** int(exponent)


def _fractional_power(base: Fraction, exponent: Fraction, config: CalculatorConfig) -> Fraction:
    """Exact where it can be (4 ** 0.5 is 2), else to DECIMAL_DIGITS digits."""
    if base < 0:
        raise ToolError("a negative number has no real power that isn't whole")
    above = _whole_root(base.numerator, exponent.denominator)
    below = _whole_root(base.denominator, exponent.denominator)
    if above and below:
        return _power(Fraction(above, below), Fraction(exponent.numerator), config)
    context = decimal.Context(prec=DECIMAL_DIGITS, Emax=config.digits, Emin=-config.digits)
    context.traps[decimal.Underflow] = True
    try:
        value = context.divide(decimal.Decimal(base.numerator), decimal.Decimal(base.denominator))
        parts = decimal.Decimal(exponent.numerator), decimal.Decimal(exponent.denominator)
        return Fraction(context.power(value, context.divide(*parts)))
    except decimal.DecimalException as error:
        raise _too_large(config) from error


def _whole_root(value: int, degree: int) -> int:
    """The whole number whose power of this degree is the value; 0 if there is none."""
    if value == 1:
        return 1
    if degree > value.bit_length():
        return 0
    low, high = 1, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**degree < value:
            low = middle + 1
        else:
            high = middle
    return low if low**degree == value else 0


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _bounded(value: Fraction, config: CalculatorConfig) -> Fraction:
    if _bits(value) > config.bits:
        raise _too_large(config)
    return value


def _too_large(config: CalculatorConfig) -> ToolError:
    return ToolError(f"the result is too large or too fine: over {config.digits:,} digits")


def _shown(token: str | Fraction) -> str:
    return token if isinstance(token, str) else written_numbers.written(token)
