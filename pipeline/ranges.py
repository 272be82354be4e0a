"""What the values of a config may be, asked once: when the config is made.

Each config calls `check` in its `__post_init__` and names the exceptions to the rule for all, which
is that a number is finite and not negative. So a wrong value is refused before a run and not hours
later, and however the config is made: from a run's settings, from a recipe or in Python.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from storage.errors import UserError


class OutOfRange(UserError):
    """A config's value that can't be meant, in one line that begins with the config's name."""

    def __init__(self, config: str, problem: str) -> None:
        super().__init__(config, problem)

    def __str__(self) -> str:
        return self.at(self.args[0])

    def at(self, table: str) -> str:
        """The line with the table's full name (`rl.optimizer`) for the config's."""
        problem: str = self.args[1]
        return table + (problem if problem.startswith(":") else f".{problem}")


def check(
    config: Any,
    *,
    above_zero: str = "",
    shares: str = "",
    below_one: str = "",
    minus_one: str = "",
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
    one_of: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Refuse a config with a number or word that no field of its kind may have.

    Args:
        config: a dataclass; a list's items are asked one by one, nested configs ask themselves.
        above_zero: names of fields, with spaces between: what is divided by or counted in.
        shares: likewise, of those that are at most 1.
        below_one: likewise, of those that are below 1.
        minus_one: likewise, of those that may be -1 (all).
        at_least: the least that a field may be.
        at_most: the most that a field may be.
        one_of: the words that a field may be.

    Raises:
        OutOfRange: the first field that can't be meant.
    """
    above, share, below = set(above_zero.split()), set(shares.split()), set(below_one.split())
    minus, least, most, words = minus_one.split(), at_least or {}, at_most or {}, one_of or {}
    names = {field.name for field in dataclasses.fields(config)}
    asked = {*above, *share, *below, *minus, *least, *most, *words}
    assert asked <= names, f"{type(config).__name__} has no {', '.join(sorted(asked - names))}"

    def problem(name: str, value: float) -> str:
        if not math.isfinite(value):
            return "is no finite number"
        if value < 0 and not (value == -1 and name in minus):
            return "is negative"
        if value == 0 and name in above:
            return "must be above 0"
        if value >= 1 and name in below:
            return "must be below 1"
        if value > 1 and name in share:
            return "is no share, which is at most 1"
        if value < least.get(name, value):
            return f"must be at least {least[name]}"
        if value > most.get(name, value):
            return f"is above {most[name]}"
        return ""

    for field in dataclasses.fields(config):
        name, value = field.name, getattr(config, field.name)
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, int | float) and not isinstance(item, bool):
                if wrong := problem(name, item):
                    raise OutOfRange(type(config).__name__, f"{name}: {item} {wrong}")
            elif name in words and item not in words[name]:
                known = f"unknown {item!r}: one of {', '.join(words[name])}"
                raise OutOfRange(type(config).__name__, f"{name}: {known}")


def refuse(config: Any, *problems: tuple[bool, str]) -> None:
    """Refuse a config whose values each fit and together can't be meant.

    Args:
        config: a dataclass.
        problems: whether each is one, and its line: `FIELD: why`, or `: why` of all the config.

    Raises:
        OutOfRange: the first that is one.
    """
    for wrong, text in problems:
        if wrong:
            raise OutOfRange(type(config).__name__, text)
