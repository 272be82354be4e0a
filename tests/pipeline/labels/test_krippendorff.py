"""Krippendorff's alpha against his worked examples, his definition, and what it must not do."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.labels.krippendorff import alpha, interval, value_counts

# Computing Krippendorff's Alpha-Reliability (2011): a row an observer, a column a unit, . missing.
BINARY = ("0100000010", "1110010000")  # A: Meg and Owen
NOMINAL = ("aabbdcccedda", "babbbcccedDd".lower())  # B: Ben and Gerry
MISSING = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")  # C: four observers


def units(observers: tuple[str, ...]) -> list[list[str]]:
    return [[value for value in unit if value != "."] for unit in zip(*observers, strict=True)]


@pytest.mark.parametrize(
    ("observers", "published"), [(BINARY, 0.095), (NOMINAL, 0.692), (MISSING, 0.743)]
)
def test_published_examples(observers: tuple[str, ...], published: float) -> None:
    assert alpha(value_counts(units(observers))) == pytest.approx(published, abs=0.0005)


def by_definition(items: list[list[str]]) -> float:
    """1 - D_o / D_e from the matrix of coincidences, pair by pair."""
    pairs: Counter[tuple[str, str]] = Counter()
    weights: dict[tuple[str, str], float] = {}
    for values in (values for values in items if len(values) > 1):
        for pair in itertools.permutations(values, 2):
            pairs[pair] += 1
            weights[pair] = weights.get(pair, 0.0) + 1 / (len(values) - 1)
    totals: dict[str, float] = {}
    for (value, _), weight in weights.items():
        totals[value] = totals.get(value, 0.0) + weight
    n = sum(totals.values())
    observed = sum(weight for (a, b), weight in weights.items() if a != b) / n if n else 0.0
    expected = sum(totals[a] * totals[b] for a, b in itertools.permutations(totals, 2))
    return 1 - observed * n * (n - 1) / expected if expected else math.nan


@given(st.lists(st.lists(st.sampled_from("abt"), max_size=4), max_size=12))
def test_it_is_his_definition(items: list[list[str]]) -> None:
    assert alpha(value_counts(items)) == pytest.approx(by_definition(items), nan_ok=True)


def test_what_was_given_once_says_nothing() -> None:
    assert math.isnan(alpha(value_counts([["a"], ["b"], []])))
    together = [["a", "a"], ["b", "b"], ["a", "b"]]
    assert alpha(value_counts([*together, ["c"]])) == alpha(value_counts(together))
    assert math.isnan(alpha(value_counts([["a", "a"], ["a", "a"]])))


def test_the_interval_is_a_bootstrap_over_items() -> None:
    """Beside one done item by item with draws of its own: within the draws' error."""
    items = units(MISSING) * 3
    low, high = interval(value_counts(items), 4000, 0)
    generator = np.random.default_rng(1)
    drawn = [
        by_definition([items[at] for at in generator.integers(0, len(items), len(items))])
        for _ in range(2000)
    ]
    assert (low, high) == pytest.approx(np.nanpercentile(drawn, [2.5, 97.5]), abs=0.03)
    assert low < alpha(value_counts(items)) < high
    assert interval(value_counts(items), 4000, 0) == (low, high)
    assert interval(value_counts(items), 4000, 1) != (low, high)
    assert interval(value_counts(items * 16), 1000, 0)[0] > low


def test_the_interval_where_there_is_no_alpha() -> None:
    assert all(map(math.isnan, interval(value_counts([]), 100, 0)))
    assert all(map(math.isnan, interval(value_counts([["a", "a"]]), 100, 0)))
    # One item: each draw is that item, and no draw of agreeing ones has an alpha.
    assert interval(value_counts([["a", "b"]]), 100, 0) == (0.0, 0.0)
