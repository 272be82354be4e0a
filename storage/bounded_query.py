"""A stranger's query on a lake, in a process of its own that can't take much: `python -m` this.

In, on stdin: JSON of `lake`, `sql`, `most_rows`, `memory_bytes`, `seconds`; nothing at all, and it
ends. Out, on stdout: JSON of a `QueryAnswer`, or of `error`, a line for people. DuckDB bounds its
tables and its sorting, but not the texts and lists that a query makes on the way
(`repeat('x', 1e9)`), and between two of them it doesn't look whether it was interrupted. So the
system bounds the memory and the processor's time of this process, and it ends by the clock.
"""

import json
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


def answer(lake: Lake, sql: str, most_rows: int, memory_bytes: int) -> dict[str, Any]:
    """The fields of a `QueryAnswer`.

    Raises:
        UserError: the query is wrong, or takes too much memory.
    """
    begun = time.monotonic()
    limit = f"'{int(memory_bytes * DUCKDB_SHARE) >> 20}MiB'"
    # Nothing is put on disk: who needs that asks for less.
    settings = {"memory_limit": limit, "threads": "1", "max_temp_directory_size": "'0MiB'"}
    try:
        with catalog.connect(lake, sql, settings=settings) as connection:
            found = connection.sql(reading(connection, sql)).limit(most_rows + 1)
            names, types = found.columns, [str(kind) for kind in found.types]
            cells = found.project(f"left(COLUMNS(*)::VARCHAR, {CELL_CHARACTERS + 1})").fetchall()
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


def main() -> None:
    """Read what is asked, and write the answer; or that it took too long."""
    # It may have been started beforehand, and nobody asks.
    idle = threading.Timer(IDLE_SECONDS, os._exit, [0])
    idle.daemon = True
    idle.start()
    said = sys.stdin.read()
    idle.cancel()
    if not said:
        return
    asked = json.loads(said)
    _bound(asked["memory_bytes"], asked["seconds"])
    timer = threading.Timer(asked["seconds"], _end, [asked["seconds"]])
    timer.daemon = True
    timer.start()
    try:
        lake, sql = Lake(asked["lake"]), asked["sql"]
        told = answer(lake, sql, asked["most_rows"], asked["memory_bytes"])
    except MemoryError:
        told = {"error": TOO_MUCH_MEMORY}
    except UserError as error:
        told = {"error": str(error)}
    timer.cancel()
    json.dump(told, sys.stdout)


def _end(seconds: float) -> None:
    """DuckDB may not look for seconds whether it was interrupted; nothing here is left to tidy."""
    print(json.dumps({"error": too_slow(seconds)}), flush=True)
    os._exit(0)


def _bound(memory_bytes: int, seconds: float) -> None:
    """On systems without such limits, DuckDB's own remain, and the clock."""
    limits = {"DATA": memory_bytes, "CPU": int(seconds) + 2, "CORE": 0}
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _short(cell: str | None) -> str | None:
    return cell if cell is None or len(cell) <= CELL_CHARACTERS else cell[:CELL_CHARACTERS] + "…"


if __name__ == "__main__":
    main()
