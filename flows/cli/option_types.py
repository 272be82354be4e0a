"""What an option may hold: readers for argparse, each of which says what is wrong in one line."""

import argparse
import math
from collections.abc import Callable

MOST = 2**31 - 1  # of a count
MOST_SEED = 2**63 - 1
COLDEST, HOTTEST = 1e-6, 1e6  # below, nothing but the most likely is left; above, chance alone
MOST_SHOWN = 60  # characters of what is wrong


def whole(least: int, most: int = MOST) -> Callable[[str], int]:
    """The type of an option: a whole number of at least `least`."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{_short(text)} is no whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"{_short(text)} is not between {least:,} and {most:,}"
            )
        return value

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """The type of an option: a number between two others."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{_short(text)} is no number")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"{_short(text)} is not between {least:,g} and {most:,g}"
            )
        return value

    return read


def temperature(text: str) -> float:
    """Of sampling: one that leaves nothing but the most likely token is 0."""
    value = number(0, HOTTEST)(text)
    return value if value >= COLDEST else 0.0


def _short(text: str) -> str:
    return repr(text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…")
