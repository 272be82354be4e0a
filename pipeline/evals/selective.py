"""How far a model's confidence tells its right answers from its wrong ones.

In: a confidence and a mark for each answer. Out: the risk-coverage curve and its area (Geifman and
El-Yaniv, arXiv 1705.08500 and 1805.08206), average precision (scikit-learn's definition), the
calibration curve in bins of equal mass and its expected calibration error. Of answers of equal
confidence no order is known: each score is its expectation over all their orders, so none depends
on how rows are sorted. Intervals are bootstraps over questions, or over groups of them.
"""

import dataclasses
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from pipeline.evals.honesty import NOTHING, Estimate

BINS = 10
Numbers = Sequence[float] | np.ndarray
Marks = Sequence[bool] | np.ndarray


@dataclasses.dataclass(frozen=True)
class Bin:
    """Answers of neighbouring confidence."""

    confidence: float  # their mean
    accuracy: float  # the share that is right
    n: int


def risk_coverage(confidences: Numbers, right: Marks) -> np.ndarray:
    """The share of wrong answers among the most confident, for each number of them.

    Args:
        confidences: of the answers, any unit.
        right: whether each is.

    Returns:
        Risks [n]: element k - 1 is of the k most confident answers, coverage k / n.
    """
    scores, marks = _arrays(confidences, right)
    order = np.argsort(-scores, kind="stable")
    wrong = 1.0 - _expected(scores[order], marks[order])
    risks: np.ndarray = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    return risks


def aurc(confidences: Numbers, right: Marks) -> float:
    """The area under the risk-coverage curve: the mean risk over all coverages, 0 is best.

    Args:
        confidences: of the answers, any unit.
        right: whether each is.

    Raises:
        ValueError: there are no answers.
    """
    if not len(right):
        raise ValueError("no answers: there is no curve")
    return float(risk_coverage(confidences, right).mean())


def average_precision(scores: Numbers, positive: Marks) -> float:
    """The sum over thresholds of precision times the gain in recall, as scikit-learn defines it.

    Args:
        scores: e.g. the probability of "I don't know".
        positive: whether it should have been said. What has equal scores is found together.

    Raises:
        ValueError: nothing is positive: there is no recall.
    """
    values, marks = _arrays(scores, positive)
    if not marks.sum():
        raise ValueError("nothing is positive: there is no recall")
    order = np.argsort(-values, kind="stable")
    values, hits = values[order], np.cumsum(marks[order])
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    precision = hits[ends] / (ends + 1)
    gained = np.diff(hits[ends], prepend=0.0)
    return float((precision * gained).sum() / marks.sum())


def calibration(confidences: Numbers, right: Marks, bins: int = BINS) -> list[Bin]:
    """Mean confidence and accuracy in bins of equal mass, the least confident first.

    Args:
        confidences: probabilities, 0..1.
        right: whether each answer is.
        bins: at most; fewer where there are fewer answers.
    """
    scores, marks = _arrays(confidences, right)
    order = np.argsort(scores, kind="stable")
    sorted_scores = scores[order]
    expected = _expected(sorted_scores, marks[order])
    parts = np.array_split(np.arange(len(scores)), min(bins, len(scores)) or 1)
    return [
        Bin(float(sorted_scores[part].mean()), float(expected[part].mean()), len(part))
        for part in parts
        if len(part)
    ]


def calibration_error(confidences: Numbers, right: Marks, bins: int = BINS) -> float:
    """Expected calibration error: the mean distance of accuracy from confidence, bin by bin.

    Args:
        confidences: probabilities, 0..1.
        right: whether each answer is.
        bins: of equal mass, at most.
    """
    found = calibration(confidences, right, bins)
    total = sum(part.n for part in found)
    return sum(part.n * abs(part.accuracy - part.confidence) for part in found) / total


def estimate(
    score: Callable[[np.ndarray, np.ndarray], float],
    confidences: Numbers,
    right: Marks,
    *,
    groups: Sequence[Hashable] | None = None,
    samples: int = 1_000,
    seed: int = 0,
) -> Estimate:
    """One of this module's scores with a seeded bootstrap's 95% interval.

    Args:
        score: of confidences and marks.
        confidences: of the answers.
        right: the marks.
        groups: of each answer, its entity; whole groups are drawn. None: answers are drawn.
        samples: draws; those in which there is nothing to score (no positive) are left out.
        seed: of the draws.
    """
    values, marks = _arrays(confidences, right)
    try:
        value = score(values, marks)
    except ValueError:
        return NOTHING
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(range(len(marks)) if groups is None else groups):
        members.setdefault(group, []).append(index)
    pools = [np.array(indices) for indices in members.values()]
    rng = np.random.default_rng(seed)
    found = []
    for draw in rng.integers(0, len(pools), size=(samples, len(pools))):
        chosen = np.concatenate([pools[pool] for pool in draw])
        try:
            found.append(score(values[chosen], marks[chosen]))
        except ValueError:
            continue
    low, high = np.percentile(found, [2.5, 97.5]) if found else (value, value)
    return Estimate(value, min(float(low), value), max(float(high), value), len(marks))


def _arrays(scores: Numbers, marks: Marks) -> tuple[np.ndarray, np.ndarray]:
    if len(scores) != len(marks):
        raise ValueError(f"{len(scores)} confidences and {len(marks)} marks")
    return np.asarray(scores, dtype=float), np.asarray(marks, dtype=float)


def _expected(scores: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Marks sorted by score, each the mean of those of equal score."""
    if not len(scores):
        return marks
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    lengths = np.diff(np.append(starts, len(scores)))
    means: np.ndarray = np.repeat(np.add.reduceat(marks, starts) / lengths, lengths)
    return means
