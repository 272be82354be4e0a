"""How well a score tells two kinds apart: AUC, precision and recall, with 95% intervals.

In: the scores of both kinds. Out: numbers for a report. Intervals are Wilson's for shares and
Hanley and McNeil's (1982) for the AUC.
"""

import math
from typing import TypedDict

import numpy as np

from pipeline.intervals import Z, wilson


class ShareWithInterval(TypedDict):
    """A share and Wilson's 95% interval; all None if n is 0."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class AucWithInterval(TypedDict):
    """An AUC and Hanley and McNeil's 95% interval; all None if either kind is empty."""

    value: float | None
    low: float | None
    high: float | None
    positives: int
    negatives: int


class AtThreshold(TypedDict):
    """How a threshold separates: scores at or above it count as good."""

    threshold: float
    recall: ShareWithInterval
    precision: ShareWithInterval
    kept_negatives: ShareWithInterval


class Separation(TypedDict):
    """How well a score tells two kinds apart."""

    auc: AucWithInterval
    at_half: AtThreshold  # at a threshold of 0.5
    by_kept_share_of_negatives: list[AtThreshold]  # for each of _SHARES; empty without negatives


_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the negatives that a threshold would keep


def separation(positive: np.ndarray, negative: np.ndarray) -> Separation:
    """AUC, and the figures at several thresholds.

    Args:
        positive: [texts] scores of the good ones.
        negative: [texts] scores of the others.
    """
    return {
        "auc": _auc(positive, negative),
        "at_half": at_threshold(positive, negative, 0.5),
        "by_kept_share_of_negatives": [
            at_threshold(
                positive, negative, float(np.quantile(negative, 1 - share, method="lower"))
            )
            for share in _SHARES
        ]
        if len(negative)
        else [],
    }


def at_threshold(positive: np.ndarray, negative: np.ndarray, threshold: float) -> AtThreshold:
    """Recall, precision and kept negatives; scores at or above the threshold count as good."""
    hits, alarms = int((positive >= threshold).sum()), int((negative >= threshold).sum())
    return {
        "threshold": round(threshold, 6),
        "recall": share(hits, len(positive)),
        "precision": share(hits, hits + alarms),
        "kept_negatives": share(alarms, len(negative)),
    }


def share(part: int, n: int) -> ShareWithInterval:
    """A share with Wilson's interval; all None if n is 0."""
    if n == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(part, n)
    return {"value": round(part / n, 6), "low": round(low, 6), "high": round(high, 6), "n": n}


def _auc(positive: np.ndarray, negative: np.ndarray) -> AucWithInterval:
    """The probability that a positive scores above a negative; ties count half."""
    n, m = len(positive), len(negative)
    if not n or not m:
        return {"value": None, "low": None, "high": None, "positives": n, "negatives": m}
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left").sum()
    upto = np.searchsorted(ordered, positive, side="right").sum()
    a = float(below + upto) / 2 / (n * m)
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m)
    half = Z * math.sqrt(max(0.0, variance))
    return {
        "value": round(a, 6),
        "low": round(max(0.0, a - half), 6),
        "high": round(min(1.0, a + half), 6),
        "positives": n,
        "negatives": m,
    }
