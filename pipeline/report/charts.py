"""Pictures of a run as PNG bytes: curves and the funnel, embedded in reports and Prefect
artifacts.

Drawn with matplotlib's object interface on the Agg canvas (no global state, safe in threads). The
same numbers give the same bytes: fixed size, font and style, and no software or time stamp in the
file.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

if TYPE_CHECKING:
    from pipeline.training.scaling import ScalingStatistics

INK, DIM, GRID = "#1c2330", "#667085", "#e4e7ec"
COLOURS = ("#2e5aac", "#d0584f", "#2f9e6e", "#b7791f", "#6b4fa0", "#3a8fb7")
FONT = "DejaVu Sans"  # ships with matplotlib, so the picture is the same everywhere
DPI = 110
MAX_POINTS = 1_000  # a curve is a few hundred pixels wide; more points only swell the file

Points = Sequence[tuple[float, float]]


def line(
    title: str,
    points: Points | Mapping[str, Points],
    x: str = "",
    y: str = "",
    *,
    doubling: bool = False,
) -> bytes:
    """One curve, or several by name, over a common x axis, whose steps double x if `doubling`."""
    series = points if isinstance(points, Mapping) else {"": points}
    figure, axes = _figure(title, 4.6, 2.7)
    for colour, (name, values) in zip(COLOURS * (len(series) // len(COLOURS) + 1), series.items()):
        thinned = _thin(values)
        axes.plot(
            [p[0] for p in thinned], [p[1] for p in thinned], color=colour, lw=1.5, label=name
        )
    if doubling:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel(x, color=DIM, fontsize=8, fontfamily=FONT)
    axes.set_ylabel(y, color=DIM, fontsize=8, fontfamily=FONT)
    axes.grid(True, color=GRID, lw=0.8)
    if any(series):
        axes.legend(frameon=False, fontsize=8)
    return png(figure)


def funnel_bars(steps: Sequence[tuple[str, int]]) -> bytes:
    """What is left after each step, as horizontal bars with counts and shares of the first."""
    figure, axes = _figure("", 7.2, 0.6 + 0.32 * max(1, len(steps)))
    names, counts = [s[0] for s in steps], [s[1] for s in steps]
    first = max(1, counts[0]) if counts else 1
    axes.barh(range(len(steps)), counts, color=COLOURS[0], height=0.72)
    axes.set_yticks(range(len(steps)), names, fontsize=8, fontfamily=FONT)
    axes.invert_yaxis()
    axes.set_xlim(0, first * 1.2)
    for place, count in enumerate(counts):
        label = f"{count:,}  ({count / first:.0%})"
        axes.text(
            count + first * 0.01,
            place,
            label,
            va="center",
            fontsize=8,
            color=INK,
            fontfamily=FONT,
        )
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return png(figure)


def rule_bars(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Share of what came in that each rule took, with a mark where FineWeb's share is known.

    Rows as `pipeline.report.rules.rule_rows` gives them; stages as headings over their rules.
    """
    shown = [row for row in rows if row["dropped"] or row["published"] is not None]
    figure, axes = _figure("", 7.2, 0.9 + 0.24 * max(1, len(shown)))
    shares = [
        row["share"] if row["share_of_words"] is None else row["share_of_words"] for row in shown
    ]
    names = [(row["rule"] and f"{row['rule']}   ") or row["stage"].upper() for row in shown]
    colours = [GRID if not row["rule"] else COLOURS[0] for row in shown]
    places = range(len(shown))
    axes.barh(places, shares, color=colours, height=0.7)
    axes.set_yticks(places, names, fontsize=7.5, fontfamily=FONT)
    axes.set_ylim(max(1, len(shown)) - 0.4, -0.6)
    known = [(row["published"], place) for place, row in zip(places, shown) if row["published"]]
    if known:
        axes.scatter(
            [k[0] for k in known],
            [k[1] for k in known],
            marker="D",
            s=22,
            color=COLOURS[1],
            label="FineWeb, published (share of tokens)",
            zorder=3,
        )
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    most = max([0.01, *shares, *(k[0] for k in known)])
    axes.set_xlim(0, most * 1.18)
    for place, (row, share) in enumerate(zip(shown, shares)):
        label = f"{share:.1%} ({row['dropped']:,})"
        at = max(share, row["published"] or 0.0) + most * 0.015
        axes.text(at, place, label, va="center", fontsize=7.5, color=INK, fontfamily=FONT)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return png(figure)


def vocabulary(points: Points) -> bytes:
    """Bytes per token against the size of the vocabulary."""
    figure, axes = _figure("", 4.6, 2.7)
    axes.plot([p[0] for p in points], [p[1] for p in points], color=COLOURS[0], marker="o", ms=4)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("vocabulary size", color=DIM, fontsize=8, fontfamily=FONT)
    axes.set_ylabel("bytes per token", color=DIM, fontsize=8, fontfamily=FONT)
    axes.grid(True, color=GRID, lw=0.8)
    return png(figure)


