"""Raters who go by the place of an answer and not by what it says: found by a binomial test.

In: comparisons. Out: for each rater how often the answer shown first won and how often the one
called A, with the probability that somebody who doesn't care for places is so one-sided; who is
named; and the comparisons without theirs. Ties say nothing of places and are left out of the tests.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pipeline.intervals import wilson


class PlaceFigures(TypedDict):
    """Of one rater."""

    rater: str
    source: str
    comparisons: int
    ties: int
    first: float | None  # share of decided ones that the answer shown first won; None: unknown
    first_low: float  # Wilson's 95% interval
    first_high: float
    first_probability: float  # of a share so far from a half, by chance
    a: float | None  # the same of the answer called A
    a_probability: float
    named: str  # "first" or "a" where the rater goes by it; else ""


def two_sided(successes: int, n: int) -> float:
    """The probability of so many heads of n, or of a number as far from half, of a fair coin.

    Exact (Clopper and Pearson's test at 1/2), by whole numbers.
    """
    far = max(successes, n - successes)
    if 2 * far == n:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(far, n + 1))
    return float(min(1, 2 * tail / 2**n)) if n < 1_000 else _tail_of_many(far, n)


def _tail_of_many(far: int, n: int) -> float:
    """The same where whole numbers would be long: by the normal distribution, half a step off."""
    return math.erfc((2 * far - 1 - n) / math.sqrt(2 * n))


def place_figures(
    rows: Sequence[Mapping[str, Any]], error: float, share: float
) -> list[PlaceFigures]:
    """Of every rater, by source and name.

    Args:
        rows: of PREFERENCES.
        error: probability that any honest rater of all is named (Bonferroni: two tests each).
        share: least share of decided comparisons that the place wins, or loses, of who is named.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["source"], row["rater"]), []).append(row)
    limit = error / (2 * len(groups)) if groups else 0.0
    return [_figures(*key, groups[key], limit, share) for key in sorted(groups)]


def _figures(
    source: str, rater: str, rows: Sequence[Mapping[str, Any]], limit: float, share: float
) -> PlaceFigures:
    decided = [row for row in rows if row["winner"] != "tie"]
    shown = [row["winner"] == row["first"] for row in decided if row["first"]]
    called = [row["winner"] == "a" for row in decided]
    probabilities = [two_sided(sum(marks), len(marks)) for marks in (shown, called)]
    low, high = wilson(sum(shown), len(shown))

    def goes_by(marks: Sequence[bool], probability: float) -> bool:
        most = max(sum(marks), len(marks) - sum(marks))
        return bool(marks) and probability <= limit and most >= share * len(marks)

    by_first, by_a = (goes_by(marks, p) for marks, p in zip((shown, called), probabilities))
    return {
        "rater": rater,
        "source": source,
        "comparisons": len(rows),
        "ties": len(rows) - len(decided),
        "first": sum(shown) / len(shown) if shown else None,
        "first_low": low,
        "first_high": high,
        "first_probability": probabilities[0],
        "a": sum(called) / len(called) if called else None,
        "a_probability": probabilities[1],
        "named": "first" if by_first else "a" if by_a else "",
    }


def without(
    rows: Sequence[dict[str, Any]], raters: Sequence[PlaceFigures]
) -> tuple[list[dict[str, Any]], int]:
    """The comparisons of raters who aren't named, and how many others there are.

    Args:
        rows: of PREFERENCES.
        raters: of `place_figures`.
    """
    named = {(one["source"], one["rater"]) for one in raters if one["named"]}
    kept = [row for row in rows if (row["source"], row["rater"]) not in named]
    return kept, len(rows) - len(kept)
