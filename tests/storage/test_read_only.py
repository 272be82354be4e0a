"""SQL reads the lake and nothing else of the machine, and writes nothing."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from storage import Lake, UserError, catalog, schemas
from storage.read_only import Handle, LakeFiles
from storage.tables import table, write_table

ROWS = table([{"suite": "facts", "value": 0.5}], schemas.EVALS)
SECRET = "the neighbour's own"


@pytest.fixture
def filled(lake, make):
    made = make(lake, "evals", {"evals.parquet": ROWS})
    lake.set_heads({"evals.base": made.digest})
    return lake


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder with what they hold."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# {lake}: its folder, {out}: a folder beside it, with secret.txt, {view}: a file that a view reads
WRITES = [
    "COPY (SELECT 1) TO '{lake}/heads.json'",
    "COPY (SELECT 1) TO 'lake://heads.json'",
    "COPY (SELECT 1 AS suite) TO '{view}' (FORMAT parquet)",
    "COPY evals TO '{out}/x' (FORMAT parquet, PARTITION_BY (suite))",
    "WITH x AS (COPY (SELECT 1) TO '{lake}/heads.json') FROM x",
    "WITH x AS (COPY (SELECT 1) TO 'lake://heads.json') FROM x",
    "WITH x AS (COPY (SELECT 1) TO '{view}') FROM x",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'lake://heads.json'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}/x'",
    "PREPARE p AS COPY (SELECT 1) TO 'lake://heads.json'; EXECUTE p",
    "SELECT 1; COPY (SELECT 1) TO '{out}/x'",
    "EXPORT DATABASE '{out}/x'",
    "ATTACH '{out}/x.db'",
    "ATTACH 'lake://x.db'",
    "SET temp_directory = '{out}/x'",
    "SET log_query_path = '{out}/x'",
    "SET profiling_output = '{out}/x.txt'",
    "CALL enable_logging(storage = 'file', storage_config = {{'path': '{out}/x'}})",
]
READS = [
    "FROM read_text('{out}/secret.txt')",
    "FROM read_blob('{out}/secret.txt')",
    "FROM read_csv('{out}/secret.txt')",
    "FROM '{out}/secret.csv'",
    "FROM read_text('lake://../secret.txt')",
    "FROM read_text('lake://evals/../../secret.txt')",
    "FROM read_text('lake://{out}/secret.txt')",
    "FROM read_text('lake:///etc/passwd')",
    "FROM read_text('lake://link/secret.txt')",
    "FROM read_text('lake://secret_link')",
    "FROM read_text('lake://../*.txt')",
    "FROM read_text('{lake}/../secret.txt')",
    "FROM glob('{out}/*')",
    "FROM glob('lake://../*')",
    "FROM sniff_csv('{out}/secret.txt')",
    "FROM parquet_metadata('{out}/secret.parquet')",
    "CREATE TEMP TABLE t (a VARCHAR); COPY t FROM '{out}/secret.csv'",
    "IMPORT DATABASE '{out}'",
    "SET lock_configuration = false",
    "RESET allowed_directories",
    "SET allowed_directories = ['/']",
    "SET threads = 1",
]
# what a test had better not try: the network, the home folder, what DuckDB refuses by itself
ELSEWHERE = [
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "FROM 'http://127.0.0.1:9/x.csv'",
    "FROM 's3://bucket/x.parquet'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{out}/x.duckdb_extension'",
    "SET enable_external_access = true",
    "PRAGMA enable_external_access = true",
]


@pytest.mark.parametrize("name", ["lake", "x*", "k=v", "it's here", "../lake"])
def test_sql_reads_the_lake_in_any_folder(tmp_path, make, name):
    lake = Lake(tmp_path / "in" / name)
    made = make(lake, "evals", {"evals.parquet": ROWS})
    lake.set_heads({"evals.base": made.digest})
    for sql in (
        "SELECT suite FROM evals",
        f"SELECT suite FROM read_parquet('lake://evals/{made.artifact}/evals.parquet')",
        "SELECT suite FROM read_parquet('lake://*/*/evals.parquet')",
    ):
        assert catalog.query(lake, sql)["suite"].to_pylist() == ["facts"]


@pytest.fixture
def written(filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Of a statement above with the paths filled in; secrets lie beside the lake and in links."""
    monkeypatch.chdir(tmp_path)
    root = filled.disk.root
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "secret.csv").write_text(f"a\n{SECRET}\n")
    (tmp_path / "schema.sql").write_text("CREATE TABLE theirs (a VARCHAR);")
    (tmp_path / "load.sql").write_text("COPY theirs FROM 'secret.csv';")
    write_table(ROWS, tmp_path / "secret.parquet")
    (root / "link").symlink_to(tmp_path)
    (root / "secret_link").symlink_to(tmp_path / "secret.txt")
    (made,) = filled.list()
    view = f"lake://evals/{made.artifact}/evals.parquet"
    return lambda sql: sql.format(lake=root, out=tmp_path, view=view)


