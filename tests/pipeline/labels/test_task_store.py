"""The store's file: made whole, known again, refused when it is something else."""

import contextlib
import dataclasses
import sqlite3
from pathlib import Path

import pytest
from labeling import PLAIN, compared, store_with, written

from pipeline.labels.config import QueueConfig
from pipeline.labels.task_store import APPLICATION, VERSION, opened, tasks_of
from pipeline.ranges import OutOfRange
from storage.errors import UserError


def test_a_store_keeps_its_settings_and_tasks(tmp_path: Path) -> None:
    config = QueueConfig(lease_seconds=7.5, overlap_share=0.2, overlap_raters=4, seed=3)
    tasks = [written(1), compared(2), written(3, expected="x")]
    with opened(tmp_path / "deep" / "tasks.sqlite", create=config) as store:
        assert store.add(tasks, "a.jsonl") == (3, 0, 1, 0)
    with opened(tmp_path / "deep" / "tasks.sqlite") as store:
        assert store.config == config
        assert tasks_of(store) == tasks
        assert store.add([written(9), *tasks, written(9)], "b.jsonl")[:2] == (1, 3)
        assert tasks_of(store) == [*tasks, written(9)]
    with opened(tmp_path / "deep" / "tasks.sqlite", create=PLAIN) as store:
        assert store.config == config


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 1.0])
def test_the_overlap_share_is_exact_for_each_kind(tmp_path: Path, share: float) -> None:
    config = dataclasses.replace(PLAIN, overlap_share=share, overlap_raters=5)
    with store_with(tmp_path / "s", [], config=config) as store:
        for first in range(0, 100, 20):
            tasks = [written(n) for n in range(first, first + 20)]
            tasks += [compared(n) for n in range(first, first + 8)]
            store.add([*tasks, written(1000 + first, expected="gold")], "test")
        rows = store.connection.execute(
            "SELECT kind, raters, count(*) FROM tasks WHERE gold = 0 GROUP BY kind, raters"
        ).fetchall()
        gold = store.connection.execute("SELECT DISTINCT raters FROM tasks WHERE gold").fetchall()
    for kind, count in (("write", 100), ("compare", 40)):
        several = round(share * count)
        found = {raters: tasks for name, raters, tasks in rows if name == kind}
        assert found == {k: v for k, v in {1: count - several, 5: several}.items() if v}
    assert gold == [(1,)]


def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with pytest.raises(UserError, match=r"no labelers' store at .*label add"), opened(path):
        pass
    assert not path.exists()
    path.write_text("Dear Sir or Madam, " * 100)
    for create in (None, PLAIN):
        with pytest.raises(UserError, match="is no labelers' store"), opened(path, create):
            pass
    assert path.read_text() == "Dear Sir or Madam, " * 100
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE visits (place TEXT)")
    other.close()
    before = path.read_bytes()
    for create in (None, PLAIN):
        with pytest.raises(UserError, match="is no labelers' store"), opened(path, create):
            pass
    assert path.read_bytes() == before


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(1)]) as store:
        (application,) = store.connection.execute("PRAGMA application_id").fetchone()
        assert application == APPLICATION
        store.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    words = f"of version {VERSION + 1}, this program reads {VERSION}"
    with pytest.raises(UserError, match=words), opened(tmp_path / "s"):
        pass


def test_a_damaged_store_is_said_to_be(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(n) for n in range(200)]):
        pass
    whole = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(UserError, match="damaged"), opened(tmp_path / "s") as store:
        tasks_of(store)


def test_raters_are_named_before_they_label(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [], raters=["mara", "Tom Ölund", "mara"]) as store:
        assert store.raters() == ["Tom Ölund", "mara"]
        store.check_rater("mara")
        with pytest.raises(UserError, match=r"no rater 'Mara' .*there: Tom Ölund, mara.*raters"):
            store.check_rater("Mara")
        for name in ("", " ", " tom", "a\nb", "a\x1b[2J", "x" * 61):
            with pytest.raises(UserError, match="rater"):
                store.add_raters(["fine", name])
        assert store.raters() == ["Tom Ölund", "mara"]


def test_a_step_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(1)]) as store:
        with contextlib.suppress(RuntimeError), store.step() as connection:
            connection.execute("DELETE FROM tasks")
            raise RuntimeError
        assert tasks_of(store) == [written(1)]


def test_settings_that_cannot_be_meant() -> None:
    for wrong in (
        {"lease_seconds": 0.0},
        {"overlap_share": 1.5},
        {"overlap_raters": 1},
        {"gold_share": 0.6},
        {"seed": -1},
    ):
        with pytest.raises(OutOfRange, match=next(iter(wrong))):
            QueueConfig(**wrong)
