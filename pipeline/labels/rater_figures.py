"""How far raters can be trusted: agreement, accuracy on gold items, time, the pull of the first.

Agreement is Krippendorff's alpha of the winners of comparisons that several raters made; gold items
are left out of it, since they are chosen for being plain. What raters write has no nominal values,
so its agreement isn't measured.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import TypedDict

from pipeline.intervals import wilson
from pipeline.labels import krippendorff
from pipeline.labels.config import LabelsConfig
from pipeline.labels.finished_work import FinishedRow


class RaterAgreement(TypedDict):
    """Of comparisons that two or more raters made."""

    alpha: float | None  # None: none such, or all of one value
    low: float | None  # 95% interval, by bootstrap over comparisons
    high: float | None
    items: int
    answers: int


class Share(TypedDict):
    """A share with Wilson's 95% interval."""

    share: float | None  # None: there was nothing
    low: float
    high: float
    n: int


class RaterFigures(TypedDict):
    """Of one rater."""

    rater: str
    answers: int  # gold ones too
    seconds: float | None  # an item, the median; None: unknown of all
    gold: Share  # right answers to gold items
    first: Share  # comparisons, ties left out, that the answer shown first won: 0.5 is no pull


class LabelFigures(TypedDict):
    """Of a store's finished work."""

    agreement: RaterAgreement
    raters: list[RaterFigures]
    seconds: dict[str, float | None]  # an item, the median, by kind


def figures(rows: Sequence[FinishedRow], config: LabelsConfig) -> LabelFigures:
    """All figures.

    Args:
        rows: answers that count.
        config: draws and seed of the bootstrap.
    """
    names = sorted({row["rater"] for row in rows})
    kinds = sorted({row["kind"] for row in rows})
    return {
        "agreement": agreement(rows, config),
        "raters": [_rater(name, [r for r in rows if r["rater"] == name]) for name in names],
        "seconds": {kind: _median(r for r in rows if r["kind"] == kind) for kind in kinds},
    }


def agreement(rows: Iterable[FinishedRow], config: LabelsConfig) -> RaterAgreement:
    """Krippendorff's alpha of who won, with its interval."""
    winners: dict[str, list[str]] = {}
    for row in rows:
        if row["kind"] == "compare" and not row["gold"]:
            winners.setdefault(row["task"], []).append(row["answer"])
    counts = krippendorff.value_counts(winners[task] for task in sorted(winners))
    low, high = krippendorff.interval(counts, config.bootstrap_samples, config.seed)
    return {
        "alpha": _known(krippendorff.alpha(counts)),
        "low": _known(low),
        "high": _known(high),
        "items": len(counts),
        "answers": int(counts.sum()),
    }


def _rater(name: str, rows: Sequence[FinishedRow]) -> RaterFigures:
    decided = [r for r in rows if r["kind"] == "compare" and r["answer"] != "tie"]
    return {
        "rater": name,
        "answers": len(rows),
        "seconds": _median(rows),
        "gold": _share([bool(row["right"]) for row in rows if row["gold"]]),
        "first": _share([row["answer"] == row["first"] for row in decided]),
    }


def _median(rows: Iterable[FinishedRow]) -> float | None:
    known = [row["seconds"] for row in rows if row["seconds"] is not None]
    return round(statistics.median(known), 3) if known else None


def _share(marks: Sequence[bool]) -> Share:
    low, high = wilson(sum(marks), len(marks))
    share = sum(marks) / len(marks) if marks else None
    return {"share": share, "low": low, "high": high, "n": len(marks)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
