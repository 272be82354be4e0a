"""An answer's style in four counts: tokens, headers, list items and bold passages of its Markdown.

And the difference of two answers in it, as the public arena's style control takes it:
(a - b) / (a + b + 1), so that 20 words against 10 count about as 200 against 100.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from storage.errors import UserError

Matrix = npt.NDArray[np.float64]

STYLES = ("tokens", "headers", "lists", "bold")

# As FastChat's `count_style_elements` finds them; what stands in code blocks is code.
CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
HEADER = re.compile(r"^#{1,6}\s", re.MULTILINE)
LIST_ITEM = re.compile(r"^[ \t]*(?:\d+\.|[-*+])\s", re.MULTILINE)
BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


class AnswerStyle(NamedTuple):
    """How often an answer has each."""

    tokens: int
    headers: int = 0
    lists: int = 0
    bold: int = 0


def answer_style(text: str, tokens: int) -> AnswerStyle:
    """The counts of a text.

    Args:
        text: the answer, as Markdown.
        tokens: its length; of both answers to one prompt by the same tokenizer.
    """
    if tokens < 0:
        raise UserError(f"an answer of {tokens} tokens: a length is 0 or more")
    plain = CODE.sub("", text)
    return AnswerStyle(tokens, *(len(each.findall(plain)) for each in (HEADER, LIST_ITEM, BOLD)))


def style_differences(a: Sequence[AnswerStyle], b: Sequence[AnswerStyle]) -> Matrix:
    """[answers, STYLES] of each a against its b: above 0 where a has more."""
    ours = np.array(a, dtype=np.float64).reshape(len(a), len(STYLES))
    others = np.array(b, dtype=np.float64).reshape(len(b), len(STYLES))
    found: Matrix = (ours - others) / (ours + others + 1.0)
    return found


def scales(differences: Matrix) -> Matrix:
    """[styles] each column's size: the root of its mean square, 1 where it is 0 throughout.

    Not the standard deviation around a mean, which changes with which answer is called a.
    """
    size: Matrix = np.sqrt(np.mean(differences**2, axis=0)) if len(differences) else np.ones(4)
    return np.where(size > 0, size, 1.0)
