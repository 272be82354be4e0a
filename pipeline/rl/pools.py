"""Curriculum by pass rate: what is nearly always or nearly never right is asked more rarely.

In: the entries of a mixture and how often each kind and level was answered right of late. Out: the
kind and level of each prompt of a step. A group whose answers are all right or all wrong teaches
nothing, so prompts go where answers differ (pools and weights as prime-rl's). Nothing is dropped
for good: a pool of little weight shows when it has moved.
"""

import dataclasses
import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from pipeline.curriculum.task_mixture import entries_of

# prime-rl's pools: hard up to a quarter right, easy above three quarters
HARD_RATE, EASY_RATE = 0.25, 0.75
RARE_WEIGHT = 0.2  # of hard and of easy pools; 1 of those between


class JudgedAnswer(TypedDict):
    """Columns of storage.schemas.ROLLOUTS."""

    task: str
    level: int
    answer_type: str


COLUMNS = list(JudgedAnswer.__annotations__)


@dataclasses.dataclass(frozen=True)
class Pool:
    """A level of a kind."""

    kind: str
    level: int


def pass_rates(rows: Iterable[JudgedAnswer]) -> dict[Pool, float]:
    """The share of right answers in each pool that was asked."""
    counts: dict[Pool, list[int]] = {}
    for row in rows:
        seen = counts.setdefault(Pool(row["task"], row["level"]), [0, 0])
        seen[0] += row["answer_type"] == "correct"
        seen[1] += 1
    return {pool: right / asked for pool, (right, asked) in counts.items()}


def weight(rate: float | None) -> float:
    """By how much a pool's share of the mixture counts; one that was not asked yet in full."""
    return 1.0 if rate is None or HARD_RATE < rate <= EASY_RATE else RARE_WEIGHT


def places(
    count: int, mixture: Sequence[str], rates: Mapping[Pool, float], rng: random.Random
) -> list[tuple[str, int]]:
    """The kind and level of each of `count` tasks.

    A systematic sample: each pool comes as often as its weight says, but for less than one.

    Args:
        count: how many.
        mixture: entries of `task_mixture`.
        rates: from `pass_rates`; a pool that it lacks counts in full.
        rng: the random generator.
    """
    shares: dict[Pool, float] = {}
    for entry in entries_of(mixture):
        for level in entry.levels:
            pool = Pool(entry.kind, level)
            share = float(entry.weight) / len(entry.levels) * weight(rates.get(pool))
            shares[pool] = shares.get(pool, 0.0) + share
    ends = list(itertools.accumulate(shares.values()))
    names, offset, found = list(shares), rng.random(), 0
    chosen = []
    for number in range(count):
        while found < len(ends) - 1 and ends[found] <= (number + offset) / count * ends[-1]:
            found += 1
        chosen.append((names[found].kind, names[found].level))
    return chosen
