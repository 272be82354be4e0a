"""Cuts a document into passages: what a search finds and what fits into a conversation.

Borders are ends of paragraphs where there are any near, else ends of sentences, else spaces, and in
a text without any of them whatever comes. Passages of one document are about equally long, so that
none is a left-over of three words, don't overlap, and hold all that isn't white space between them.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

# Each pattern's end is a border. A full stop without a space after it is inside a number or name.
_BORDERS = (
    re.compile(r"\n\s*"),
    re.compile(r"[.!?…؟।]+[\"'”’»)\]]*\s+|[。！？]+[」』）”’]*\s*"),
    re.compile(r"\s+"),
)


class CutPassage(NamedTuple):
    """A piece of a document."""

    start: int  # characters of the document before it
    text: str


def cut(text: str, max_characters: int) -> Iterator[CutPassage]:
    """The passages of a text, in order; none of a text of white space.

    Args:
        text: a document's.
        max_characters: of a passage.
    """
    end = len(text.rstrip())
    start = _after_space(text, 0)
    while end - start > max_characters:
        border = _border(text, start, end, max_characters)
        yield CutPassage(start, text[start:border].rstrip())
        start = _after_space(text, border)
    if start < end:
        yield CutPassage(start, text[start:end])


def _after_space(text: str, start: int) -> int:
    """The first place from `start` on that isn't white space; no copy of the rest is made."""
    found = _BORDERS[-1].match(text, start)
    return found.end() if found else start


def _border(text: str, start: int, end: int, max_characters: int) -> int:
    """Where the passage ends that begins at `start`."""
    pieces = -(-(end - start) // max_characters)
    length = -(-(end - start) // pieces)  # of each, were they equally long
    low, aim, high = start + max(1, length // 2), start + length, start + max_characters
    for pattern in _BORDERS:
        found = [match.end() for match in pattern.finditer(text, low, high)]
        if found:
            return min(found, key=lambda border: (abs(border - aim), border))
    while aim > low and unicodedata.category(text[aim])[0] == "M":
        aim -= 1  # an accent stays with its letter
    return aim
