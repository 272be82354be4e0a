"""One SQLite file that several processes change a row at a time: how it is made, opened and locked.

An artifact of the lake is written once and whole; people's work comes row by row, from several of
them at once, and "not taken by anybody else" must be one step with "taken by me". SQLite, of the
standard library, gives that: each `step` is one transaction that holds the file's write lock, and
it is on disk when it returns (rollback journal, `synchronous = EXTRA`), so that neither a kill nor
a power cut takes back what somebody was told is saved. All processes must be on one machine, or on
a file system whose locks work. What SQLite says of a file that is no such store is said in a line.
"""

import contextlib
import dataclasses
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from storage.durable import DiskFull, is_disk_full, make_folder
from storage.errors import UserError

WAIT_SECONDS = 60.0  # for another process's step, which takes milliseconds


@dataclasses.dataclass(frozen=True)
class StoreKind:
    """What a file is to be."""

    name: str  # with its article left out: "labelers' store"
    application: int  # what `file` and SQLite know it by
    version: int  # of the tables
    tables: str  # statements that make them
    made_by: str  # what to do where there is none
    option: str  # by which another is named

    @contextlib.contextmanager
    def opened(
        self, path: Path, fill: Callable[[sqlite3.Connection], None] | None = None
    ) -> Iterator[sqlite3.Connection]:
        """Open a file of this kind, or make it.

        Args:
            path: of the file.
            fill: puts the first rows into one that isn't there yet; None: it must be there.

        Raises:
            UserError: there is none, or something else stands there.
        """
        if fill is not None:
            make_folder(path.parent)
        elif not path.is_file():
            raise UserError(f"no {self.name} at {path}: {self.made_by}")
        with self.said(path), contextlib.closing(_connect(path)) as connection:
            if fill is not None:
                self._make(connection, fill)
            self._check(connection, path)
            yield connection

    @contextlib.contextmanager
    def step(self, connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
        """One transaction that no other process's comes into; an exception undoes it."""
        with self.said(path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def said(self, path: Path) -> Iterator[None]:
        """SQLite's errors that are nobody's bug, in one line."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            text = str(error)
            if is_disk_full(error):
                raise DiskFull(path) from error
            if "not a database" in text:
                raise UserError(self._no_such(path)) from error
            if "malformed" in text:
                raise UserError(f"{path} is damaged ({text}): put a copy of it back") from error
            if "locked" in text:
                raise UserError(
                    f"{path}: another process has held it for {WAIT_SECONDS:.0f} s: try again"
                ) from error
            if "readonly" in text or "unable to open" in text:
                raise UserError(f"{path} can't be written or opened ({text})") from error
            raise

    def _make(
        self, connection: sqlite3.Connection, fill: Callable[[sqlite3.Connection], None]
    ) -> None:
        """The tables, in one step, where there is nothing yet."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                for statement in self.tables.split(";"):
                    connection.execute(statement)
                fill(connection)
                connection.execute(f"PRAGMA application_id = {self.application}")
                connection.execute(f"PRAGMA user_version = {self.version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _check(self, connection: sqlite3.Connection, path: Path) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != self.application:
            raise UserError(self._no_such(path))
        if version != self.version:
            raise UserError(
                f"{path} is a {self.name} of version {version}, this program reads"
                f" {self.version}: use the program that made it, or another store"
            )

    def _no_such(self, path: Path) -> str:
        return f"{path} is no {self.name}: name another with {self.option}"


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection
