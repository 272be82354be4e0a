"""Two texts side by side: which words both have, which only one of them.

The longest common subsequence of words and white space, by the bit-parallel method of Hyyrö (2004,
"Bit-Parallel LCS-length Computation Revisited"): a row of the table of lengths is one whole number,
so that texts of thousands of words, of a stranger's making, take milliseconds and never more.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

MOST_WORDS = 12_000  # of a text, white space counted; what follows isn't compared. Ours: 0.1 s
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

Side = Literal["both", "left", "right"]


class WordRun(NamedTuple):
    """A stretch of text."""

    side: Side  # whose it is
    text: str


def difference(left: str, right: str) -> tuple[list[WordRun], bool]:
    """The runs of both texts in order, and whether all was compared.

    Args:
        left: one text.
        right: the other.
    """
    a, b = (_WORDS.findall(text) for text in (left, right))
    whole = max(len(a), len(b)) <= MOST_WORDS
    return list(_joined(_steps(a[:MOST_WORDS], b[:MOST_WORDS]))), whole


def changes(runs: Sequence[WordRun], around: int) -> list[list[WordRun]]:
    """What is not in both, with so many characters of what is before and after it.

    Changes that stand nearer than that to one another are one.
    """
    found: list[list[WordRun]] = []
    for at, run in enumerate(runs):
        if run.side != "both":
            if not found:
                found.append([])
            found[-1].append(run)
        elif len(run.text) <= 2 * around and 0 < at < len(runs) - 1:
            found[-1].append(run)
        else:
            if at:
                found[-1].append(WordRun("both", run.text[:around]))
            if at < len(runs) - 1:
                found.append([WordRun("both", run.text[-around:])])
    return found


def _steps(a: list[str], b: list[str]) -> Iterator[WordRun]:
    """Word by word."""
    least = min(len(a), len(b))
    first = next((at for at in range(least) if a[at] != b[at]), least)
    last = next((at for at in range(least - first) if a[-1 - at] != b[-1 - at]), least - first)
    yield from (WordRun("both", word) for word in a[:first])
    yield from _inner(a[first : len(a) - last], b[first : len(b) - last])
    yield from (WordRun("both", word) for word in a[len(a) - last :])


def _inner(a: Sequence[str], b: Sequence[str]) -> Iterator[WordRun]:
    places: dict[str, int] = {}  # bits: where a word stands in `a`
    for at, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << at
    # A zero bit: there the length of the best common subsequence rises by one.
    mask = (1 << len(a)) - 1
    row = mask
    rows = [row]
    for word in b:
        hits = row & places.get(word, 0)
        row = (row + hits | row - hits) & mask
        rows.append(row)
    found: list[WordRun] = []
    i, j = len(a), len(b)
    while i and j:
        rises = not rows[j] >> i - 1 & 1
        if rises and not rows[j - 1] >> i - 1 & 1:
            j -= 1  # it rose without b's word
            found.append(WordRun("right", b[j]))
        elif rises:
            i, j = i - 1, j - 1
            found.append(WordRun("both", a[i]))
        else:
            i -= 1
            found.append(WordRun("left", a[i]))
    found += [WordRun("right", b[at]) for at in range(j - 1, -1, -1)]
    found += [WordRun("left", a[at]) for at in range(i - 1, -1, -1)]
    yield from reversed(found)


def _joined(steps: Iterator[WordRun]) -> Iterator[WordRun]:
    """Neighbours of one side as one run; between two changes the left comes before the right."""
    waiting: dict[Side, list[str]] = {"left": [], "right": []}
    both: list[str] = []
    for side, text in steps:
        if side == "both":
            for name, words in waiting.items():
                if words:
                    yield WordRun(name, "".join(words))
                    words.clear()
            both.append(text)
        else:
            if both:
                yield WordRun("both", "".join(both))
                both.clear()
            waiting[side].append(text)
    for name, words in (*waiting.items(), ("both", both)):
        if words:
            yield WordRun(name, "".join(words))
