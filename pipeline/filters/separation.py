"""How well a score tells two kinds apart: AUC, precision and recall, with 95% intervals.

In: the scores of both kinds. Out: numbers for a report. Intervals are Wilson's for shares and
Hanley and McNeil's (1982) for the AUC.
"""

import math
from typing import Any

import numpy as np

from pipeline.intervals import Z, wilson

_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the negatives that a threshold would keep


def separation(positive: np.ndarray, negative: np.ndarray) -> dict[str, Any]:
    """AUC, and the figures at a threshold of 0.5 and at thresholds that keep given shares of the
    negatives.
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


def at_threshold(positive: np.ndarray, negative: np.ndarray, threshold: float) -> dict[str, Any]:
    """Recall, precision and kept negatives; scores at or above the threshold count as good."""
    hits, alarms = int((positive >= threshold).sum()), int((negative >= threshold).sum())
    return {
        "threshold": round(threshold, 6),
        "recall": share(hits, len(positive)),
        "precision": share(hits, hits + alarms),
        "kept_negatives": share(alarms, len(negative)),
    }


def share(part: int, n: int) -> dict[str, float | int | None]:
    """A share with Wilson's interval; all None if n is 0."""
    if n == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(part, n)
    return {"value": round(part / n, 6), "low": round(low, 6), "high": round(high, 6), "n": n}


def _auc(positive: np.ndarray, negative: np.ndarray) -> dict[str, float | int | None]:
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
