"""DuckDB over the lake: a view for each table of the design, for ad-hoc SQL.

`ledger`, `documents`, … show the newest run (what the lake's heads were made from); `all_ledger`,
… show every artifact. The database lives in memory. SQL reads the lake's files and nothing else of
the machine, and writes nothing: see `storage.read_only`. Only the files of views that a query
names are opened; the others show no rows.
"""

import contextlib
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from types import MappingProxyType
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from storage import index
from storage.errors import UserError
from storage.lake import Lake
from storage.lineage import reachable
from storage.manifest import PROVENANCE, Manifest
from storage.read_only import SCHEME, LakeFiles
from storage.views import ARTIFACTS, VIEWS, identifier, kinds, select, text

T = TypeVar("T")
INTERRUPT_SECONDS = 0.1  # between two tries to end a query
UNSAFE = "--unsafe allows all that DuckDB can"

# Beyond this nothing of the machine can be reached: no file, no address, no extension.
LOCKED = {
    "allowed_directories": f"[{text(SCHEME)}]",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",  # the last: from here on none can be changed
}
# What would be refused anyway, deeper inside and in more words.
REFUSED = ("COPY", "COPY_DATABASE", "EXPORT", "ATTACH", "DETACH", "LOAD", "EXTENSION")
# Functions whose text is SQL in turn, so that names of views need not stand in the query.
_SQL_IN_SQL = re.compile(r"(?<!\w)(query|query_table|\w*execute_serialized_sql)\W", re.IGNORECASE)


@contextlib.contextmanager
def connect(
    lake: Lake,
    sql: str | None = None,
    unsafe: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with all views.

    What doesn't fit into memory goes to a folder of its own below TMPDIR, which is removed.

    Args:
        lake: whose tables the views show.
        sql: what will be asked; views that it doesn't name show no rows. None: all have theirs.
        unsafe: also lets it reach files outside the lake, write, and load extensions.
        settings: more of DuckDB's, by name, as SQL writes their values; queries can't change them.
    """
    with (
        tempfile.TemporaryDirectory(prefix="crawl2chat-sql-") as spill,
        contextlib.closing(duckdb.connect(":memory:")) as connection,
    ):
        # A misspelt table must not be found among the Python variables of our callers.
        connection.execute("SET python_enable_replacements = false")
        connection.execute(f"SET temp_directory = {text(spill)}")
        with index.no_collection():
            _create_views(connection, lake, sql)
        locked = {} if unsafe else LOCKED  # whose last locks all of them
        for setting, value in {**settings, **locked}.items():
            connection.execute(f"SET {identifier(setting)} = {value}")
        yield connection


def _create_views(connection: duckdb.DuckDBPyConnection, lake: Lake, sql: str | None) -> None:
    files = LakeFiles(lake)
    connection.register_filesystem(files)

    def locate(manifest: Manifest, name: str) -> str | None:
        # A provenance file may be gone from a whole artifact.
        if name.startswith(PROVENANCE) and not lake.has_file(manifest, name):
            return None
        return files.add(manifest, name)

    named = [name for name in _all_names() if sql is None or _names(sql, name)]
    rows = lake.glance() if named else index.ROWS.empty_table()
    current = reachable(rows, lake.heads() if named else {})
    needed = {kind for name in named for kind in kinds(name.removeprefix("all_"))}
    all_manifests = _manifests(lake, rows, needed)
    ours = frozenset(current["digest"].to_pylist())
    current_manifests = [m for m in all_manifests if m.digest in ours]
    listed = {"artifacts", "all_artifacts"} & set(named)
    table = _artifacts(lake, rows if listed else rows.slice(0, 0), current)
    connection.register("rows", table)
    connection.execute("CREATE SCHEMA manifests; CREATE TABLE manifests.artifacts AS FROM rows")
    connection.unregister("rows")
    for name in _all_names():
        view = name.removeprefix("all_")
        chosen = all_manifests if name != view else current_manifests
        if view == "artifacts":
            body = "SELECT * FROM manifests.artifacts"  # both: the list says which are current
        else:
            body = select(view, chosen if name in named else [], locate)
        connection.execute(f"CREATE VIEW {name} AS {body}")


def _manifests(lake: Lake, rows: pa.Table, kinds: Collection[str]) -> list[Manifest]:
    """Of the artifacts of these kinds."""
    wanted = pc.is_in(rows["kind"], pa.array(kinds, pa.string()))
    return [*lake.manifests(rows.filter(wanted))]


def query(lake: Lake, sql: str, unsafe: bool = False) -> pa.Table:
    """Run one or more SQL statements; the last one's rows. A mistake in them is one line.

    They read the lake and tables they make for themselves; `unsafe` lifts that.
    """
    with connect(lake, sql, unsafe) as connection:
        if not unsafe:
            refuse(connection, sql)
        return run(connection, sql)


def refuse(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Look for statements that have no place here, to name them plainly: they could do no harm.

    Raises:
        UserError: there is one.
    """
    for statement in _statements(connection, sql):
        if statement.type.name in REFUSED:
            what = statement.query.split()[0].upper()
            raise UserError(f"SQL: {what} is not allowed: sql reads the lake; {UNSAFE}")


def run(connection: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> pa.Table:
    """Run SQL on an open connection."""
    statements = _statements(connection, sql)
    if not statements:
        raise UserError('no SQL statement given: try "SELECT * FROM artifacts"')
    with _in_one_line():
        return _interruptible(connection, lambda: _last_of(connection, statements, parameters))


def _statements(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    with _in_one_line():
        return connection.extract_statements(sql)


@contextlib.contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
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
    """DuckDB's message without its picture of the query, or of our file system's own stack."""
    message = str(error).split("\nLINE ", 1)[0].strip()
    if message.startswith("Traceback "):
        message = message.splitlines()[-1].partition(": ")[2]
    if isinstance(error, duckdb.PermissionException) or "has been locked" in message:
        message += f" ({UNSAFE})"
    return "SQL: " + " ".join(message.split())


def _all_names() -> list[str]:
    return [prefix + view for prefix in ("", "all_") for view in VIEWS]


def _names(sql: str, view: str) -> bool:
    if _SQL_IN_SQL.search(sql):
        return True
    return re.search(rf"(?<!\w){view}(?!\w)", sql, re.IGNORECASE) is not None


def _artifacts(lake: Lake, rows: pa.Table, current: pa.Table) -> pa.Table:
    """ARTIFACTS of a listing."""
    ours = pc.is_in(rows["digest"], current["digest"].combine_chunks())
    artifact = pc.utf8_slice_codeunits(rows["digest"], 0, 16)
    added = {
        "uri": pc.binary_join_element_wise(lake.root, rows["kind"], artifact, "/"),
        "current": ours,
        "artifact": artifact,
    }
    columns = [added[name] if name in added else rows[name] for name in ARTIFACTS.names]
    return pa.table(columns, ARTIFACTS.names)  # to DuckDB a dictionary is text