@pytest.mark.parametrize("sql", WRITES + READS + ELSEWHERE)
def test_what_leads_out_of_the_lake_is_refused_in_one_line(filled, tmp_path, sql, written):
    before = everything(tmp_path)
    with pytest.raises(UserError) as caught:
        catalog.query(filled, written(sql))
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    "sql", [s for s in WRITES + READS if "lake:" not in s.replace("{view}", "lake:")]
)
def test_what_is_refused_would_have_worked(filled, written, sql):
    """A statement that fails anyway shows nothing about what holds it back."""
    catalog.query(filled, written(sql), unsafe=True)


def test_a_write_into_the_lake_says_why_it_is_refused(filled):
    with pytest.raises(UserError, match="may not write files") as caught:
        catalog.query(filled, "WITH x AS (COPY (SELECT 1) TO 'lake://x.parquet') FROM x")
    assert "Traceback" not in str(caught.value)


def test_links_out_of_the_lake_are_not_found_by_patterns(filled, tmp_path):
    (tmp_path / "secret.txt").write_text(SECRET)
    (filled.disk.root / "notes.txt").write_text("ours")
    (filled.disk.root / "secret.txt").symlink_to(tmp_path / "secret.txt")
    found = catalog.query(filled, "SELECT content FROM read_text('lake://*.txt')")
    assert found["content"].to_pylist() == ["ours"]


def test_tables_views_and_macros_may_be_made(filled):
    sql = """
        CREATE TEMP TABLE t AS FROM evals; CREATE VIEW v AS FROM t; CREATE MACRO twice(x) AS 2 * x;
        SET VARIABLE factor = 3; BEGIN; INSERT INTO t FROM t; COMMIT;
        PREPARE p AS SELECT sum(twice(value)) * getvariable('factor') AS n FROM v; EXECUTE p
    """
    assert catalog.query(filled, sql)["n"].to_pylist() == [6.0]
    for sql in ("DESCRIBE evals", "SHOW TABLES", "SUMMARIZE evals", "EXPLAIN FROM evals"):
        assert catalog.query(filled, sql).num_rows > 0


def test_a_query_too_large_for_memory_spills_and_leaves_nothing(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "spill"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "spill").mkdir()
    monkeypatch.setattr(
        catalog, "LOCKED", {"memory_limit": "'40MB'", "threads": "1", **catalog.LOCKED}
    )
    rows = "SELECT md5(i::VARCHAR) AS a FROM range(1_500_000) t(i)"
    with catalog.connect(filled) as connection:
        connection.execute(f"CREATE TEMP TABLE t AS {rows}")
        spilled = [p for p in (tmp_path / "spill").rglob("*") if p.is_file()]
        assert spilled, "else the limit is too high to test anything"
        assert connection.execute("SELECT count(a), max(a) > 'f' FROM t").fetchone() == (
            1_500_000,
            True,
        )
    assert list((tmp_path / "spill").iterdir()) == []


def test_unsafe_is_all_of_duckdb(filled, tmp_path):
    target = tmp_path / "out.csv"
    sql = f"COPY (SELECT suite FROM evals) TO '{target}'; FROM read_csv('{target}')"
    assert catalog.query(filled, sql, unsafe=True)["suite"].to_pylist() == ["facts"]
    assert catalog.query(filled, "SET threads = 1; SELECT 1 AS n", unsafe=True).num_rows == 1


def test_a_handle_is_read_by_threads_each_where_it_stands(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 64)
    handle, wrong = Handle(path), []

    def work(start):
        for _ in range(200):
            handle.seek(start)
            if handle.read(3) != bytes([start, start + 1, start + 2]) or handle.tell() != start + 3:
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(n * 16,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert handle.seek(-2, os.SEEK_END) == 256 * 64 - 2
    assert handle.read() == b"\xfe\xff"
    handle.close()
    handle.close()


def test_the_file_system_of_one_lake_is_not_anothers(tmp_path):
    assert LakeFiles(Lake(tmp_path / "a")) is not LakeFiles(Lake(tmp_path / "a"))


def test_no_other_file_system_comes_along(filled):
    with catalog.connect(filled) as connection:
        assert connection.list_filesystems() == ["lake"]
        with pytest.raises(duckdb.Error, match="locked"):
            connection.execute("SET lock_configuration = false")