def scaling(rows: Sequence[Mapping[str, Any]], statistics: "ScalingStatistics") -> bytes:
    """Bits per byte against FLOPs: the ladder's runs, their law, the check and the next size.

    Args:
        rows: as storage.schemas.SCALING.
        statistics: of the scaling stage.
    """
    figure, axes = _figure("", 6.4, 3.6)
    law, check, ahead = statistics["law"], statistics["check"], statistics["next"]
    first = min(row["flops"] for row in rows)
    steps = 100
    compute = [first * (ahead["flops"] / first) ** (i / steps) for i in range(steps + 1)]
    fitted = [
        law["floor"] + law["scale"] * (c / law["reference"]) ** -law["exponent"] for c in compute
    ]
    axes.plot(compute, fitted, color=DIM, lw=1.2, label="law of all runs", zorder=1)
    axes.scatter(
        [row["flops"] for row in rows],
        [row["bits_per_byte"] for row in rows],
        color=COLOURS[0],
        s=24,
        label="measured",
        zorder=3,
    )
    for found, colour, name in (
        (check, COLOURS[1], "the largest, predicted by the others"),
        (ahead, COLOURS[2], "the next size, predicted"),
    ):
        axes.errorbar(
            [found["flops"]],
            [found["value"]],
            yerr=[[found["value"] - found["low"]], [found["high"] - found["value"]]],
            fmt="D",
            ms=5,
            color=colour,
            capsize=3,
            lw=1.2,
            label=name,
            zorder=2,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}"))
    axes.set_xlabel("training compute (FLOPs)", color=DIM, fontsize=8, fontfamily=FONT)
    axes.set_ylabel("validation bits per byte", color=DIM, fontsize=8, fontfamily=FONT)
    axes.grid(True, color=GRID, lw=0.8)
    axes.legend(frameon=False, fontsize=8)
    return png(figure)


def positions(rows: Sequence[Mapping[str, Any]], border: int) -> bytes:
    """Bits per byte by position in the document, a line a reader with its interval.

    Rows as storage.schemas.POSITIONS; `border` is where the base's context ends. The axis ends
    above most readers, so that one that breaks doesn't flatten the others.
    """
    figure, axes = _figure("", 6.4, 3.6)
    readers = list(dict.fromkeys(row["reader"] for row in rows))
    for colour, reader in zip(COLOURS, readers):
        mine = [row for row in rows if row["reader"] == reader]
        places = [(row["first"] + row["last"] + 1) / 2 for row in mine]
        axes.plot(
            places,
            [row["bits_per_byte"] for row in mine],
            color=colour,
            lw=1.5,
            marker="o",
            ms=3.5,
            label=reader,
        )
        lows, highs = [row["low"] for row in mine], [row["high"] for row in mine]
        axes.fill_between(places, lows, highs, color=colour, alpha=0.15, lw=0)
    axes.axvline(border, color=DIM, lw=1.0, ls="--")
    worst = sorted(
        max(row["bits_per_byte"] for row in rows if row["reader"] == reader) for reader in readers
    )
    if worst and worst[-1] > 2 * worst[len(worst) // 2]:
        axes.set_ylim(0.0, 1.5 * worst[len(worst) // 2])
    axes.set_xlabel("position in the page (tokens)", color=DIM, fontsize=8, fontfamily=FONT)
    axes.set_ylabel("bits per byte", color=DIM, fontsize=8, fontfamily=FONT)
    axes.grid(True, color=GRID, lw=0.8)
    if rows:
        axes.legend(frameon=False, fontsize=8)
    return png(figure)


def sums(grids: Mapping[str, Mapping[tuple[int, int], float]]) -> bytes:
    """Share of right sums by the lengths of both numbers, a square for each model.

    `grids` as `pipeline.report.scores.sums_by_lengths` gives them; a pair not asked stays empty.
    """
    digits = sorted({length for grid in grids.values() for pair in grid for length in pair})
    width = 1.0 + 2.2 * len(grids)
    figure = Figure(figsize=(width, 2.9), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    for place, (model, grid) in enumerate(grids.items()):
        axes = figure.add_subplot(1, len(grids), place + 1)
        shares = [[grid.get((a, b), math.nan) for b in digits] for a in digits]
        axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
        for row, line in enumerate(shares):
            for column, share in enumerate(line):
                if not math.isnan(share):
                    ink = "white" if share > 0.6 else INK
                    axes.text(
                        *(column, row, f"{100 * share:.0f}"),
                        ha="center",
                        va="center",
                        fontsize=8,
                        color=ink,
                        fontfamily=FONT,
                    )
        axes.set_xticks(range(len(digits)), [str(n) for n in digits])
        axes.set_yticks(range(len(digits)), [str(n) for n in digits])
        axes.tick_params(colors=DIM, labelsize=8, length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(model, fontsize=9, color=INK, fontfamily=FONT)
        axes.set_xlabel("digits of the second number", color=DIM, fontsize=8, fontfamily=FONT)
        if not place:
            axes.set_ylabel("digits of the first", color=DIM, fontsize=8, fontfamily=FONT)
    return png(figure)


def data_uri(png: bytes) -> str:
    """The picture as a URL that holds it, for pages and Markdown without files beside them."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _figure(title: str, width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    axes.tick_params(colors=DIM, labelsize=8, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if title:
        axes.set_title(title, loc="left", fontsize=9.5, color=INK, fontfamily=FONT)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The picture as a file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _thin(points: Points) -> Points:
    """Every k-th point and the last, so that a long run draws as fast as a short one."""
    stride = -(-len(points) // MAX_POINTS)
    if stride <= 1:
        return points
    thinned = list(points[::stride])
    return thinned if thinned[-1] == points[-1] else [*thinned, points[-1]]
