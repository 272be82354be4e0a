"""Ratings and their intervals on one scale: where each bar of the picture begins and ends.

In: a leaderboard's standings. Out: places in percent of the picture's width, rounded, for SVG.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.evals.vote_ratings import Standing

MOST_TICKS = 6  # that fit on a phone; ours
MARGIN = 0.04  # of the range, at either side; ours
STEPS = (1, 2, 5, 10)  # times a power of ten: where people expect ticks
NARROWEST = 10.0  # Elo points of the whole scale, where all are level


class RatingBar(NamedTuple):
    """A model's."""

    standing: Standing
    left: float
    width: float
    middle: float


class RatingPicture(NamedTuple):
    """All of it."""

    bars: list[RatingBar]
    ticks: list[tuple[int, float]]  # a rating, and its place


def rating_picture(standings: Sequence[Standing]) -> RatingPicture:
    """The picture.

    Args:
        standings: at least one; ratings and intervals are finite.
    """
    low, high = min(one.low for one in standings), max(one.high for one in standings)
    spread = max(high - low, NARROWEST)
    begin, whole = low - MARGIN * spread, (1 + 2 * MARGIN) * spread

    def place(rating: float) -> float:
        return round(100 * (rating - begin) / whole, 2)

    bars = [
        RatingBar(
            one, place(one.low), round(place(one.high) - place(one.low), 2), place(one.rating)
        )
        for one in standings
    ]
    step = _step(whole)
    first = math.ceil(begin / step)
    count = math.floor((begin + whole) / step) - first + 1
    ticks = [(first + number) * step for number in range(count)]
    return RatingPicture(bars, [(tick, place(tick)) for tick in ticks])


def _step(whole: float) -> int:
    """The least round distance at which no more ticks than fit are in the range."""
    power = int(10 ** max(0, math.floor(math.log10(whole / MOST_TICKS))))
    return next(step * power for step in STEPS if whole / (step * power) <= MOST_TICKS)
