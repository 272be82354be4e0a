"""Which tasks are drawn, how often and how hard: entries `KIND=WEIGHT`, as in `sft.mixture`.

In: entries. `sum=2` is all levels of sums, each equally often, `sum:3=2` one of them, `sum:3-5=2`
three; a pattern (`sort_*=1`) stands for every kind that fits. Out: the kind and level of each task
by its number, so that the draws of many batches together hold exactly the weights: nothing is left
to chance, and an entry of little weight comes in its turn.
"""

import dataclasses
import fnmatch
import math
import re
from collections.abc import Sequence
from fractions import Fraction

from pipeline.curriculum.task_kinds import ALL_KINDS, KINDS, SEVERAL_TURNS

# From a file and from a package; they have one level. See `gsm8k` and `reasoning_gym_tasks`.
GSM8K, GSM8K_VERIFIED = "gsm8k", "gsm8k_math_verify"
GYM = "reasoning_gym/"
MOST_WEIGHT = 1_000.0
MOST_PERIOD = 100_000  # tasks after which the order begins again
_ENTRY = re.compile(r"(?P<kind>[^\s:=]+)(?::(?P<low>\d+)(?:-(?P<high>\d+))?)?=(?P<weight>[\d.]+)")


@dataclasses.dataclass(frozen=True)
class MixtureEntry:
    """One kind with its levels, each equally often."""

    kind: str
    levels: tuple[int, ...]
    weight: Fraction


def entries_of(mixture: Sequence[str], generated: bool = False) -> list[MixtureEntry]:
    """The entries of a mixture, a pattern's one for each kind.

    Args:
        mixture: the entries as text.
        generated: whether only our own generators' kinds may be named, which need no file and no
            package, have worked solutions and ask once; a pattern means those alone as well.

    Raises:
        ValueError: one is no `KIND=WEIGHT`, or names a kind or level that there isn't.
    """
    found: list[MixtureEntry] = []
    for text in mixture:
        parts = _ENTRY.fullmatch(text.strip())
        weight = _weight(parts["weight"]) if parts else None
        if parts is None or weight is None:
            raise ValueError(
                f"{text!r}: write KIND=WEIGHT, KIND:LEVEL=WEIGHT or KIND:LOW-HIGH=WEIGHT, the"
                f" weight from 0 to {MOST_WEIGHT:g}"
            )
        kinds = _kinds(parts["kind"], generated)
        if not kinds:
            more = "" if generated else f", {GSM8K}, {GSM8K_VERIFIED}, {GYM}NAME"
            known = ", ".join(KINDS if generated else ALL_KINDS)
            raise ValueError(f"{text!r}: no kind {parts['kind']}: one of {known}{more}")
        for kind in kinds:
            levels = _levels(kind, parts["low"], parts["high"])
            if not levels:
                most = ALL_KINDS[kind].levels if kind in ALL_KINDS else 1
                raise ValueError(f"{text!r}: {kind} has levels 1 to {most}")
            if weight:
                found.append(MixtureEntry(kind, levels, weight))
    if not found:
        raise ValueError("no task is left to draw: name a kind, e.g. sum:3-5=1")
    if _period(found) > MOST_PERIOD:
        raise ValueError("weights have too many digits: their whole ratio is too long")
    return found


def _weight(text: str) -> Fraction | None:
    try:
        value = Fraction(text)
    except ValueError:
        return None
    return value if 0 <= value <= MOST_WEIGHT else None


def _kinds(pattern: str, generated: bool) -> list[str]:
    gym = pattern.startswith(GYM) and pattern != GYM
    if not generated and (gym or pattern in (GSM8K, GSM8K_VERIFIED, *SEVERAL_TURNS)):
        return [pattern]
    return [kind for kind in KINDS if fnmatch.fnmatchcase(kind, pattern)]


def _levels(kind: str, low: str | None, high: str | None) -> tuple[int, ...]:
    most = ALL_KINDS[kind].levels if kind in ALL_KINDS else 1
    first = int(low) if low else 1
    last = int(high) if high else first if low else most
    return tuple(range(first, last + 1)) if 1 <= first <= last <= most else ()


def _scale(entries: Sequence[MixtureEntry]) -> int:
    """What makes all weights whole numbers."""
    return math.lcm(*(entry.weight.denominator for entry in entries))


def _period(entries: Sequence[MixtureEntry]) -> int:
    scale = _scale(entries)
    weights = [int(entry.weight * scale) for entry in entries]
    return sum(weights) // math.gcd(*weights)


class TaskSchedule:
    """The kind and level of each task by its number.

    Smooth weighted round robin: entries come as evenly as their weights let them, in their order
    where these are equal; then all begins again, each entry's levels where they stood.

    Args:
        entries: of `entries_of`.
    """

    def __init__(self, entries: Sequence[MixtureEntry]) -> None:
        self._entries = list(entries)
        scale, period = _scale(entries), _period(entries)
        weights = [int(entry.weight * scale) for entry in entries]
        shared = math.gcd(*weights)
        self._weights = [weight // shared for weight in weights]
        waiting = [0] * len(weights)
        # Of each place of the period the entry, and how often it came before.
        self._places: list[tuple[int, int]] = []
        came = [0] * len(weights)
        for _ in range(period):
            waiting = [value + weight for value, weight in zip(waiting, self._weights)]
            chosen = max(range(len(waiting)), key=waiting.__getitem__)
            waiting[chosen] -= period
            self._places.append((chosen, came[chosen]))
            came[chosen] += 1

    def at(self, number: int) -> tuple[str, int]:
        """The kind and the level of a task."""
        rounds, place = divmod(number, len(self._places))
        chosen, before = self._places[place]
        entry = self._entries[chosen]
        turn = rounds * self._weights[chosen] + before
        return entry.kind, entry.levels[turn % len(entry.levels)]
