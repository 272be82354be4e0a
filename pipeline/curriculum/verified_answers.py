"""Answers judged by Hugging Face's math-verify, where one's own reader finds no number.

In: a reply and a number. math-verify compares by algebra, which takes some milliseconds; it is
asked only where a reply marks its answer and what is marked is one formula ("\\sqrt{16}"; a plain
number or fraction needs no algebra). What the own reader takes for a number is decided.
"""

import re
from fractions import Fraction

from pipeline.curriculum import final_answers, optional_packages

MODULE, PACKAGE = "math_verify", "math-verify"
WHY = "judging answers by math-verify"
# One formula: no list, no words, no plus-minus, of which several values would be right.
_FORMULA = re.compile(
    r"(?:\\(?:[dt]?frac|sqrt|times|cdot|div|left|right)(?![a-zA-Z])|[\d.+\-*/^(){}\s])+"
)


def is_verified(reply: str, answer: str) -> bool:
    """Whether a reply's marked answer equals a number."""
    found = final_answers.number(reply)
    if found is not None:
        return found == Fraction(answer)
    parts = final_answers.marked(reply)
    if parts is None or len(parts) != 1:
        return False
    formula = parts[0].strip().strip("$")
    if not _FORMULA.fullmatch(formula):
        return False
    package = optional_packages.take(MODULE, PACKAGE, WHY)
    return bool(package.verify(package.parse(f"${answer}$"), package.parse(f"${formula}$")))
