"""Shares are held at every moment, and nobody can see from outside who gets what."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.labels.mixing import is_gold_place, overlapping

SHARES = st.floats(0, 0.5)


@given(SHARES, st.integers(0, 1000), st.integers(1, 300))
def test_the_share_of_gold_is_held_after_every_task(share: float, seed: int, tasks: int) -> None:
    gold = 0
    for place in range(tasks):
        gold += is_gold_place(place, share, seed, "mara", "write")
        expected = math.floor(share * (place + 1) + 1e-9)
        assert gold in (expected, expected + 1), (place, gold)


def test_gold_places_differ_between_raters_kinds_and_seeds_and_are_irregular() -> None:
    def places(seed: int, rater: str, kind: str) -> list[int]:
        return [n for n in range(400) if is_gold_place(n, 0.1, seed, rater, kind)]

    mara = places(0, "mara", "write")
    assert mara != places(0, "tom", "write")
    assert mara != places(0, "mara", "compare")
    assert mara != places(1, "mara", "write")
    assert len({after - before for before, after in itertools.pairwise(mara)}) > 8
    # Over many raters every place of a stretch is as likely as any other.
    firsts = [next(n for n in range(99) if is_gold_place(n, 0.1, s, "r", "k")) for s in range(2000)]
    assert all(150 < firsts.count(place) < 250 for place in range(10))


@given(
    st.floats(0, 1),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.integers(0, 1000),
)
def test_the_share_of_overlap_is_exact_however_tasks_come(
    share: float, batches: list[int], seed: int
) -> None:
    tasks = taken = 0
    for batch in batches:
        new = [f"task {tasks + n}" for n in range(batch)]
        chosen = overlapping(new, share, tasks, taken, seed)
        assert chosen <= set(new)
        tasks, taken = tasks + batch, taken + len(chosen)
        assert abs(taken - share * tasks) <= 0.5 + 1e-9


def test_overlap_after_more_of_it_adds_none() -> None:
    assert overlapping(list("abcde"), 0.1, before=10, taken=4, seed=0) == set()
