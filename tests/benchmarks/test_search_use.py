"""The table of searches: counts of several seeds together, both classes with all retrievers."""

from pipeline.intervals import wilson
from tests.benchmarks import search_use


def scores(right: float, n: int = 40) -> dict[str, list[float]]:
    found = {"search/often_search/call_rate": [right / 2, n]}
    for group in ("never", "often"):
        for way in ("search", "random", "empty", "alone"):
            found[f"search/{group}_{way}/accuracy"] = [right, n]
    found["search/never_search/call_rate"] = [1.0, n]
    found["search/never_search/found"] = [right, n]
    found["search/citations/precision"] = [right, n]
    found["facts/question_often/recall"] = [0.25, n]
    return found


def test_counts_of_all_seeds_stand_together() -> None:
    text = search_use.table([scores(1.0), scores(0.5)], [scores(0.5), scores(0.0)])
    lines = text.splitlines()
    low, high = wilson(60, 80)
    cell = f"75% ({low:.0%}–{high:.0%}, n=80)"
    assert lines[2] == f"| no page states | 100% (95%–100%, n=80) | {' | '.join([cell] * 4)} |"
    assert lines[3].startswith("| pages state often | 38% (")
    assert lines[7] == f"| {cell} | {cell} | – |"
    assert lines[-1].startswith("| facts, question_often | 25% (")
    assert [line.count("|") for line in lines] == [7, 7, 7, 7, 0, 4, 4, 4, 0, 4, 4, 4]
