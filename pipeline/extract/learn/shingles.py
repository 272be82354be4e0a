"""The shingle measure of main-text extraction: word 4-grams of the predicted and the true text.

A page's true and false positives and negatives are counted over the multisets of 4-grams; precision
and recall are means over pages, and F1 is taken of these means. Words keep their case.
"""

import re
from collections import Counter
from collections.abc import Iterable

WORD = re.compile(r"\w+")
GRAM = 4


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """How often each 4-gram occurs; a shorter text is one shingle, and so is an empty one."""
    words = WORD.findall(text)
    return Counter(
        tuple(words[start : start + GRAM]) for start in range(max(1, len(words) - GRAM + 1))
    )


def page_scores(predicted: str, true: str) -> tuple[float, float]:
    """Precision and recall of one page; 1.0 if there is nothing to be right or wrong."""
    found, wanted = shingles(predicted), shingles(true)
    both = sum((found & wanted).values())
    false = sum(found.values()) - both
    missed = sum(wanted.values()) - both
    precision = 1.0 if not both + false else both / (both + false)
    recall = 1.0 if not both + missed else both / (both + missed)
    return precision, recall


def score(pages: Iterable[tuple[str, str]]) -> tuple[float, float, float]:
    """F1, precision, recall of (predicted, true) pairs."""
    each = [page_scores(predicted, true) for predicted, true in pages]
    if not each:
        return 0.0, 0.0, 0.0
    precision = sum(pair[0] for pair in each) / len(each)
    recall = sum(pair[1] for pair in each) / len(each)
    total = precision + recall
    return (2 * precision * recall / total if total else 0.0), precision, recall
