"""A stranger's query: what it may read, and what it may take."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import Lake, bounded_query, catalog
from storage.bounded_query import CELL_CHARACTERS, LINE_CHARACTERS, LakeAsked
from storage.errors import UserError
from storage.manifest import Manifest
from storage.query_answer import QueryAnswer
from storage.schemas import CORPUS
from storage.tables import table

MEMORY = 1 << 30


@pytest.fixture
def filled(lake: Lake, make: Callable[..., Manifest]) -> Lake:
    rows = [{"id": f"{n:032x}", "text": f"text {n}"} for n in range(5)]
    group = make(lake, "corpus_group", {"corpus-en.parquet": table(rows, CORPUS)})
    lake.set_heads({"corpus_group": group.digest})
    return lake


def told(lake: Lake, sql: str, most_rows: int = 10) -> QueryAnswer:
    with contextlib.closing(LakeAsked(lake, MEMORY)) as asked:
        return QueryAnswer.of(json.loads(json.dumps(asked.answer(sql, most_rows))))


def test_cells_are_texts(filled: Lake) -> None:
    found = told(filled, "SELECT text, 1.5 AS n, NULL AS none, [1, 2] AS l FROM corpus LIMIT 1")
    assert found.columns == ("text", "n", "none", "l")
    assert found.rows == (("text 0", "1.5", None, "[1, 2]"),)
    assert found.types[0] == "VARCHAR"
    assert not found.is_cut
    # Python's calendar has no such day, and two columns may have one name.
    strange = told(filled, "SELECT DATE '290000-12-31' AS a, 2 AS a")
    assert strange.rows == (("290000-12-31", "2"),)


def test_rows_and_cells_are_cut(filled: Lake) -> None:
    found = told(filled, "SELECT id FROM corpus", most_rows=3)
    assert len(found.rows) == 3
    assert found.is_cut
    exact = told(filled, "SELECT id FROM corpus", most_rows=5)
    assert len(exact.rows) == 5
    assert not exact.is_cut
    ((cell,),) = told(filled, f"SELECT repeat('x', {CELL_CHARACTERS + 1})").rows
    assert cell == "x" * CELL_CHARACTERS + "…"
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) FROM t"
    assert len(told(filled, endless).rows) == 10


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "FROM glob('/etc/*')",
        "ATTACH 'x.db'",
        "COPY (SELECT 1) TO 'x.csv'",
        "WITH a AS (COPY (SELECT 1) TO 'lake://x') FROM a",
        "PRAGMA database_list",
        "SET memory_limit = '9GB'",
        "SELECT * FROM read_parquet('http://example.com/x.parquet')",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE a AS SELECT 1",
        "SELECT 1; SELECT 2",
        "",
        "SELEC",
        "SELECT nothing FROM corpus",
        f"SELECT {'x' * 9999} FROM corpus",
    ],
)
def test_refused_in_one_line(filled: Lake, sql: str) -> None:
    with pytest.raises(UserError, match=r"^SQL: (?!.*--unsafe)[^\n]+$") as refused:
        told(filled, sql)
    assert len(str(refused.value)) <= LINE_CHARACTERS + 1


def run(lake: Lake, sql: str, **changes: Any) -> dict[str, Any]:
    """As a process."""
    given = {"lake": lake.url, "memory_bytes": MEMORY, "seconds": 20, "waits": True}
    given |= changes
    ended = subprocess.run(
        [sys.executable, "-m", "storage.bounded_query", json.dumps(given)],
        input=json.dumps({"sql": sql, "most_rows": 3}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode in (0, -6, -9), ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout) if ended.stdout else {"error": "memory"}
    return found


def test_a_process_answers(filled: Lake) -> None:
    found = QueryAnswer.of(run(filled, "SELECT text FROM corpus ORDER BY id"))
    assert found.rows == (("text 0",), ("text 1",), ("text 2",))
    assert run(filled, "SELEC")["error"].startswith("SQL: ")


def test_texts_that_fill_the_memory_end_the_query(filled: Lake) -> None:
    # DuckDB alone lets them grow: 12 GB.
    found = run(
        filled,
        "SELECT length(x) FROM (SELECT repeat('x', 100000000 + i) AS x"
        " FROM range(120) t(i)) WHERE x NOT LIKE '%y'",
    )
    assert "memory" in found["error"]


def test_a_query_that_takes_long_is_ended(filled: Lake) -> None:
    forever = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE hash(a) = hash(b)"
    assert run(filled, forever, seconds=0.5) == {
        "error": "SQL: the query took more than 0.5 s: ask for less"
    }


def test_what_the_lake_has_when_the_question_comes(
    filled: Lake, make: Callable[..., Manifest]
) -> None:
    count = "SELECT count(*) FROM corpus"
    with contextlib.closing(LakeAsked(filled, MEMORY)) as asked:
        asked.make_ready()
        assert asked.answer(count, 1)["rows"] == [["5"]]
        group = make(filled, "corpus_group", {"corpus-de.parquet": table([], CORPUS)}, {"n": 2})
        assert asked.answer(count, 1)["rows"] == [["5"]]
        filled.set_heads({"corpus_group": group.digest})
        assert asked.answer(count, 1)["rows"] == [["0"]]


def test_a_lake_that_cant_be_opened_is_said_to_who_asks(filled: Lake) -> None:
    heads = Path(filled.url) / "heads.json"
    whole = heads.read_text()
    heads.write_text("{")
    assert "heads.json" in run(filled, "SELECT 1 FROM corpus")["error"]
    with contextlib.closing(LakeAsked(filled, MEMORY)) as asked:
        asked.make_ready()
        heads.write_text(whole)  # mended since
        assert asked.answer("SELECT count(*) FROM corpus", 1)["rows"] == [["5"]]


@pytest.mark.parametrize("waits", [True, False])
def test_only_a_process_that_waits_opens_what_nobody_asked_for(
    filled: Lake, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    opened: list[str | None] = []
    connect = catalog.connect

    def noted(lake: Lake, sql: str | None = None, **more: Any) -> Any:
        opened.append(sql)
        return connect(lake, sql, **more)

    monkeypatch.setattr(catalog, "connect", noted)
    given = {"lake": filled.url, "memory_bytes": 1 << 34, "seconds": 20, "waits": waits}
    monkeypatch.setattr(sys, "argv", ["bounded_query", json.dumps(given)])
    asked = io.StringIO(json.dumps({"sql": "SELECT 1", "most_rows": 1}))
    monkeypatch.setattr(sys, "stdin", asked)
    monkeypatch.setattr(bounded_query, "_limit", lambda *_: None)  # it would be ours
    monkeypatch.setattr(os, "_exit", lambda _: None)
    bounded_query.main()
    assert opened == [None if waits else "SELECT 1"]
