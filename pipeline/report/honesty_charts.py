"""Pictures of what a model knows of its own knowledge, a panel for each model.

In: curves by model and class of facts, as `pipeline.report.scores` gives them. Out: PNG bytes.
"""

from collections.abc import Mapping

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline.report.charts import COLOURS, DIM, DPI, FONT, GRID, INK, Points, png

Curves = Mapping[str, Mapping[str, Points]]  # by model and class of facts


def answer_rates(curves: Curves) -> bytes:
    """How often a model answers, by the confidence target that it was told."""
    return _panels(curves, "confidence target t", "share answered")


def calibration(curves: Curves) -> bytes:
    """How often answers are right, by the probability that the model gave them.

    The diagonal is where both are the same.
    """
    return _panels(curves, "probability of the answer", "share right", diagonal=True)


def risk_coverage(curves: Curves) -> bytes:
    """How many answers are wrong among the surest, by how many of them are taken."""
    return _panels(curves, "coverage, surest first", "share wrong")


def _panels(curves: Curves, x: str, y: str, *, diagonal: bool = False) -> bytes:
    width = 1.0 + 2.4 * len(curves)
    figure = Figure(figsize=(width, 2.9), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    names = list(dict.fromkeys(name for own in curves.values() for name in own))
    for place, (model, own) in enumerate(curves.items()):
        axes = figure.add_subplot(1, len(curves), place + 1)
        if diagonal:
            axes.plot([0, 1], [0, 1], color=DIM, lw=1.0, ls="--")
        for colour, name in zip(COLOURS, names):
            points = own.get(name, ())
            axes.plot(
                [p[0] for p in points],
                [p[1] for p in points],
                color=colour,
                lw=1.5,
                marker="o",
                ms=3.5,
                label=name,
            )
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.grid(True, color=GRID, lw=0.8)
        axes.spines[:].set_visible(False)
        axes.tick_params(colors=DIM, labelsize=8, length=0)
        axes.set_title(model, fontsize=9, color=INK, fontfamily=FONT)
        axes.set_xlabel(x, color=DIM, fontsize=8, fontfamily=FONT)
        if not place:
            axes.set_ylabel(y, color=DIM, fontsize=8, fontfamily=FONT)
            axes.legend(frameon=False, fontsize=8)
    return png(figure)
