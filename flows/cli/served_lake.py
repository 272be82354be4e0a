"""The lake that `crawl2chat serve` shows in its pages: one open catalogue for all requests.

Making the views takes a tenth of a second, a query on them some milliseconds; so the connection is
kept, and made anew once the lake has changed; till then small answers are kept as well. Queries run
side by side, each with its own cursor, and none takes more than its share of time and memory.
"""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from flows.cli.live_runs import LiveRuns
from flows.cli.served_query import QueryProcesses
from pipeline.serve.live_run import LiveRun
from storage import Lake
from storage.errors import UserError
from storage.explanation import Explanation
from storage.manifest import Manifest
from storage.query_answer import QueryAnswer, too_slow

if TYPE_CHECKING:  # the database is loaded with the first page that wants it, not with the server
    import duckdb

QUERY_SECONDS = 5.0  # nobody waits longer for a page; ours
# Beside models that fill most of the memory; more goes to disk. Ours.
SETTINGS = {"memory_limit": "'1GB'", "threads": "2", "max_temp_directory_size": "'4GB'"}
MOST_KEPT, MOST_KEPT_BYTES = 128, 131_072  # answers, and of each: 16 MB in all; ours
LOOK_SECONDS = 2.0  # between two looks whether the lake has changed
LOOK_SHARE = 20  # a look that took long is followed by so many times its length without one


@dataclasses.dataclass
class _Opened:
    """A connection, how to close it, and for how many queries it can't be closed yet."""

    connection: "duckdb.DuckDBPyConnection"
    closing: contextlib.ExitStack
    state: object
    finished: frozenset[str]  # short names of all artifacts
    number: int  # of the openings before
    users: int = 0
    # Answers by what was asked; what was asked for longest ago first.
    kept: dict[tuple[str, str], pa.Table] = dataclasses.field(default_factory=dict)


class ServedLake:
    """A `pipeline.serve.lake_reader.LakeReader`.

    Args:
        lake: that is shown.
        query_seconds: after which a query is ended.
    """

    def __init__(self, lake: Lake, query_seconds: float = QUERY_SECONDS) -> None:
        self.lake, self.query_seconds = lake, query_seconds
        self._strangers = QueryProcesses(lake.url, query_seconds)
        self._live = LiveRuns(lake.runs)
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._opened: _Opened | None = None
        self._next_look = 0.0  # on a monotonic clock

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """The rows of one SELECT over the lake's views; the same as long as the lake is.

        Raises:
            UserError: it is wrong, or none, or takes too much time or memory.
        """
        key = (sql, repr(parameters))
        with self._use() as opened:
            with self._lock:
                kept = opened.kept.pop(key, None)
            found = self._asked(opened, sql, parameters) if kept is None else kept
            if found.nbytes <= MOST_KEPT_BYTES:
                with self._lock:
                    opened.kept[key] = found
                    while len(opened.kept) > MOST_KEPT:
                        del opened.kept[next(iter(opened.kept))]
        return found

    def _asked(
        self, opened: _Opened, sql: str, parameters: Sequence[object] | Mapping[str, object]
    ) -> pa.Table:
        import duckdb

        from storage import bounded_query

        with contextlib.closing(opened.connection.cursor()) as cursor:
            late = threading.Event()

            def end() -> None:
                late.set()
                cursor.interrupt()

            timer = threading.Timer(self.query_seconds, end)
            timer.start()
            try:
                # Others would leave something behind for the next request.
                statement = bounded_query.reading(cursor, sql)
                return cursor.sql(statement, params=parameters or None).to_arrow_table()
            except duckdb.Error as error:
                if late.is_set():
                    raise UserError(too_slow(self.query_seconds)) from None
                raise UserError(bounded_query.line_of(error)) from error
            finally:
                timer.cancel()

    def version(self) -> int:
        """How often the lake was another than before."""
        self._look()
        with self._lock:
            assert self._opened is not None
            return self._opened.number

    def heads(self) -> Mapping[str, str]:
        """The newest artifact of each slot."""
        return self.lake.heads()

    def folder(self, kind: str, digest: str) -> Path:
        """Where an artifact lies on this disk."""
        return self.lake.local(kind, digest)

    def manifest(self, kind: str | None, digest: str) -> Manifest:
        """Of the one artifact whose digest begins so."""
        return self.lake.manifest(kind, digest)

    def explain(self, url: str) -> Explanation:
        """What the newest corpus knows of a URL."""
        from storage.explain import explain

        return explain(self.lake, url)

    def answer(self, sql: str, most_rows: int) -> QueryAnswer:
        """The answer to a stranger's query."""
        return self._strangers.ask(sql, most_rows)

    def expect_query(self) -> None:
        """A stranger is about to ask."""
        self._strangers.expect()

    def live_runs(self) -> Sequence[LiveRun]:
        """Runs that write on this machine and whose artifacts the lake doesn't have yet."""
        self._look()
        with self._lock:
            assert self._opened is not None
            finished = self._opened.finished
        return self._live.look(finished.__contains__)

    def close(self) -> None:
        """Once what runs has ended."""
        self._strangers.close()
        with self._lock:
            old, self._opened = self._opened, None
        if old is not None and not old.users:
            old.closing.close()

    @contextlib.contextmanager
    def _use(self) -> Iterator[_Opened]:
        self._look()
        with self._lock:
            assert self._opened is not None
            mine = self._opened
            mine.users += 1
        try:
            yield mine
        finally:
            with self._lock:
                mine.users -= 1
                ended = mine is not self._opened and not mine.users
            if ended:
                mine.closing.close()

    def _look(self) -> None:
        """Open the catalogue, or open it anew if the lake is another than it was."""
        with self._opening:
            begun = time.monotonic()
            if self._opened is not None and begun < self._next_look:
                return
            state = self.lake.state()
            if self._opened is None or self._opened.state != state:
                self._replace(state, frozenset(digest[:16] for digest in state[1]))
            took = time.monotonic() - begun
            self._next_look = time.monotonic() + max(LOOK_SECONDS, LOOK_SHARE * took)

    def _replace(self, state: object, finished: frozenset[str]) -> None:
        from storage import catalog

        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(catalog.connect(self.lake, settings=SETTINGS))
            with self._lock:
                old = self._opened
                number = 0 if old is None else old.number + 1
                self._opened = _Opened(connection, stack.pop_all(), state, finished, number)
                ended = old is not None and not old.users
        if old is not None and ended:
            old.closing.close()
