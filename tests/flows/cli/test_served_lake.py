"""The lake behind the pages: it reads, it sees changes, and nobody's query harms another's."""

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from page_lake import commit

from flows.cli import served_lake
from flows.cli.served_lake import ServedLake
from storage import Lake
from storage.errors import UserError
from storage.schemas import CORPUS
from storage.tables import table, write_table

FOREVER = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE hash(a) = hash(b)"


def grow(lake: Lake, folder: Path, count: int) -> None:
    """Commit a corpus of so many documents."""
    folder.mkdir()
    rows = [{"id": f"{n:032x}", "text": f"text {n}", "split": "train"} for n in range(count)]
    write_table(table(rows, CORPUS), folder / "corpus-en.parquet")
    commit(lake, "corpus_group", folder, made=[str(count)])


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[ServedLake]:
    lake = Lake(tmp_path / "lake")
    grow(lake, tmp_path / "one", 3)
    made = ServedLake(lake)
    yield made
    made.close()


def test_rows_with_parameters(shown: ServedLake) -> None:
    assert shown.rows("SELECT text FROM corpus WHERE text = ?", ["text 1"]).num_rows == 1
    by_name = shown.rows("SELECT text FROM corpus WHERE text <> $a", {"a": "text 1"})
    assert by_name["text"].to_pylist() == ["text 0", "text 2"]
    assert shown.folder("corpus_group", shown.heads()["corpus_group"]).is_dir()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE kept AS SELECT 1",
        "SELECT 1; SELECT 2",
        "",
        "SET threads = 1",
        "COPY (SELECT 1) TO 'x'",
        "WITH a AS (COPY (SELECT 1) TO 'lake://x') FROM a",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM mine",
        "SELEC",
    ],
)
def test_only_reading(shown: ServedLake, sql: str) -> None:
    mine = pa.table({"a": [1]})  # which DuckDB would find by its name
    with pytest.raises(UserError, match=r"^SQL: (?!.*--unsafe)[^\n]+$"):
        shown.rows(sql)
    assert mine.num_rows == 1


def test_a_query_that_takes_too_long_ends_alone(shown: ServedLake) -> None:
    shown.query_seconds = 0.5
    said: list[str] = []

    def ask_forever() -> None:
        try:
            shown.rows(FOREVER)
        except UserError as error:
            said.append(str(error))

    thread = threading.Thread(target=ask_forever)
    thread.start()
    while thread.is_alive():
        assert shown.rows("SELECT count(*) AS n FROM corpus")["n"].to_pylist() == [3]
    thread.join()
    assert said == ["SQL: the query took more than 0.5 s: ask for less"]


def test_what_is_committed_is_seen(shown: ServedLake, tmp_path: Path) -> None:
    count = "SELECT count(*) AS n FROM corpus"
    assert shown.rows(count)["n"].to_pylist() == [3]
    first, version = shown._opened, shown.version()
    shown._next_look = 0.0
    assert shown.rows(count)["n"].to_pylist() == [3]
    assert shown._opened is first  # nothing has changed: nothing is opened anew
    assert shown.version() == version
    grow(shown.lake, tmp_path / "two", 5)
    shown._next_look = 0.0
    assert shown.rows(count)["n"].to_pylist() == [5]
    assert shown._opened is not first
    assert shown.version() != version


def test_who_still_asks_keeps_the_old_catalogue(shown: ServedLake, tmp_path: Path) -> None:
    count = "SELECT count(*) AS n FROM corpus"
    with shown._use() as old:
        grow(shown.lake, tmp_path / "two", 5)
        shown._next_look = 0.0
        assert shown.rows(count)["n"].to_pylist() == [5]
        assert old.connection.execute(count).fetchall() == [(3,)]
    with pytest.raises(duckdb.ConnectionException):
        old.connection.execute("SELECT 1")


def test_many_at_a_time_while_the_lake_changes(shown: ServedLake, tmp_path: Path) -> None:
    failed: list[BaseException] = []
    seen: set[int] = set()

    def ask() -> None:
        try:
            for _ in range(10):
                shown._next_look = 0.0
                seen.update(shown.rows("SELECT count(*) AS n FROM corpus")["n"].to_pylist())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    grow(shown.lake, tmp_path / "two", 5)
    for thread in threads:
        thread.join()
    assert failed == []
    assert seen <= {3, 5}
    assert shown.rows("SELECT count(*) AS n FROM corpus")["n"].to_pylist() == [5]


def test_answers_are_kept_until_the_lake_changes(
    shown: ServedLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_lake, "MOST_KEPT", 2)
    chance = "SELECT random() AS r"  # tells whether it was asked again
    count = "SELECT random() AS r, count(*) AS n FROM corpus WHERE text <> ?"
    first, one = shown.rows(chance), shown.rows(count, ["text 1"])
    assert shown.rows(chance) == first
    assert shown.rows(count, ["text 1"]) == one
    other = shown.rows(count, ["text 9"])
    assert (one["n"].to_pylist(), other["n"].to_pylist()) == ([2], [3])
    assert shown.rows(count, ["text 1"]) == one
    assert shown.rows(chance) != first  # others took its room
    large = "SELECT random() AS r, x FROM range(100000) t(x)"
    assert shown.rows(large) != shown.rows(large)
    before = shown.rows(count, ["text 1"])
    grow(shown.lake, tmp_path / "two", 7)
    shown._next_look = 0.0
    assert (before["n"].to_pylist(), shown.rows(count, ["text 1"])["n"].to_pylist()) == ([2], [6])
