"""Queries of strangers in processes of their own."""

import tempfile
import threading
from pathlib import Path

import pytest
from page_lake import commit

from flows.cli.served_query import QueryProcesses
from storage import Lake
from storage.errors import UserError
from storage.schemas import CORPUS
from storage.tables import table, write_table

FOREVER = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE hash(a) = hash(b)"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    folder = tmp_path / "made"
    folder.mkdir()
    rows = [{"id": "1" * 32, "text": "a text"}]
    write_table(table(rows, CORPUS), folder / "corpus-en.parquet")
    lake = Lake(tmp_path / "lake")
    commit(lake, "corpus_group", folder)
    return lake


def test_an_answer_and_nothing_left_behind(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))  # of the processes
    # What lies here must not be taken for ours.
    (tmp_path / "storage.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    answer = QueryProcesses(lake.url, 20).ask("SELECT text FROM corpus", 5)
    assert answer.rows == (("a text",),)
    with pytest.raises(UserError, match=r"^SQL: the query took more than 0.5 s: ask for less$"):
        QueryProcesses(lake.url, 0.5).ask(FOREVER, 5)
    assert [*place.iterdir()] == []


def test_mistakes_are_the_users(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = QueryProcesses(lake.url, 0.1)
    with pytest.raises(UserError, match="at most 20,000 characters"):
        processes.ask("SELECT " + "1" * 20_000, 5)
    monkeypatch.setattr(processes, "_free", threading.BoundedSemaphore(1))
    processes._free.acquire()
    with pytest.raises(UserError, match="other queries are running"):
        processes.ask("SELECT 1", 5)
