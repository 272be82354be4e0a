"""Pictures of a reward model: is it as sure as it is right, and what would more pairs bring.

In: rows of storage.schemas.RELIABILITY and PAIR_CURVE. Out: PNG bytes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pipeline.preferences.reward_config import USELESS_BELOW
from pipeline.report.charts import COLOURS, DIM, DPI, FONT, GRID, png

Rows = Sequence[Mapping[str, Any]]


def reliability(rows: Rows) -> bytes:
    """Share of pairs ranked right, by confidence, with 95% intervals; the diagonal is calibrated.

    The line is that of what is used: the members' mean, or the one model. An ensemble's members
    stand behind it. The bars below are each bin's share of the pairs.
    """
    figure = Figure(figsize=(3.6, 3.4), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    members = list(dict.fromkeys(row["member"] for row in rows))
    used = None if None in members else 0
    for member in members:
        mine = [row for row in rows if row["member"] == member and row["pairs"]]
        x, y = [row["confidence"] for row in mine], [row["accuracy"] for row in mine]
        if member != used:
            axes.plot(x, y, color=COLOURS[0], lw=0.8, marker=".", ms=3, alpha=0.35)
            continue
        total = sum(row["pairs"] for row in mine)
        width = rows[0]["high"] - rows[0]["low"]
        places = [row["low"] for row in mine]
        heights = [0.3 * row["pairs"] / total for row in mine]
        axes.bar(places, heights, width, align="edge", color=GRID, zorder=0)
        below = [row["accuracy"] - row["accuracy_low"] for row in mine]
        above = [row["accuracy_high"] - row["accuracy"] for row in mine]
        axes.errorbar(
            x, y, yerr=[below, above], color=COLOURS[0], lw=1.5, fmt="-o", ms=4, capsize=2.5
        )
    axes.plot([0.5, 1], [0.5, 1], color=DIM, lw=1.0, ls="--")
    axes.set_xlim(0.49, 1.01)
    axes.set_ylim(0, 1.03)
    _dress(axes, "confidence: sigmoid of the scores' distance", "share ranked as raters did")
    return png(figure)


def pair_curve(rows: Rows) -> bytes:
    """Accuracy on the same validation pairs, by the number of pairs learned from.

    A point a model with its 95% interval; the line goes through the means. Dashed: a coin, and the
    number below which Gao et al. 2022 found reward models of little use.
    """
    figure = Figure(figsize=(4.6, 3.0), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    counts = sorted({row["pairs"] for row in rows})
    by_count = {n: [row["accuracy"] for row in rows if row["pairs"] == n] for n in counts}
    means = [math.fsum(by_count[n]) / len(by_count[n]) for n in counts]
    axes.plot(counts, means, color=COLOURS[0], lw=1.5)
    axes.errorbar(
        [row["pairs"] for row in rows],
        [row["accuracy"] for row in rows],
        yerr=[
            [row["accuracy"] - row["accuracy_low"] for row in rows],
            [row["accuracy_high"] - row["accuracy"] for row in rows],
        ],
        color=COLOURS[0],
        fmt="o",
        ms=3.5,
        lw=0.8,
        capsize=2.5,
        alpha=0.8,
    )
    axes.axvline(USELESS_BELOW, color=COLOURS[1], lw=1.0, ls="--")
    axes.text(
        USELESS_BELOW,
        0.99,
        f" {USELESS_BELOW:,}: Gao et al. 2022",
        transform=axes.get_xaxis_transform(),
        va="top",
        fontsize=7.5,
        color=COLOURS[1],
        fontfamily=FONT,
    )
    axes.axhline(0.5, color=DIM, lw=1.0, ls="--")
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{n:,}" for n in counts])
    axes.set_xticks([], minor=True)
    axes.set_xlim(0.8 * min(counts), 1.25 * max(*counts, 2 * USELESS_BELOW))
    _dress(axes, "comparisons learned from", "share ranked as raters did")
    return png(figure)


def _dress(axes: Axes, x: str, y: str) -> None:
    axes.grid(True, color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=DIM, labelsize=8, length=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_xlabel(x, color=DIM, fontsize=8, fontfamily=FONT)
    axes.set_ylabel(y, color=DIM, fontsize=8, fontfamily=FONT)
