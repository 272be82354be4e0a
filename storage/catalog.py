"""DuckDB over the lake: a view for each table of the design, for ad-hoc SQL.

`ledger`, `documents`, … show the newest run (what the lake's heads were made from); `all_ledger`,
… show every artifact. The database lives in memory and the views only read, so no statement on
them can change the lake. With S3 only the files of views that a query names are downloaded; the
others show no rows.
"""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from storage.errors import UserError
from storage.lake import Lake
from storage.lineage import reachable
from storage.local import LocalTree
from storage.manifest import Manifest
from storage.views import ARTIFACTS, VIEWS, select

T = TypeVar("T")
INTERRUPT_SECONDS = 0.1  # between two tries to end a query


def connect(lake: Lake, sql: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with all views; with `sql`, remote files are fetched for what it names only."""
    manifests = lake.list()
    current = reachable(manifests, lake.heads())
    connection = duckdb.connect(":memory:")
    # A misspelt table must not be found among the Python variables of our callers.
    connection.execute("SET python_enable_replacements = false")
    connection.register("rows", _artifacts(lake, manifests, current))
    connection.execute("CREATE SCHEMA manifests; CREATE TABLE manifests.artifacts AS FROM rows")
    connection.unregister("rows")
    for prefix, chosen in (("", current), ("all_", manifests)):
        for view in VIEWS:
            name = prefix + view
            if view == "artifacts":
                body = "SELECT * FROM manifests.artifacts"  # both: the list says which are current
            else:
                wanted = sql is None or isinstance(lake.tree, LocalTree) or _names(sql, name)
                body = select(view, chosen if wanted else [], lake.local_file)
            connection.execute(f"CREATE VIEW {name} AS {body}")
    return connection


def query(lake: Lake, sql: str) -> pa.Table:
    """Run one or more SQL statements; the last one's rows. A mistake in them is one line."""
    with connect(lake, sql) as connection:
        return run(connection, sql)


def run(connection: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> pa.Table:
    """Run SQL on an open connection."""
    try:
        statements = connection.extract_statements(sql)
        if not statements:
            raise UserError('no SQL statement given: try "SELECT * FROM artifacts"')
        return _interruptible(connection, lambda: _last_of(connection, statements, parameters))
    except (duckdb.InternalException, duckdb.FatalException):
        raise  # DuckDB's own failure
    except duckdb.Error as error:
        raise UserError(one_line(error)) from error


def _last_of(
    connection: duckdb.DuckDBPyConnection, statements: list[Any], parameters: object
) -> pa.Table:
    for statement in statements:
        rows = connection.sql(statement, params=parameters).to_arrow_table()
    return rows


def _interruptible(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """DuckDB hears of Ctrl-C only from a thread that is not the one at work."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            # One that comes before the query has begun is forgotten.
            while not future.done():
                connection.interrupt()
                wait([future], timeout=INTERRUPT_SECONDS)
            raise


def one_line(error: duckdb.Error) -> str:
    """DuckDB's message without its picture of the query."""
    message = str(error).split("\nLINE ", 1)[0]
    return "SQL: " + " ".join(message.split())


def _names(sql: str, view: str) -> bool:
    return re.search(rf"(?<!\w){view}(?!\w)", sql, re.IGNORECASE) is not None


def _artifacts(lake: Lake, manifests: list[Manifest], current: list[Manifest]) -> pa.Table:
    ours = frozenset(manifest.digest for manifest in current)
    rows = [
        {
            "kind": m.kind,
            "digest": m.digest,
            "uri": lake.folder(m.kind, m.digest),
            "version": m.version,
            "inputs": json.dumps(m.inputs, sort_keys=True),
            "recipe": json.dumps(m.recipe, sort_keys=True),
            "statistics": json.dumps(m.statistics, sort_keys=True),
            "created": m.provenance.get("created"),
            "seconds": m.provenance.get("seconds"),
            "rows": sum(m.rows.values()),
            "bytes": m.total_bytes,
            "files": len(m.files),
            "current": m.digest in ours,
            "artifact": m.artifact,
        }
        for m in manifests
    ]
    return pa.Table.from_pylist(rows, schema=ARTIFACTS)
