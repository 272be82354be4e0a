"""Where tasks, raters and their work lie while people are at it: one SQLite file.

Each step is one transaction, on disk when it returns (storage.sqlite_store), so that raters at
once share the tasks and neither a kill nor a power cut takes back what one was told is saved.
Finished work goes from here into the lake as an artifact.
"""

import contextlib
import dataclasses
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.config import from_dict, to_dict
from pipeline.labels.config import QueueConfig
from pipeline.labels.labeling_task import KINDS, LabelingTask, task_of
from pipeline.labels.mixing import overlapping
from storage.errors import UserError
from storage.sqlite_store import StoreKind

APPLICATION = 0x6332636C  # "c2cl": what `file` and SQLite know the store by
VERSION = 1  # of the tables
LONGEST_NAME = 60  # characters of a rater's

# `work` has a row for every task that a rater was given. State: leased (being answered), done,
# surplus (answered, but others were first), skipped, lost (lease over, and somebody else took it).
TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE raters (name TEXT PRIMARY KEY, added REAL NOT NULL);
CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    place INTEGER NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT NOT NULL,
    gold INTEGER NOT NULL,
    raters INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX open_tasks ON tasks (place) WHERE gold = 0 AND done < raters;
CREATE INDEX gold_tasks ON tasks (kind) WHERE gold = 1;
CREATE TABLE work (
    task TEXT NOT NULL REFERENCES tasks (id),
    rater TEXT NOT NULL REFERENCES raters (name),
    turn INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('leased', 'done', 'surplus', 'skipped', 'lost')),
    given REAL NOT NULL,
    until REAL NOT NULL,
    reopened INTEGER NOT NULL DEFAULT 0,
    answer TEXT,
    seconds REAL,
    finished REAL,
    PRIMARY KEY (task, rater)
);
CREATE UNIQUE INDEX turns ON work (rater, turn);
"""
KIND = StoreKind(
    "labelers' store",
    APPLICATION,
    VERSION,
    TABLES,
    made_by="`crawl2chat label add FILE` makes one",
    option="--store",
)


class Added(NamedTuple):
    """What became of the tasks that were to be added."""

    new: int
    known: int  # were there already
    gold: int  # of the new ones
    overlap: int  # of the new ones go to several raters


@dataclasses.dataclass(frozen=True)
class TaskStore:
    """An open store; `opened` gives one."""

    path: Path
    connection: sqlite3.Connection
    config: QueueConfig

    @contextlib.contextmanager
    def step(self) -> Iterator[sqlite3.Connection]:
        """One transaction that no other process's comes into; an exception undoes it."""
        with KIND.step(self.connection, self.path) as connection:
            yield connection

    def add(self, tasks: Iterable[LabelingTask], source: str) -> Added:
        """Add tasks in their order; those that are there already stay as they are.

        Args:
            tasks: checked ones.
            source: where they come from, in words.
        """
        given = list({task.id: task for task in tasks}.values())
        config = self.config
        with self.step() as connection:
            there = {task for (task,) in connection.execute("SELECT id FROM tasks")}
            new = [task for task in given if task.id not in there]
            overlap: set[str] = set()
            for kind in KINDS:
                before, taken = connection.execute(
                    "SELECT count(*), coalesce(sum(raters > 1), 0) FROM tasks"
                    " WHERE gold = 0 AND kind = ?",
                    (kind,),
                ).fetchone()
                ids = [task.id for task in new if task.kind == kind and not task.is_gold]
                overlap |= overlapping(ids, config.overlap_share, before, taken, config.seed)
            (place,) = connection.execute("SELECT coalesce(max(place), -1) FROM tasks").fetchone()
            connection.executemany(
                "INSERT INTO tasks (id, place, kind, body, source, gold, raters)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        task.id,
                        place + number,
                        task.kind,
                        json.dumps(task.row(), ensure_ascii=False),
                        source,
                        task.is_gold,
                        config.overlap_raters if task.id in overlap else 1,
                    )
                    for number, task in enumerate(new, start=1)
                ],
            )
        gold = sum(task.is_gold for task in new)
        return Added(len(new), len(given) - len(new), gold, len(overlap))

    def add_raters(self, names: Iterable[str]) -> None:
        """Let these people label; who is there already stays.

        Raises:
            UserError: a name that can't be one.
        """
        for name in (named := list(names)):
            check_rater_name(name)
        with self.step() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO raters (name, added) VALUES (?, ?)",
                [(name, time.time()) for name in named],
            )

    def raters(self) -> list[str]:
        """Who may label."""
        with KIND.said(self.path):
            rows = self.connection.execute("SELECT name FROM raters ORDER BY name")
            return [name for (name,) in rows]

    def check_rater(self, name: str) -> None:
        """UserError for one whom the store doesn't know: a misspelt name would be a new rater."""
        known = self.raters()
        if name not in known:
            there = ", ".join(known) or "none"
            raise UserError(
                f"no rater {name!r} in {self.path} (there: {there}): "
                f"`crawl2chat label raters NAME` adds one"
            )


def check_rater_name(name: str) -> None:
    """UserError for what can't be a rater's name."""
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise UserError(f"rater {name!r}: a name is printable text without space around it")
    if len(name) > LONGEST_NAME:
        raise UserError(f"rater {name[:20]!r}…: longer than {LONGEST_NAME} characters")


@contextlib.contextmanager
def opened(path: Path, create: QueueConfig | None = None) -> Iterator[TaskStore]:
    """Open a store, or make it.

    Args:
        path: of the file.
        create: the settings of one that isn't there yet; None: it must be there.

    Raises:
        UserError: there is no store, or something else stands there.
    """

    def fill(connection: sqlite3.Connection) -> None:
        assert create is not None
        connection.executemany(
            "INSERT INTO settings VALUES (?, ?)",
            [(name, json.dumps(value)) for name, value in to_dict(create).items()],
        )

    with KIND.opened(path, None if create is None else fill) as connection:
        rows = connection.execute("SELECT name, value FROM settings")
        settings = {name: json.loads(value) for name, value in rows}
        yield TaskStore(path, connection, from_dict(QueueConfig, settings))


def task_from(body: str, where: str) -> LabelingTask:
    """The task of a row."""
    return task_of(json.loads(body), where)


def tasks_of(store: TaskStore) -> list[LabelingTask]:
    """All tasks in the order in which they were added."""
    with KIND.said(store.path):
        rows = store.connection.execute("SELECT id, body FROM tasks ORDER BY place").fetchall()
    return [task_from(body, f"task {task}") for task, body in rows]
