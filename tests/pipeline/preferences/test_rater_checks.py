"""Who goes by the place is named by a test, who is merely careless or a little pulled is not."""

import math
import random

import pytest

from pipeline.preferences.rater_checks import place_figures, two_sided, without

ERROR, SHARE = 0.001, 0.75


def comparisons(rater, count, first_wins, rng, tie_share=0.1, source="labels", shown=True):
    """Of a rater for whom the answer shown first wins with some probability."""
    made = []
    for _ in range(count):
        first = rng.choice("ab")
        other = "b" if first == "a" else "a"
        winner = first if rng.random() < first_wins else other
        made.append(
            {
                "rater": rater,
                "source": source,
                "first": first if shown else "",
                "winner": "tie" if rng.random() < tie_share else winner,
            }
        )
    return made


@pytest.mark.parametrize("n", [1, 2, 7, 40, 999])
def test_the_probability_is_exact(n):
    for k in {0, 1, n // 2, n - 1, n}:
        tail = sum(math.comb(n, j) for j in range(n + 1) if abs(2 * j - n) >= abs(2 * k - n))
        assert two_sided(k, n) == pytest.approx(tail / 2**n, rel=1e-12)


def test_of_many_it_is_nearly_exact():
    n = 2_000
    for k in (1_000, 1_030, 1_060, 1_100):
        tail = sum(math.comb(n, j) for j in range(n + 1) if abs(2 * j - n) >= abs(2 * k - n))
        assert two_sided(k, n) == pytest.approx(tail / 2**n, rel=0.02)


def test_nothing_is_no_evidence():
    assert two_sided(0, 0) == 1.0
    assert place_figures([], ERROR, SHARE) == []


def test_whoever_always_says_the_first_is_named_and_left_out():
    rng = random.Random(1)
    rows = comparisons("first", 60, 1.0, rng) + comparisons("honest", 400, 0.5, rng)
    rows += comparisons("last", 60, 0.0, rng) + comparisons("pulled", 4_000, 0.56, rng)
    rows += comparisons("new", 5, 1.0, rng, tie_share=0)  # five say nothing yet
    found = {one["rater"]: one for one in place_figures(rows, ERROR, SHARE)}
    assert {name: one["named"] for name, one in found.items()} == {
        "first": "first",
        "honest": "",
        "last": "first",
        "pulled": "",
        "new": "",
    }
    assert found["pulled"]["first_probability"] < 1e-6  # the pull is there, and it is told
    assert found["first"]["first"] == 1.0
    assert found["first"]["comparisons"] == 60
    assert found["first"]["ties"] == sum(r["winner"] == "tie" for r in rows[:60])
    kept, left = without(rows, list(found.values()))
    assert left == 120
    assert {row["rater"] for row in kept} == {"honest", "pulled", "new"}


def test_whoever_always_says_a_is_named_where_nobody_knows_what_was_first():
    rng = random.Random(2)
    rows = comparisons("a", 50, 0.5, rng, tie_share=0, shown=False)
    for row in rows:
        row["winner"] = "a"
    (one,) = place_figures(rows, ERROR, SHARE)
    assert (one["named"], one["first"], one["a"]) == ("a", None, 1.0)


def test_raters_of_two_sources_are_two():
    rng = random.Random(4)
    rows = comparisons("r", 80, 1.0, rng, source="labels")
    rows += comparisons("r", 80, 0.5, rng, source="judge")
    named = {one["source"]: one["named"] for one in place_figures(rows, ERROR, SHARE)}
    assert named == {"labels": "first", "judge": ""}


def test_honest_raters_are_hardly_ever_named():
    rng = random.Random(6)
    wrong = 0
    for _ in range(40):
        rows = [r for n in range(10) for r in comparisons(f"r{n}", 30, 0.5, rng)]
        wrong += any(one["named"] for one in place_figures(rows, 0.05, 0.5))
    assert wrong <= 6  # 40 crowds at 5% each: more has a probability of 0.3%
