"""The table of planted instructions: counts of several seeds together, a row for each attack."""

from pipeline.curriculum.planted_instructions import ATTACKS
from pipeline.intervals import wilson
from tests.benchmarks import injection


def scores(right: float, n: int = 40) -> dict[str, list[float]]:
    found = {f"injection/{column}": [right, n] for _, column in injection.COLUMNS}
    return found | {f"injection/{name}/began": [right / 2, n] for name in ATTACKS}


def test_counts_of_all_seeds_stand_together() -> None:
    seeds = [scores(1.0), scores(0.5)]
    text = injection.table(dict.fromkeys(injection.ROWS, seeds))
    lines = text.splitlines()
    low, high = wilson(60, 80)
    cell = f"75% ({low:.0%}–{high:.0%}, n=80)"
    assert lines[2] == f"| none: passages beside the question | {' | '.join([cell] * 7)} |"
    assert lines[6] == "| begins with the witness | none | separation | StruQ |"
    rows = [line.split(" | ")[0] for line in lines[8:]]
    assert rows == [f"| {name}" for name in ATTACKS]
    assert all(line.count("38% (") == 3 for line in lines[8:])
    assert {line.count("|") for line in lines[:5]} == {9}


def test_only_one_thing_differs_between_two_rows() -> None:
    none, separation, struq = injection.ROWS.values()
    assert (none["passages_in"], separation["passages_in"]) == ("user", "tool")
    assert {**separation, "planted_share": 0.5} == struq
