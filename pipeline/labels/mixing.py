"""Which tasks several raters get, and which of a rater's tasks are gold: by hash, never by luck.

Nobody can see from outside what either is: ids say nothing, and places are irregular and differ
from rater to rater.
"""

import hashlib
import math
from collections.abc import Sequence


def draw(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    text = "\x1f".join(str(part) for part in parts)
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def overlapping(new: Sequence[str], share: float, before: int, taken: int, seed: int) -> set[str]:
    """Which of the new tasks go to several raters: so many that the share of all tasks is held.

    Args:
        new: ids of the tasks that come.
        share: of all tasks of the kind.
        before: tasks of the kind that are there.
        taken: how many of them go to several raters.
        seed: of the choice.

    Returns:
        ids; then `round(share * tasks)` of all go to several raters, unless more did before.
    """
    wanted = math.floor(share * (before + len(new)) + 0.5) - taken
    order = sorted(new, key=lambda task: draw(seed, "overlap", task))
    return set(order[: max(0, wanted)])


def is_gold_place(place: int, share: float, seed: int, rater: str, kind: str) -> bool:
    """Whether a rater's task number `place` (from 0) of a kind is to be a gold one.

    One place is drawn from each stretch of 1 / share tasks; where two stretches would share a
    place, the later one takes the next. So of the first n tasks floor(share * n) or one more are
    gold, and none can say which.
    """
    if share <= 0:
        return False
    last = -1
    for stretch in range(math.floor(place * share) + 2):
        at = (stretch + draw(seed, "gold", rater, kind, stretch)) / share
        if at >= place + 1:  # infinity, for the smallest of shares
            return False
        last = max(math.floor(at), last + 1)
        if last >= place:
            return last == place
    return False
