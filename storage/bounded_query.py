"""A stranger's query on a lake, in a process of its own that can't take much: `python -m` this.

In, as its argument: JSON of `lake`, `memory_bytes`, `seconds`, `waits`; then, on stdin, of `sql`
and `most_rows`; nothing at all, and it ends. Out, on stdout: JSON of a `QueryAnswer`, or of
`error`, a line for people. A process that `waits` opens all views before its question comes, any
other those that the question names; and so does the first if the lake has changed till then. DuckDB
bounds its tables and its sorting, but not the texts and lists that a query makes on the way
(`repeat('x', 1e9)`), and between two of them it doesn't look whether it was interrupted. So the
system bounds the memory and the processor's time of this process, and it ends by the clock.
"""

import contextlib
import json
import math
import os
import resource
import sys
import threading
import time
from typing import Any

import duckdb

from storage import catalog
from storage.errors import UserError
from storage.lake import Lake
from storage.query_answer import TOO_MUCH_MEMORY, too_slow

READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
CELL_CHARACTERS = 1000  # more is no cell of a table; ours
LINE_CHARACTERS = 400  # of an error, which may name every column of a table
IDLE_SECONDS = 600.0  # that it waits to be asked, beside 70 MB of memory; ours
DUCKDB_SHARE = 0.5  # of the memory; the rest is for what it doesn't count, and for Python


def reading(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The one statement of a text that reads and leaves nothing behind.

    Raises:
        UserError: there is none, another, or more than one.
        duckdb.Error: it is no SQL.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type not in READING:
        raise UserError("SQL: one SELECT is wanted")
    return statements[0]


def line_of(error: duckdb.Error) -> str:
    """What a mistake in a query is called where nothing lifts the limits."""
    line = catalog.one_line(error).removesuffix(f" ({catalog.UNSAFE})")
    return line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]}…"


class LakeAsked:
    """A lake that a question is put to.

    Args:
        lake: that is read.
        memory_bytes: of the process.
    """

    def __init__(self, lake: Lake, memory_bytes: int) -> None:
        limit = f"'{int(memory_bytes * DUCKDB_SHARE) >> 20}MiB'"
        # Nothing is put on disk: who needs that asks for less.
        settings = {"memory_limit": limit, "threads": "1", "max_temp_directory_size": "'0MiB'"}
        self.lake, self.settings = lake, settings
        self._opened = contextlib.ExitStack()
        self._ready: tuple[object, duckdb.DuckDBPyConnection] | None = None

    def make_ready(self) -> None:
        """Open all views, if that can be; what is wrong with the lake is said to whoever asks."""
        with contextlib.suppress(UserError, duckdb.Error, OSError, MemoryError):
            state = self.lake.state()
            self._ready = (state, self._opened.enter_context(self._connected()))

    def answer(self, sql: str, most_rows: int) -> dict[str, Any]:
        """The fields of a `QueryAnswer`.

        Raises:
            UserError: the query is wrong, or takes too much memory.
        """
        begun = time.monotonic()
        try:
            with contextlib.ExitStack() as opened:
                if self._ready is not None and self._ready[0] == self.lake.state():
                    connection = self._ready[1]
                else:
                    connection = opened.enter_context(self._connected(sql))
                found = connection.sql(reading(connection, sql)).limit(most_rows + 1)
                names, types = found.columns, [str(kind) for kind in found.types]
                cut = f"left(COLUMNS(*)::VARCHAR, {CELL_CHARACTERS + 1})"
                cells = found.project(cut).fetchall()
        except (MemoryError, duckdb.OutOfMemoryException):
            raise UserError(TOO_MUCH_MEMORY) from None
        except duckdb.Error as error:
            raise UserError(line_of(error)) from error
        return {
            "columns": names,
            "types": types,
            "rows": [[_short(cell) for cell in row] for row in cells[:most_rows]],
            "is_cut": len(cells) > most_rows,
            "seconds": time.monotonic() - begun,
        }

    def close(self) -> None:
        """Let go of the views."""
        self._opened.close()

    def _connected(
        self, sql: str | None = None
    ) -> contextlib.AbstractContextManager[duckdb.DuckDBPyConnection]:
        return catalog.connect(self.lake, sql, settings=self.settings)


def main() -> None:
    """Read what is asked, and write the answer; or that it took too long."""
    given = json.loads(sys.argv[1])
    # Before the database is opened: what it reserves then would be more than the bound.
    _limit("CORE", 0)
    _limit("DATA", given["memory_bytes"])
    # It may have been started beforehand, and nobody asks.
    idle = threading.Timer(IDLE_SECONDS, os._exit, [0])
    idle.daemon = True
    idle.start()
    lake = LakeAsked(Lake(given["lake"]), given["memory_bytes"])
    if given["waits"]:
        lake.make_ready()
    said = sys.stdin.read()
    idle.cancel()
    if said:
        _say(lake, json.loads(said), given["seconds"])
    # Whoever asked waits for the end, and to take all down takes longer than many an answer; what
    # it has on disk is in a folder of whoever asked.
    os._exit(0)


def _say(lake: LakeAsked, asked: dict[str, Any], seconds: float) -> None:
    _limit("CPU", math.ceil(time.process_time()) + int(seconds) + 2)  # beyond getting ready
    timer = threading.Timer(seconds, _end, [seconds])
    timer.daemon = True
    timer.start()
    try:
        told = lake.answer(asked["sql"], asked["most_rows"])
    except MemoryError:
        told = {"error": TOO_MUCH_MEMORY}
    except UserError as error:
        told = {"error": str(error)}
    timer.cancel()
    print(json.dumps(told), flush=True)


def _end(seconds: float) -> None:
    """DuckDB may not look for seconds whether it was interrupted; nothing here is left to tidy."""
    print(json.dumps({"error": too_slow(seconds)}), flush=True)
    os._exit(0)


def _limit(name: str, most: int) -> None:
    """On systems without such a limit, DuckDB's own remain, and the clock."""
    resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _short(cell: str | None) -> str | None:
    return cell if cell is None or len(cell) <= CELL_CHARACTERS else cell[:CELL_CHARACTERS] + "…"


if __name__ == "__main__":
    main()
