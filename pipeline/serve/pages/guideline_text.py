"""The labelers' guideline as a page shows it: paragraphs and lists of plain and of strong text.

It reads as much of Markdown as our own guideline has and makes no markup: a template does.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

STRONG = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


class TextRun(NamedTuple):
    """A piece of text."""

    text: str
    strong: bool


class GuidelineBlock(NamedTuple):
    """A paragraph, or a list: one item or several, each of runs."""

    is_list: bool
    items: list[list[TextRun]]


def blocks_of(markdown: str) -> list[GuidelineBlock]:
    """The blocks of a text, in order.

    Args:
        markdown: paragraphs, `- ` lists and `**strong**` alone.
    """
    found = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        is_list = block.startswith("- ")
        parts = re.split(r"^- ", block, flags=re.MULTILINE)[1:] if is_list else [block]
        found.append(GuidelineBlock(is_list, [list(_runs(" ".join(p.split()))) for p in parts]))
    return found


def _runs(text: str) -> Iterator[TextRun]:
    """`split` puts what stood between the signs at each second place."""
    for number, piece in enumerate(STRONG.split(text)):
        if piece:
            yield TextRun(piece, number % 2 == 1)
