"""What raters have finished, out of a store: as lines of JSON, the same whenever they are written.

The lines are what the `labels` stage reads: a store goes on changing, an artifact is made of files
that don't.
"""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, cast

from pipeline.labels.labeling_task import LabelingTask, is_right, task_of
from pipeline.labels.task_queue import is_swapped
from pipeline.labels.task_store import TaskStore, task_from
from storage.durable import write_atomic
from storage.errors import UserError


class FinishedRow(TypedDict):
    """A rater's answer that counts."""

    task: str
    kind: str
    rater: str
    answer: str  # of a comparison the winner: a, tie or b
    seconds: float | None  # None: the lease had ended, so nobody knows
    time: str  # when it was finished: UTC, ISO 8601
    gold: bool
    right: bool | None  # of gold alone
    raters: int  # who were to get the task
    first: str  # of a comparison: which answer was shown first, a or b; else ""
    source: str
    shown: dict[str, object]  # the task, as a line of a task file


class StoreCounts(TypedDict):
    """Where a store stands."""

    tasks: dict[str, int]  # by kind, gold left out
    open: dict[str, int]  # of them wait for an answer
    overlap: int  # tasks that go to several raters
    gold: int
    answers: int  # that count
    skipped: int
    surplus: int  # answers that came when others had answered already
    leased: int  # in somebody's hands


def finished(store: TaskStore) -> Iterator[FinishedRow]:
    """Every answer that counts, by task and rater."""
    with store.step() as connection:
        rows = connection.execute(
            "SELECT task, w.kind, rater, answer, seconds, finished, gold, raters, source, body"
            " FROM work w JOIN tasks ON id = task WHERE state = 'done' ORDER BY task, rater"
        ).fetchall()
    for task, kind, rater, answer, seconds, at, gold, raters, source, body in rows:
        shown = task_from(body, f"task {task}")
        swapped = kind == "compare" and is_swapped(store, task, rater)
        yield {
            "task": task,
            "kind": kind,
            "rater": rater,
            "answer": answer,
            "seconds": seconds,
            "time": datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(
                timespec="milliseconds"
            ),
            "gold": bool(gold),
            "right": is_right(shown, answer),
            "raters": raters,
            "first": ("b" if swapped else "a") if kind == "compare" else "",
            "source": source,
            "shown": shown.row(),
        }


def write_finished(store: TaskStore, path: Path) -> int:
    """Write `finished` as JSON lines; the number of them."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in finished(store)]
    write_atomic(path, "".join(lines).encode("utf-8"))
    return len(lines)


def read_finished(path: Path) -> list[tuple[FinishedRow, LabelingTask]]:
    """The rows of such a file, each with its task.

    Raises:
        UserError: a line is something else.
    """
    found: list[tuple[FinishedRow, LabelingTask]] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        where = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{where}: not JSON ({error})") from error
        if not isinstance(row, dict) or set(row) != set(FinishedRow.__annotations__):
            raise UserError(f"{where}: no finished work of a labelers' store")
        found.append((cast(FinishedRow, row), task_of(row["shown"], where)))
    return found


def answered(store: TaskStore, rater: str) -> int:
    """How many answers a rater has given, those that were kept aside among them."""
    with store.step() as connection:
        (found,) = connection.execute(
            "SELECT count(*) FROM work WHERE rater = ? AND state IN ('done', 'surplus')", (rater,)
        ).fetchone()
    return int(found)


def last_change(store: TaskStore) -> tuple[int, float]:
    """What differs whenever `finished` does: how many answers and skips, and when the last was."""
    with store.step() as connection:
        count, last = connection.execute(
            "SELECT count(finished), coalesce(max(finished), 0) FROM work"
        ).fetchone()
    return int(count), float(last)


def store_counts(store: TaskStore) -> StoreCounts:
    """How much there is and how much is left."""
    with store.step() as connection:
        kinds = connection.execute(
            "SELECT kind, count(*), sum(done < raters) FROM tasks WHERE gold = 0"
            " GROUP BY kind ORDER BY kind"
        ).fetchall()
        states = dict(connection.execute("SELECT state, count(*) FROM work GROUP BY state"))
        overlap, gold = connection.execute(
            "SELECT coalesce(sum(raters > 1), 0), coalesce(sum(gold), 0) FROM tasks"
        ).fetchone()
    return {
        "tasks": {kind: tasks for kind, tasks, _ in kinds},
        "open": {kind: waiting for kind, _, waiting in kinds},
        "overlap": overlap,
        "gold": gold,
        "answers": states.get("done", 0),
        "skipped": states.get("skipped", 0),
        "surplus": states.get("surplus", 0),
        "leased": states.get("leased", 0),
    }
