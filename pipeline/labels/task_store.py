"""Where tasks, raters and their work lie while people are at it: one SQLite file.

An artifact of the lake is written once and whole; a queue changes a row at a time, under several
raters at once, and "not taken by anybody else" must be one step with "taken by me". SQLite, of the
standard library, gives that: each step here is one transaction that holds the file's write lock,
and it is on disk when it returns (rollback journal, `synchronous = EXTRA`), so that neither a kill
nor a power cut takes back what a rater was told is saved. All processes must be on one machine, or
on a file system whose locks work. Finished work goes from here into the lake as an artifact.
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
from storage.durable import DiskFull, is_disk_full, make_folder
from storage.errors import UserError

APPLICATION = 0x6332636C  # "c2cl": what `file` and SQLite know the store by
VERSION = 1  # of the tables
WAIT_SECONDS = 60.0  # for another process's step, which takes milliseconds
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
        with _said(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

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
            if not name.strip() or name != name.strip() or not name.isprintable():
                raise UserError(f"rater {name!r}: a name is printable text without space around it")
            if len(name) > LONGEST_NAME:
                raise UserError(f"rater {name[:20]!r}…: longer than {LONGEST_NAME} characters")
        with self.step() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO raters (name, added) VALUES (?, ?)",
                [(name, time.time()) for name in named],
            )

    def raters(self) -> list[str]:
        """Who may label."""
        with _said(self.path):
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


@contextlib.contextmanager
def opened(path: Path, create: QueueConfig | None = None) -> Iterator[TaskStore]:
    """Open a store, or make it.

    Args:
        path: of the file.
        create: the settings of one that isn't there yet; None: it must be there.

    Raises:
        UserError: there is no store, or something else stands there.
    """
    if create is not None:
        make_folder(path.parent)
    elif not path.is_file():
        raise UserError(f"no labelers' store at {path}: `crawl2chat label add FILE` makes one")
    with _said(path), contextlib.closing(_connect(path)) as connection:
        if create is not None:
            _make(connection, create)
        _check(connection, path)
        rows = connection.execute("SELECT name, value FROM settings")
        settings = {name: json.loads(value) for name, value in rows}
        yield TaskStore(path, connection, from_dict(QueueConfig, settings))


def task_from(body: str, where: str) -> LabelingTask:
    """The task of a row."""
    return task_of(json.loads(body), where)


def tasks_of(store: TaskStore) -> list[LabelingTask]:
    """All tasks in the order in which they were added."""
    with _said(store.path):
        rows = store.connection.execute("SELECT id, body FROM tasks ORDER BY place").fetchall()
    return [task_from(body, f"task {task}") for task, body in rows]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection


def _make(connection: sqlite3.Connection, config: QueueConfig) -> None:
    """The tables, in one step, where there is nothing yet."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.executemany(
                "INSERT INTO settings VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in to_dict(config).items()],
            )
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise UserError(f"{path} is no labelers' store: name another with --store")
    if version != VERSION:
        raise UserError(
            f"{path} is a labelers' store of version {version}, this program reads {VERSION}:"
            " use the program that made it, or another store"
        )


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """SQLite's errors that are nobody's bug, in one line."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if is_disk_full(error):
            raise DiskFull(path) from error
        if "not a database" in text:
            raise UserError(f"{path} is no labelers' store: name another with --store") from error
        if "malformed" in text:
            raise UserError(f"{path} is damaged ({text}): put a copy of it back") from error
        if "locked" in text:
            raise UserError(
                f"{path}: another process has held it for {WAIT_SECONDS:.0f} s: try again"
            ) from error
        if "readonly" in text or "unable to open" in text:
            raise UserError(f"{path} can't be written or opened ({text})") from error
        raise
