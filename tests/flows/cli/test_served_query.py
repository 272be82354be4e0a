"""Queries of strangers in processes of their own."""

import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from page_lake import commit

from flows.cli import served_query
from flows.cli.served_query import QueryProcesses
from flows.runner.environment import command as command_of
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
    with closing(QueryProcesses(lake.url, 20)) as processes:
        answer = processes.ask("SELECT text FROM corpus", 5)
        assert answer.rows == (("a text",),)
    with closing(QueryProcesses(lake.url, 0.5)) as processes:
        for _ in range(2):  # also by a process that was started beforehand
            with pytest.raises(UserError, match=r"^SQL: the query took more than 0.5 s: ask for"):
                processes.ask(FOREVER, 5)
    assert [*place.iterdir()] == []


def test_mistakes_are_the_users(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = QueryProcesses(lake.url, 0.1)
    with pytest.raises(UserError, match="at most 20,000 characters"):
        processes.ask("SELECT " + "1" * 20_000, 5)
    monkeypatch.setattr(processes, "_free", threading.BoundedSemaphore(1))
    processes._free.acquire()
    with pytest.raises(UserError, match="other queries are running"):
        processes.ask("SELECT 1", 5)


def waiting(processes: QueryProcesses) -> "subprocess.Popen[str]":
    """The process that was started beforehand."""
    spare = processes._spare
    assert spare is not None
    assert spare.is_waiting
    return spare._process


def test_each_query_has_a_process_that_has_answered_no_other(lake: Lake) -> None:
    with closing(QueryProcesses(lake.url, 20)) as processes:
        processes.make_ready()
        first = waiting(processes)
        processes.make_ready()
        assert waiting(processes) is first  # one is enough
        assert processes.ask("SELECT text FROM corpus", 5).rows == (("a text",),)
        assert first.returncode == 0
        processes.make_ready()
        second = waiting(processes)
        assert second is not first
        second.kill()  # as a system does that lacks memory
        second.wait()
        processes.make_ready()
        third = waiting(processes)
        assert third is not second
    assert third.returncode is not None
    processes.make_ready()
    assert processes._spare is None  # nobody would end it


def test_one_is_started_soon_after_somebody_is_expected(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_query, "LATER_SECONDS", 0.0)
    with closing(QueryProcesses(lake.url, 20)) as processes:
        for expect in (processes.expect, lambda: processes.ask("SELECT 1", 1)):
            expect()
            if (start := processes._start) is not None:
                start.join()
            waiting(processes)
    processes.expect()
    assert processes._start is None  # nor is one begun any more


def test_closing_comes_before_what_was_to_be_started(lake: Lake) -> None:
    processes = QueryProcesses(lake.url, 20)
    processes.expect()
    start = processes._start
    assert start is not None
    processes.close()
    start.join()
    assert processes._spare is None


def test_two_who_ask_at_once_have_a_process_each(lake: Lake) -> None:
    with closing(QueryProcesses(lake.url, 20)) as processes:
        processes.make_ready()
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(processes.ask, f"SELECT {n} AS n", 5) for n in range(2)]
        assert [one.result().rows for one in asked] == [(("0",),), (("1",),)]


def test_a_process_that_ended_having_waited_is_no_answer(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def command(module: str, *arguments: str) -> list[str]:
        started.append(module)
        tired = f"import {module} as m; m.IDLE_SECONDS = 0.0; m.main()"
        if len(started) == 2:
            return command_of(module, *arguments)
        return [sys.executable, "-c", tired, *arguments]

    monkeypatch.setattr(served_query, "command", command)
    with closing(QueryProcesses(lake.url, 20)) as processes:
        processes.make_ready()
        spare = processes._spare
        assert spare is not None
        spare._process.wait()
        # It ends in the very moment in which it is asked.
        monkeypatch.setattr(type(spare), "is_waiting", True)
        assert processes.ask("SELECT text FROM corpus", 5).rows == (("a text",),)
        assert len(started) == 2
