"""What any number of a run's settings may be, by what its name says: before a run, not hours later.

No count, size, time, rate or seed is negative; no share is above one. What a stage knows about its
own numbers beyond that, it checks itself.
"""

from collections.abc import Iterator
from typing import Any

MAY_BE_MINUS_ONE = frozenset({"input.files"})  # all of them
# A maximum above one is a rule that is off.
SHARES = ("_share", "_fraction", "_confidence", "_score", "_beta1", "_beta2", "momentum")
OPEN_ENDED = ("max_",)


def out_of_range(tree: dict[str, Any], where: str = "") -> Iterator[str]:
    """A line for every number that can't be meant, of nested tables."""
    for key, value in tree.items():
        name = f"{where}{key}"
        if isinstance(value, dict):
            yield from out_of_range(value, f"{name}.")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            continue
        elif value < 0 and not (value == -1 and name in MAY_BE_MINUS_ONE):
            yield f"{name}: {value} is negative"
        elif value > 1 and key.endswith(SHARES) and not key.startswith(OPEN_ENDED):
            yield f"{name}: {value} is no share, which is at most 1"
