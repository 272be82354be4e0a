"""What leaves the store: answers that count, in order; and figures of raters of known habits."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from labeling import compared, store_with, written

from pipeline.intervals import wilson
from pipeline.labels.config import LabelsConfig
from pipeline.labels.finished_work import finished, read_finished, store_counts, write_finished
from pipeline.labels.rater_figures import figures
from pipeline.labels.task_queue import finish, skip, take
from pipeline.labels.task_store import TaskStore
from storage.errors import UserError


def work(store: TaskStore, rater: str, answers: Any, seconds: float = 4, now: float = 0.0) -> float:
    """Have a rater do all there is; `answers` gives each answer, None skips."""
    while (given := take(store, rater, now)) is not None:
        answer = answers(given)
        if answer is None:
            skip(store, rater, given.task.id, now)
        else:
            finish(store, rater, given.task.id, answer, now + seconds)
        now += seconds + 1
    return now


def test_finished_work_is_written_and_read_the_same(tmp_path: Path) -> None:
    tasks = [written(1, answer="Wrong."), compared(2), written(3), written(4, expected="four")]
    with store_with(tmp_path / "s", tasks, gold_share=0.5) as store:
        for rater, skipped in (("tom", "compare"), ("mara", "none")):
            work(
                store,
                rater,
                lambda given, skipped=skipped: (
                    None
                    if given.task.kind == skipped
                    else ("tie" if given.task.kind == "compare" else "Four,\u2028\r\nI think 🙂")
                ),
            )
        rows = list(finished(store))
        assert write_finished(store, tmp_path / "w.jsonl") == len(rows)
        counts = store_counts(store)
    assert [row for row, _ in read_finished(tmp_path / "w.jsonl")] == rows
    assert [task for _, task in read_finished(tmp_path / "w.jsonl") if task.kind == "compare"] == [
        tasks[1]
    ]
    assert rows == sorted(rows, key=lambda row: (row["task"], row["rater"]))
    by_rater = {(row["kind"], row["rater"]): row for row in rows if not row["gold"]}
    assert set(by_rater) == {("correct", "tom"), ("write", "tom"), ("compare", "mara")}
    row = by_rater["correct", "tom"]
    assert row["answer"] == "Four,\u2028\r\nI think 🙂"
    assert (row["seconds"], row["right"], row["first"], row["source"]) == (4.0, None, "", "test")
    assert row["time"].startswith("1970-01-01T00:00:")
    assert row["time"].endswith("+00:00")
    assert by_rater["compare", "mara"]["first"] in ("a", "b")
    gold = [row for row in rows if row["gold"]]
    assert all(row["right"] for row in gold)
    assert counts["tasks"] == {"compare": 1, "correct": 1, "write": 1}
    assert counts["open"] == {"compare": 0, "correct": 0, "write": 0}
    assert (counts["gold"], counts["skipped"], counts["answers"]) == (1, 1, len(rows))


@pytest.mark.parametrize("line", ["{", "[]", "7", json.dumps({"task": "x"})])
def test_a_file_of_something_else(tmp_path: Path, line: str) -> None:
    (tmp_path / "w.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=r"w.jsonl:1: "):
        read_finished(tmp_path / "w.jsonl")


def test_figures_of_raters_whose_habits_are_known(tmp_path: Path) -> None:
    """One who knows, one who guesses, one who takes the first: each shows in their figures."""
    chance = random.Random(0)
    better = {compared(n).id: chance.choice("ab") for n in range(300)}
    tasks = [compared(n) for n in range(300)]
    gold = [compared(1000 + n, expected=chance.choice("ab")) for n in range(80)]
    known = {**better, **{task.id: task.expected[0] for task in gold}}
    habits = {
        "expert": lambda given: known[given.task.id],
        "guesser": lambda given: chance.choice("ab"),
        "first": lambda given: given.winner("first"),
    }
    config: dict[str, Any] = {"overlap_share": 0.5, "overlap_raters": 3, "gold_share": 0.2}
    with store_with(tmp_path / "s", [*gold, *tasks], list(habits), **config) as store:
        for seconds, (rater, habit) in enumerate(habits.items(), start=3):
            work(store, rater, habit, seconds)
        rows = list(finished(store))
    found = figures(rows, LabelsConfig())
    of = {rater["rater"]: rater for rater in found["raters"]}
    assert of["expert"]["gold"]["share"] == 1.0
    right = [row["right"] for row in rows if row["rater"] == "guesser" and row["gold"]]
    low, high = wilson(sum(map(bool, right)), len(right))
    assert of["guesser"]["gold"] == {
        "share": sum(map(bool, right)) / len(right),
        "low": low,
        "high": high,
        "n": len(right),
    }
    assert low < 0.5 < high
    assert of["first"]["first"]["share"] == 1.0
    assert of["expert"]["first"]["low"] < 0.5 < of["expert"]["first"]["high"]
    assert [of[name]["seconds"] for name in habits] == [3.0, 4.0, 5.0]
    agreed = found["agreement"]
    assert (agreed["items"], agreed["answers"]) == (150, 450)  # gold is in none of them
    assert agreed["low"] is not None
    assert agreed["high"] is not None
    assert agreed["low"] < 0 < agreed["high"]  # two of three don't look: as good as chance


def test_two_who_mostly_agree(tmp_path: Path) -> None:
    chance = random.Random(1)
    better = {compared(n).id: chance.choice("ab") for n in range(200)}

    def mostly(given: Any) -> str:
        return better[given.task.id] if chance.random() < 0.9 else chance.choice("ab")

    config: dict[str, Any] = {"overlap_share": 1.0, "overlap_raters": 2}
    with store_with(tmp_path / "s", [compared(n) for n in range(200)], **config) as store:
        for rater in ("mara", "tom"):
            work(store, rater, mostly)
        found = figures(list(finished(store)), LabelsConfig())["agreement"]
    assert found["low"] is not None
    assert found["high"] is not None
    assert found["low"] < 0.9**2 < found["high"]  # both look at a share of 0.81: alpha is that


def test_figures_of_nothing(tmp_path: Path) -> None:
    found = figures([], LabelsConfig())
    assert found["raters"] == []
    assert found["agreement"] == {
        "alpha": None,
        "low": None,
        "high": None,
        "items": 0,
        "answers": 0,
    }
    with store_with(tmp_path / "s", [written(1)]) as store:
        work(store, "mara", lambda given: "x")
        (rater,) = figures(list(finished(store)), LabelsConfig())["raters"]
    assert rater["gold"] == {"share": None, "low": 0.0, "high": 1.0, "n": 0}
