"""Curves as a picture without scripts: numbers of an SVG, which the template writes.

In: curves of several runs. Out: their lines in a box of WIDTH by HEIGHT, and what its edges mean.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.serve.pages.run_curves import Curve

WIDTH, HEIGHT = 600, 200
MARGIN = 6  # above and below the lines


class CurvePicture(NamedTuple):
    """Lines in one box."""

    lines: list[str | None]  # the points of each run's, as SVG writes them; None: it has none
    low: float  # of the values
    high: float
    first: float  # of what stands below
    last: float


def curve_picture(curves: Sequence[Curve | None]) -> CurvePicture:
    """One box for all of them.

    Args:
        curves: at least one is there.
    """
    there = [curve for curve in curves if curve is not None]
    low, high = min(min(c.y) for c in there), max(max(c.y) for c in there)
    first, last = min(min(c.x) for c in there), max(max(c.x) for c in there)
    across, up = (last - first) or 1.0, (high - low) or 1.0

    def line(curve: Curve) -> str:
        points = (
            f"{WIDTH * (x - first) / across:.1f},"
            f"{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (y - low) / up:.1f}"
            for x, y in zip(curve.x, curve.y)
        )
        return " ".join(points)

    return CurvePicture([c and line(c) for c in curves], low, high, first, last)
