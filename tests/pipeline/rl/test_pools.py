"""Pools by pass rate: rates, weights and places by hand; every level comes in its turn."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.rl import pools
from pipeline.rl.pools import Pool


def rows(kind, level, right, asked):
    return [
        {"task": kind, "level": level, "answer_type": "correct" if n < right else "wrong"}
        for n in range(asked)
    ]


def test_rates_by_hand():
    found = pools.pass_rates(
        [*rows("sum", 3, 1, 4), *rows("sum", 4, 2, 2), *rows("units", 1, 0, 3)]
    )
    assert found == {Pool("sum", 3): 0.25, Pool("sum", 4): 1.0, Pool("units", 1): 0.0}


def test_weights_by_hand():
    rates = [None, 0.0, 0.25, 0.2501, 0.75, 0.7501, 1.0]
    assert [pools.weight(rate) for rate in rates] == [1.0, 0.2, 0.2, 1.0, 1.0, 0.2, 0.2]


def test_places_follow_weights_and_rates():
    """sum:3 is easy: of 2 parts two thirds, shared by three levels, 0.2 of a third of those."""
    rates = {Pool("sum", 3): 0.9, Pool("sum", 4): 0.5}
    found = Counter(pools.places(3200, ("sum:3-5=2", "units:1=1"), rates, random.Random(0)))
    # weights 2/3 * 0.2, 2/3, 2/3, 1: of 2.4667 in all
    share = {("sum", 3): 2 / 15, ("sum", 4): 2 / 3, ("sum", 5): 2 / 3, ("units", 1): 1.0}
    total = sum(share.values())
    assert found.keys() == share.keys()
    for place, weight in share.items():
        assert abs(found[place] - 3200 * weight / total) <= 1


@given(st.integers(1, 60), st.integers(0, 999))
def test_each_pool_comes_as_often_as_it_weighs_to_within_one(count, seed):
    rates = {Pool("sum", 1): 1.0, Pool("sum", 2): 0.0, Pool("sum", 3): 0.5}
    found = Counter(pools.places(count, ("sum:1-3=1",), rates, random.Random(seed)))
    assert sum(found.values()) == count
    for level, weight in ((1, 0.2), (2, 0.2), (3, 1.0)):
        assert abs(found["sum", level] - count * weight / 1.4) < 1 + 1e-9


def test_what_is_named_twice_adds_up():
    found = Counter(pools.places(400, ("sum:1=1", "sum:1=2", "sum:2=1"), {}, random.Random(0)))
    assert found == {("sum", 1): 300, ("sum", 2): 100}
