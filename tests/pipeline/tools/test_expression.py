"""Arithmetic is exact, means what people mean, and is refused before it takes long."""

import ast
import contextlib
import operator
import random
import time
from fractions import Fraction

import pytest

from pipeline.tools import expression
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.tool import ToolError

CONFIG = CalculatorConfig()


def value(text: str) -> Fraction:
    return expression.value_of(text, CONFIG)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2", 3),
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("10 - 4 - 3", 3),
        ("100 / 10 / 5", 2),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1/3 + 1/3 + 1/3", 1),
        ("-3 + 5", 2),
        ("2 - -3", 5),
        ("--2", 2),
        ("-+-2", 2),
        ("-2 ** 2", -4),
        ("(-2) ** 2", 4),
        ("2 ** 3 ** 2", 512),
        ("2 ** -2", Fraction(1, 4)),
        ("2 ** -(1)", Fraction(1, 2)),
        ("2^10", 1024),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("7.5 // 2", 3),
        ("7 % 3", 1),
        ("-7 % 3", 2),
        ("7.5 % 2", Fraction(3, 2)),
        ("4 ** 0.5", 2),
        ("8 ** (1/3)", 2),
        ("(4/9) ** 0.5", Fraction(2, 3)),
        ("4 ** -0.5", Fraction(1, 2)),
        ("8 ** (2/3)", 4),
        ("0 ** 0", 1),
        ("0 ** 0.5", 0),
        ("1 ** 99999999999", 1),
        ("(-1) ** 99999999999", -1),
        ("1,234 + 1", 1235),
        ("1,234,567.5 * 2", 2469135),
        ("1 234 + 1", 1235),
        ("1_000 + 1", 1001),
        ("12'345 + 1", 12346),
        ("1.5e3 + 1", 1501),
        ("2e-3", Fraction(1, 500)),
        ("2E+3", 2000),
        ("1,5 + 1", Fraction(5, 2)),
        (".5 + .5", 1),
        ("5. + 1", 6),
        ("12 \u00d7 3 \u00f7 4 \u2212 1", 8),
        ("3 \u2013 1", 2),
        ("5\u00b2", 25),
        ("\u0664 + \uff11", 5),
        ("  3\t+\n4 = ", 7),
        ("((((3))))", 3),
    ],
)
def test_values(text: str, expected: Fraction | int) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a number is missing at the end"),
        ("1 +", "a number is missing at the end"),
        ("* 3", "a number is missing before *"),
        ("(1 + 2", "a closing parenthesis is missing before the end"),
        ("(1 2)", "a closing parenthesis is missing before 2"),
        ("1 + 2)", "unexpected ): one opening too few"),
        ("2 (3)", "unexpected (: an operator is missing before it"),
        ("1 / 0", "division by zero"),
        ("1 // 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("1 / (3 - 3)", "division by zero"),
        ("0 ** -1", "division by zero: 0 to a negative power"),
        ("0 ** -0.5", "division by zero: 0 to a negative power"),
        ("(-4) ** 0.5", "no real power"),
        ("sqrt(4)", "doesn't know 'sqrt'"),
        ("__import__('os')", "doesn't know"),
        ("2 & 3", "doesn't know '&'"),
        ("007 + 1", "'007' is no number"),
        ("1,23,4 + 1", "'1,23,4' is no number"),
        ("1.2.3", "'1.2.3' is no number"),
        ("9 ** 9 ** 9", "the result is too large or too fine: over 1,000 digits"),
        ("2 ** -99999", "too large or too fine"),
        ("1e99999", "too large or too fine"),
        ("1e999999999999999999", "too large or too fine"),
        ("10 ** 999 * 100", "too large or too fine"),
        ("2 ** 0.5 ** -40", "too large or too fine"),
        ("(" * 51 + "1" + ")" * 51, "nested more than 50 deep"),
        ("2" + "**1" * 51, "nested more than 50 deep"),
        ("1" * 1_001, "more than 1,000 characters"),
    ],
)
def test_errors_say_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ToolError) as caught:
        value(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 999,
        "-" * 999 + "1",
        "1" + "*9999" * 199,
        "7**99" + "+1/7**99" * 120,
        "1/3" + "+1/9973**4" * 90,
        "2**0.123456789" + "+2**0.123456789" * 60,
        "10**999 % 7" + "//3" * 200,
        "((1.000001**3000)**0.333333333)**0.77777",
    ],
    ids=["digits", "signs", "products", "sums", "fractions", "roots", "rests", "powers"],
)
def test_nothing_takes_long(text: str) -> None:
    """A hundred times what it takes here, so that no slow machine fails; it must only not hang."""
    started = time.process_time()
    with contextlib.suppress(ToolError):
        value(text)
    assert time.process_time() - started < 20


def test_random_expressions_as_python_has_them() -> None:
    """Python's own operators on fractions, by its own parser."""
    chance = random.Random(7)

    def made(depth: int) -> str:
        if depth == 0:
            return str(chance.randint(0, 30))
        sign = chance.choice(["+", "-", "*", "/", "//", "%", "**"])
        left, right = made(depth - 1), made(depth - chance.randint(1, depth))
        right = str(chance.randint(0, 4)) if sign == "**" else right
        negative = chance.choice(["", "-"])
        return (
            f"{negative}({left}){sign}{right}" if chance.random() < 0.5 else f"{left}{sign}{right}"
        )

    names = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv"}
    names |= {ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow"}

    def by_python(node: ast.AST) -> Fraction:
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, int)
            return Fraction(node.value)
        if isinstance(node, ast.UnaryOp):
            return -by_python(node.operand)
        assert isinstance(node, ast.BinOp)
        left, right = by_python(node.left), by_python(node.right)
        return Fraction(getattr(operator, names[type(node.op)])(left, right))

    compared = 0
    for _ in range(3_000):
        text = made(chance.randint(1, 3))
        try:
            ours = value(text)
        except ToolError as error:
            ours = None
            if "zero" in str(error):
                with pytest.raises(ZeroDivisionError):
                    by_python(ast.parse(text, mode="eval").body)
        if ours is not None:
            assert ours == by_python(ast.parse(text, mode="eval").body), text
            compared += 1
    assert compared > 1_500


def test_bounds_are_the_configs() -> None:
    narrow = CalculatorConfig(characters=10, nesting=2, digits=3)
    assert expression.value_of("999", narrow) == 999
    for text in ("1 + 1 + 1 + 1", "(((1)))", "9999", "99 * 99"):
        with pytest.raises(ToolError):
            expression.value_of(text, narrow)
