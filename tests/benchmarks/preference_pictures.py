"""The pictures of docs/preferences.md: rewards against distance from the reference, as PNG bytes.

In: what the runs left. Out: for each flaw gold and proxy against sqrt(KL) and sqrt(chi2), exact
frontiers beneath and trained policies upon them; gold with Gao's curves; reward models' accuracy.
Curves are means over seeds. The same numbers give the same bytes, see `pipeline.report.charts`.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from pipeline.preferences.gao_fits import GaoFit
from pipeline.report.charts import DIM, DPI, FONT, GRID, INK, png
from tests.benchmarks.preference_tables import Result, root, smoothed, title_of

BANDS = {"kl": "#9db8e8", "chi2": "#f0a9a3", "best_of_n": "#b9bec8"}
BAND_TITLES = {
    "kl": "exact: KL optima",
    "chi2": "exact: chi-squared and max-min optima",
    "best_of_n": "exact: best-of-n",
}
# Colour by family, mark by member.
STYLES = {
    "none": (INK, "X"),
    "kl_k1": ("#2e5aac", "o"),
    "kl_k2": ("#2e5aac", "s"),
    "kl_k3": ("#3a8fb7", "^"),
    "chi2_published": ("#e08a3c", "s"),
    "chi2_exact": ("#d0584f", "o"),
    "maxmin": ("#a02c5a", "D"),
    "dpo": ("#2f9e6e", "o"),
    "ipo": ("#2f9e6e", "s"),
    "kto": ("#2f9e6e", "^"),
    "best_of_n": (DIM, "P"),
}
# Whose ways are drawn as lines; of the others the end alone, or the picture is a thicket.
WAYS = ("none", "kl_k1:2", "chi2_exact", "maxmin")
LEAST = {"kl": 0.03, "chi2": 0.1}  # roots from which on the axes show

Mean = dict[str, float]


def frontier_picture(
    groups: Mapping[str, Sequence[Result]], frontiers: Sequence[Result], flaw: str, title: str
) -> bytes:
    """Gold above and proxy below, against sqrt(KL) and sqrt(chi2)."""
    figure = _figure(10.6, 7.6)
    panels = figure.subplots(2, 2, sharex="col", sharey="row")
    for row, reward in enumerate(("gold", "proxy")):
        for column, divergence in enumerate(("kl", "chi2")):
            axes = panels[row][column]
            _dress(axes)
            _draw_frontiers(axes, frontiers, flaw, divergence, reward)
            _draw_runs(axes, groups, divergence, reward)
            axes.axhline(0.0, color=DIM, lw=0.8, zorder=1)
            if divergence == "chi2":
                _log_axis(axes, LEAST["chi2"], 200.0)
            else:
                _log_axis(axes, LEAST["kl"], 5.0)
            if row:
                name = "sqrt(KL)" if divergence == "kl" else "sqrt(chi2)"
                axes.set_xlabel(name, color=DIM, fontsize=9, fontfamily=FONT)
            if not column:
                unit = f"{reward}, gained over the reference (its deviations)"
                axes.set_ylabel(unit, color=DIM, fontsize=9, fontfamily=FONT)
    panels[0][0].set_title(title, loc="left", fontsize=11, color=INK, fontfamily=FONT)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8)
    return png(figure)


def gao_picture(
    groups: Mapping[str, Mapping[str, Sequence[Result]]],
    frontiers: Sequence[Result],
    fits: Mapping[str, Mapping[str, Sequence[GaoFit]]],
) -> bytes:
    """Gold against sqrt(KL) with the fitted curves, a panel a flaw."""
    figure = _figure(9.6, 3.6)
    panels = figure.subplots(1, len(fits), squeeze=False)[0]
    for axes, (flaw, own) in zip(panels, fits.items()):
        _dress(axes)
        axes.axhline(0.0, color=DIM, lw=0.8, zorder=1)
        best = _mean_points([one[flaw]["frontiers"]["best_of_n"][1:] for one in frontiers])
        ways = [smoothed(one["path"]) for one in groups[flaw].get("none", ())]
        for curve, points, colour in (
            ("best_of_n", best, DIM),
            ("rl", _mean_points(ways), INK),
        ):
            if not own[curve] or not points:
                continue
            places = [root(p["kl"]) for p in points]
            name = "best-of-n, exact" if curve == "best_of_n" else "no regularizer"
            axes.plot(places, [p["gold"] for p in points], "o", color=colour, ms=3.5, label=name)
            far = [max(places) * k / 60 for k in range(1, 61)]
            fitted = [statistics.fmean(fit.gained(d * d) for fit in own[curve]) for d in far]
            axes.plot(far, fitted, "-", color=colour, lw=1.2, label=f"{name}: Gao's curve")
        axes.set_title(f"flaw: {flaw}", loc="left", fontsize=10, color=INK, fontfamily=FONT)
        axes.set_xlabel("sqrt(KL)", color=DIM, fontsize=9, fontfamily=FONT)
        axes.set_ylabel("gold gained", color=DIM, fontsize=9, fontfamily=FONT)
        axes.legend(frameon=False, fontsize=8)
    return png(figure)


def accuracy_picture(models: Sequence[Result], flaws: Sequence[str]) -> bytes:
    """Accuracy against the number of pairs, a line a flaw and a point a seed."""
    figure = _figure(5.4, 3.2)
    axes = figure.add_subplot()
    _dress(axes)
    for flaw, colour in zip(flaws, ("#2e5aac", "#d0584f")):
        own = [one for one in models if one["flaw"] == flaw]
        counts = sorted({one["pairs"] for one in own})
        means = [statistics.fmean(m["accuracy"] for m in own if m["pairs"] == c) for c in counts]
        axes.plot(counts, means, "-", color=colour, lw=1.5, label=f"flaw: {flaw}")
        axes.plot([m["pairs"] for m in own], [m["accuracy"] for m in own], ".", color=colour, ms=4)
    axes.axhline(0.5, color=DIM, lw=0.8)
    _log_axis(axes, 40, 7_000)
    axes.set_xlabel("pairs that it learned from", color=DIM, fontsize=9, fontfamily=FONT)
    axes.set_ylabel("accuracy on other pairs", color=DIM, fontsize=9, fontfamily=FONT)
    axes.legend(frameon=False, fontsize=8)
    return png(figure)


def _draw_frontiers(
    axes: Axes, frontiers: Sequence[Result], flaw: str, divergence: str, reward: str
) -> None:
    for name, colour in BANDS.items():
        points = _mean_points([one[flaw]["frontiers"][name] for one in frontiers])
        shown = [p for p in points if root(p[divergence]) >= LEAST[divergence]]
        shown.sort(key=lambda p: p[divergence])
        axes.plot(
            [root(p[divergence]) for p in shown],
            [p[reward] for p in shown],
            "-",
            color=colour,
            lw=4.0,
            solid_capstyle="round",
            label=BAND_TITLES[name],
            zorder=2,
        )


def _draw_runs(
    axes: Axes, groups: Mapping[str, Sequence[Result]], divergence: str, reward: str
) -> None:
    for optimiser, own in groups.items():
        name, _, strength = optimiser.partition(":")
        colour, marker = STYLES[name]
        end = _mean_points([[one["end"]] for one in own])[0]
        if optimiser in WAYS:
            way = _mean_points([smoothed(one["path"]) for one in own])
            way = [p for p in way if root(p[divergence]) >= LEAST[divergence]]
            axes.plot(
                [root(p[divergence]) for p in way],
                [p[reward] for p in way],
                "-",
                color=colour,
                lw=1.1,
                zorder=3,
            )
        weak = name.startswith("kl_k1") and optimiser not in WAYS
        axes.plot(
            [max(LEAST[divergence], root(end[divergence]))],
            [end[reward]],
            marker,
            color=colour,
            ms=6.5,
            mfc="white" if weak else colour,
            mew=1.1,
            ls="none",
            label=title_of(optimiser, own[0]["sizes"]["answers_per_prompt"]),
            zorder=4,
        )
        if strength and name == "kl_k1" and reward == "gold":
            place = (max(LEAST[divergence], root(end[divergence])), end[reward])
            axes.annotate(
                strength, place, (4, 4), textcoords="offset points", fontsize=7, color=DIM
            )


def _mean_points(curves: Sequence[Sequence[Mapping[str, Any]]]) -> list[Mean]:
    """Point by point over curves of the same shape; the shortest decides."""
    return [
        {key: statistics.fmean(p[key] for p in own) for key in ("gold", "proxy", "kl", "chi2")}
        for own in zip(*curves)
    ]


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _dress(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    axes.tick_params(which="both", colors=DIM, labelsize=8, length=0)
    axes.grid(True, color=GRID, lw=0.8, zorder=0)


def _log_axis(axes: Axes, low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
