"""What the makers of national numbers share."""

import datetime
from collections.abc import Callable
from random import Random

CONSONANTS = "BCDFGLMNPRSTVZ"


def digits(rng: Random, count: int, first: str = "0123456789") -> str:
    return rng.choice(first) + "".join(rng.choice("0123456789") for _ in range(count - 1))


def letters(rng: Random, count: int, of: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
    return "".join(rng.choice(of) for _ in range(count))


def birth(rng: Random, first: int = 1935, last: int = 2006) -> datetime.date:
    return datetime.date(rng.randint(first, last), 1, 1) + datetime.timedelta(rng.randrange(365))


def until(rng: Random, draw: Callable[[Random], str | None]) -> str:
    while True:
        if (number := draw(rng)) is not None:
            return number
