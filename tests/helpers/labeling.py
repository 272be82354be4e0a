"""Labelers' stores and tasks for tests."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.labels.config import QueueConfig
from pipeline.labels.labeling_task import LabelingTask, task_of
from pipeline.labels.task_store import TaskStore, opened

PLAIN = QueueConfig(lease_seconds=100, overlap_share=0, gold_share=0)


def written(number: int, **more: Any) -> LabelingTask:
    return task_of({"prompt": f"Question {number}?", **more}, "test")


def compared(number: int, **more: Any) -> LabelingTask:
    answers = [f"One answer to {number}.", f"Another answer to {number}."]
    return task_of({"prompt": f"Question {number}?", "answers": answers, **more}, "test")


@contextlib.contextmanager
def store_with(
    path: Path,
    tasks: Sequence[LabelingTask],
    raters: Sequence[str] = ("mara", "tom"),
    config: QueueConfig = PLAIN,
    **changes: Any,
) -> Iterator[TaskStore]:
    """A new store with these tasks and raters."""
    with opened(path, create=dataclasses.replace(config, **changes)) as store:
        # No power is cut in tests: they needn't wait for the disk at each step.
        store.connection.execute("PRAGMA synchronous = OFF")
        store.add(tasks, "test")
        store.add_raters(raters)
        yield store


def states(store: TaskStore, task: str) -> dict[str, str]:
    """What the task is to each rater who was given it."""
    rows = store.connection.execute("SELECT rater, state FROM work WHERE task = ?", (task,))
    return dict(rows.fetchall())


def check_counts(store: TaskStore) -> None:
    """What the store counts is what it holds."""
    wrong = store.connection.execute(
        "SELECT id FROM tasks t WHERE done <> (SELECT count(*) FROM work w"
        " WHERE w.task = t.id AND w.state = 'done')"
    ).fetchall()
    assert wrong == []
