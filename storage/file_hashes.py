"""Hashes of files outside the lake, remembered between runs, and files that change meanwhile.

A hash is remembered for a path as long as size, times and inode stay what they were. Times have
their grain, and a file may be written again within it: what was touched just before it was hashed
is not remembered (git calls such files racily clean). The memory is one SQLite file that processes
share; where it can't be written, or is damaged, files are hashed each time. Whoever reads a file by
its hash compares its state before and after: the bytes read must be those that were hashed.
"""

import contextlib
import dataclasses
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from storage.errors import UserError

NAME = "hashes.sqlite"
SETTLED_SECONDS = 10.0  # since the last change: more than the grain of any file system's times
BUSY_SECONDS = 10.0  # another process may be writing
BLOCK_BYTES = 1 << 20

Tell = Callable[[int, int], None]  # bytes hashed, of how many

_TABLE = """CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, size INTEGER,
 mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, sha256 TEXT) WITHOUT ROWID"""
_FIND = """SELECT sha256 FROM hashes
 WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?"""
_KEEP = "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)"


@dataclasses.dataclass(frozen=True)
class FileState:
    """What tells one state of a file's bytes from another."""

    size: int
    mtime_ns: int
    inode: int = 0  # 0: not compared, since another machine may number files otherwise


class FileChanged(UserError):
    """A file is not what it was. Whoever writes it has to finish first: no other try helps."""


def state_of(path: Path) -> FileState:
    """Its state now.

    Raises:
        OSError: there is no such file.
    """
    status = path.stat()
    return FileState(status.st_size, status.st_mtime_ns, status.st_ino)


@contextlib.contextmanager
def unchanged(files: Mapping[Path, FileState | None]) -> Iterator[None]:
    """Hold files to the state they are in, from before this until its end.

    Args:
        files: paths, each with the state that it must be in; None: whatever it is in now.

    Raises:
        FileChanged: one has changed; whatever else went wrong follows from it, and is not said.
    """
    states = {path: known or _state(path) for path, known in files.items()}
    _check(states)
    try:
        yield
    except Exception as error:
        _check(states, error)
        raise
    _check(states)


def _state(path: Path) -> FileState | None:
    try:
        return state_of(path)
    except OSError:
        return None  # the stage says what it misses


def _check(states: Mapping[Path, FileState | None], cause: Exception | None = None) -> None:
    for path, before in states.items():
        if before is None:
            continue
        now = _state(path)
        if now is None or before != (now if before.inode else dataclasses.replace(now, inode=0)):
            raise _changed(path) from cause


def _changed(path: Path) -> FileChanged:
    return FileChanged(
        f"input {path} was changed, or replaced, while it was being read: wait until whatever"
        " writes it is done, and run again"
    )


def hash_now(path: Path) -> tuple[str, FileState]:
    """The hash of a file and its state, not remembered; `FileChanged` if it changes meanwhile."""
    sha256, status = _read(path, lambda done, total: None)
    return sha256, FileState(status.st_size, status.st_mtime_ns, status.st_ino)


def _read(path: Path, tell: Tell) -> tuple[str, os.stat_result]:
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        digest, done = hashlib.sha256(), 0
        block = memoryview(bytearray(BLOCK_BYTES))
        while (size := file.readinto(block)) and done <= before.st_size:
            digest.update(block[:size])
            done += size
            tell(done, before.st_size)
        after = os.fstat(file.fileno())
    if _times(after)[:2] != _times(before)[:2] or done != before.st_size:
        raise _changed(path)
    return digest.hexdigest(), after


class Hashes:
    """The memory in one SQLite file; threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._given_up = False

    def known(self, path: Path) -> tuple[str, FileState] | None:
        """The hash of a file and its state, without reading it; None if nobody remembers it."""
        status = path.stat()
        rows = self._ask(_FIND, (str(path), *_times(status)))
        state = FileState(status.st_size, status.st_mtime_ns, status.st_ino)
        return (str(rows[0][0]), state) if rows else None

    def take(self, path: Path, tell: Tell = lambda done, total: None) -> tuple[str, FileState]:
        """The same by reading it; `FileChanged` if it changes meanwhile."""
        began = time.time_ns()
        sha256, status = _read(path, tell)
        if began - max(status.st_mtime_ns, status.st_ctime_ns) > SETTLED_SECONDS * 1e9:
            self._ask(_KEEP, (str(path), *_times(status), sha256))
        return sha256, FileState(status.st_size, status.st_mtime_ns, status.st_ino)

    def _ask(self, question: str, values: tuple[str | int, ...]) -> list[tuple[object, ...]]:
        with self._lock:
            if self._given_up:
                return []
            try:
                if self._database is None:
                    self._database = self._open()
                with self._database:  # commits
                    return self._database.execute(question, values).fetchall()
            except sqlite3.OperationalError:  # busy for too long, a full disk, no right to write
                return []
            except (sqlite3.DatabaseError, OSError):  # no database any more, or no folder for one
                self._given_up = True
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)  # the next run begins a new one
                return []

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
        database.execute(_TABLE)
        return database


def _times(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
