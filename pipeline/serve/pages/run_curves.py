"""Curves of training runs: from the lake's tables, or from what a run has written so far.

In: an artifact's short name, or a `LiveRun`. Out: for each figure that the run has its points by
step, tokens or time, few enough to be drawn at once.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.live_run import Column

MOST_POINTS = 500  # of a curve: a picture is some hundred pixels wide. Ours
BY = {"step": "step", "tokens": "tokens", "seconds": "seconds of training"}


class Figure(NamedTuple):
    """What a curve is of."""

    column: str  # of METRICS, TIMING or RLHF_STEPS
    title: str
    unit: str
    scale: float = 1.0  # the column times this is in that unit


FIGURES = (
    Figure("loss", "Loss", "nats a token"),
    Figure("validation_bits_per_byte", "Validation", "bits a byte"),
    Figure("reward", "Reward", "mean of the answers"),
    Figure("proxy", "Reward model's score", "what is optimised"),
    Figure("gold", "True reward", "points"),
    Figure("kl", "KL from where it began", "nats an answer"),
    Figure("chi2_exact", "chi² from where it began", ""),
    Figure("right_share", "Right sums and words", "share"),
    Figure("honesty_reward", "Honesty's reward", "points"),
    Figure("answer_rate", "Honesty's questions answered", "share"),
    Figure("length", "Length of an answer", "tokens"),
    Figure("entropy", "Entropy", "nats a token"),
    Figure("worked_share", "Worked answers", "share"),
    Figure("truncated_share", "Answers that were cut", "share"),
    Figure("wasted_share", "Answers that teach nothing", "share"),
    Figure("mismatch_max", "Trainer against sampler", "nats a token, at most"),
    Figure("lr", "Learning rate", "of the matrices"),
    Figure("grad_norm", "Gradient norm", ""),
    Figure("tokens_per_second", "Speed", "tokens a second"),
    Figure("mfu", "MFU", "share of the machine's peak FLOPs"),
    Figure("energy_kwh", "Energy so far", "Wh", 1000.0),
)
# Of RLHF's own table, whose step is that of METRICS; both have the last two.
OPTIMISED = ("proxy", "gold", "kl", "chi2_exact", "length", "entropy")
OWN = tuple(name for name in (*BY, *(f.column for f in FIGURES)) if name not in OPTIMISED)
COLUMNS = f"""
    SELECT {", ".join(f"m.{name}" for name in OWN)}, r.proxy, r.gold, r.kl, r.chi2_exact,
        coalesce(m.length, r.length) AS length, coalesce(m.entropy, r.entropy) AS entropy
    FROM all_metrics m
    LEFT JOIN (SELECT * FROM all_rlhf_steps WHERE artifact = $run) r ON r.step = m.step
    WHERE m.artifact = $run ORDER BY m.step
"""


class Curve(NamedTuple):
    """Points, by what stands below them."""

    x: list[float]
    y: list[float]


def columns_of(lake: LakeReader, artifact: str) -> dict[str, Column]:
    """A finished run's columns, NaN where there is no number."""
    rows = lake.rows(COLUMNS, {"run": artifact})
    return {
        name: rows[name].cast("float64").to_numpy().astype(np.float64) for name in rows.column_names
    }


def curves(columns: Mapping[str, Column], by: str) -> dict[str, Curve]:
    """The curve of each figure that has two points or more.

    Args:
        columns: of a run.
        by: one of BY.
    """
    found: dict[str, Curve] = {}
    places = columns.get(by)
    if places is None:
        return found
    for figure in FIGURES:
        values = columns.get(figure.column)
        if values is None:
            continue
        known = np.isfinite(values) & np.isfinite(places)
        x, y = _thinned(places[known]), _thinned(values[known] * figure.scale)
        if len(x) > 1:
            found[figure.column] = Curve([_short(v) for v in x], [_short(v) for v in y])
    return found


def _thinned(values: Column) -> Column:
    """Every k-th, and the last."""
    stride = -(-len(values) // MOST_POINTS)
    if stride <= 1:
        return values
    kept = values[::stride]
    return kept if (len(values) - 1) % stride == 0 else np.append(kept, values[-1])


def _short(value: float) -> float:
    """Six figures: more are not drawn, and JSON would say them all."""
    return float(f"{value:.6g}") if abs(value) < 1e6 else float(round(value))
