"""A mixture's weights are kept to the task, its notation is read or refused in one line."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import task_mixture
from pipeline.curriculum.task_kinds import KINDS
from pipeline.curriculum.task_mixture import MixtureEntry, TaskSchedule, entries_of


def drawn(mixture, count, first=0):
    schedule = TaskSchedule(entries_of(mixture))
    return [schedule.at(number) for number in range(first, first + count)]


def test_a_kind_alone_means_all_its_levels_in_turn():
    assert drawn(["weekday=1"], 5) == [("weekday", level) for level in (1, 2, 3, 1, 2)]
    assert drawn(["sum:3-5=1"], 4) == [("sum", level) for level in (3, 4, 5, 3)]
    assert drawn(["sum:9=0.25"], 2) == [("sum", 9)] * 2


def test_equal_weights_take_turns_in_their_order():
    assert [kind for kind, _ in drawn(["sum=1", "date=1", "units=1"], 6)] == [
        *("sum", "date", "units"),
        *("sum", "date", "units"),
    ]


def test_weights_are_kept_exactly_and_spread_evenly():
    found = [kind for kind, _ in drawn(["sum=3", "date=1"], 8)]
    assert Counter(found) == {"sum": 6, "date": 2}
    assert Counter(found[:4]) == {"sum": 3, "date": 1}
    found = [kind for kind, _ in drawn(["sum=99.5", "date=0.5"], 400)]
    assert Counter(found) == {"sum": 398, "date": 2}


def test_an_entry_of_little_weight_goes_through_its_levels():
    levels = [level for kind, level in drawn(["sum=9", "date=1"], 80) if kind == "date"]
    assert levels == [1, 2, 3, 4] * 2


@given(st.integers(0, 500), st.integers(1, 60))
def test_a_batch_goes_on_where_the_last_one_ended(first, count):
    mixture = ["sum:2-4=2", "letter_count=1.5", "yes_no:1=1"]
    assert drawn(mixture, first + count)[first:] == drawn(mixture, count, first)


def test_patterns_stand_for_every_kind_that_fits():
    assert [entry.kind for entry in entries_of(["*=1"])] == [*KINDS]
    assert [entry.kind for entry in entries_of(["sort_*=2"])] == ["sort_numbers", "sort_words"]
    assert entries_of(["sum:2=1", "sum:3=2"]) == [
        MixtureEntry("sum", (2,), Fraction(1)),
        MixtureEntry("sum", (3,), Fraction(2)),
    ]
    assert [entry.kind for entry in entries_of(["sum=0", "date=1"])] == ["date"]


def test_kinds_from_elsewhere_are_named_whole_and_not_where_only_ours_may_be():
    mixture = ["gsm8k=1", "gsm8k_math_verify=1", "reasoning_gym/chain_sum=1"]
    assert [(entry.kind, entry.levels) for entry in entries_of(mixture)] == [
        ("gsm8k", (1,)),
        ("gsm8k_math_verify", (1,)),
        ("reasoning_gym/chain_sum", (1,)),
    ]
    for text in mixture:
        with pytest.raises(ValueError, match=r"no kind (gsm8k|reasoning_gym)"):
            entries_of([text], generated=True)


def test_kinds_of_several_turns_are_named_whole_and_never_meant_by_a_pattern():
    entries = entries_of(["running_sum:3-5=2", "running_sum_worked=1"])
    assert [(entry.kind, len(entry.levels)) for entry in entries] == [
        ("running_sum", 3),
        ("running_sum_worked", 32),
    ]
    assert not {entry.kind for entry in entries_of(["*=1"])} & {"running_sum", "running_sum_worked"}
    with pytest.raises(ValueError, match=r"no kind running_\*: one of sum"):
        entries_of(["running_*=1"])
    with pytest.raises(ValueError, match="running_sum has levels 1 to 32"):
        entries_of(["running_sum:33=1"])
    with pytest.raises(ValueError, match="no kind running_sum: one of sum"):
        entries_of(["running_sum=1"], generated=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sum", "write KIND=WEIGHT"),
        ("=1", "write KIND=WEIGHT"),
        ("sum=", "write KIND=WEIGHT"),
        ("sum=-1", "write KIND=WEIGHT"),
        ("sum=1.2.3", "write KIND=WEIGHT"),
        ("sum=1001", "from 0 to 1000"),
        ("sum=nan", "write KIND=WEIGHT"),
        ("sum:three=1", "write KIND=WEIGHT"),
        ("sum:3-=1", "write KIND=WEIGHT"),
        ("sums=1", "no kind sums: one of sum, difference"),
        ("reasoning_gym/=1", "no kind reasoning_gym/"),
        ("sum:0=1", "sum has levels 1 to 9"),
        ("sum:10=1", "sum has levels 1 to 9"),
        ("sum:5-3=1", "sum has levels 1 to 9"),
        ("sort_*:5=1", "sort_numbers has levels 1 to 4"),
        ("gsm8k:2=1", "gsm8k has levels 1 to 1"),
        ("sum=0", "no task is left"),
    ],
)
def test_what_cannot_be_drawn_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        entries_of([text])


def test_the_largest_weight_is_taken_and_nothing_at_all_refused():
    assert entries_of(["sum=1000"])[0].weight == task_mixture.MOST_WEIGHT
    with pytest.raises(ValueError, match="no task is left"):
        entries_of([])


def test_a_ratio_that_never_ends_is_refused():
    with pytest.raises(ValueError, match="too many digits"):
        entries_of(["sum=1", "date=0.00001"])
    assert entries_of(["sum=1", "date=0.0001"])
