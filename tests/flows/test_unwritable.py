"""Folders in which nothing can be written: one clear line, exit 2, before anything starts."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from read_only import read_only  # noqa: F401

from storage import Lake
from storage.durable import unwritable

ReadOnly = Callable[[Path], Path]


def crawl2chat(*arguments: str | Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Without a Prefect: a command that got as far as its server would take another way."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(command, env={**kept, **environ}, capture_output=True, text=True)


def refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("crawl2chat: ")
    for word in words:
        assert word in done.stderr
    assert done.stdout == ""


@pytest.fixture
def lake(tmp_path: Path, read_only: ReadOnly) -> Path:  # noqa: F811
    folder = tmp_path / "its lake"
    folder.mkdir()
    return read_only(folder)


@pytest.mark.parametrize(
    ("command", "advice"),
    [("run corpus --preset ci", "choose another with --lake"), ("report", "--out")],
)
def test_a_read_only_lake_is_not_written_to(
    command: str, advice: str, lake: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    done = crawl2chat(*command.split(), "--lake", lake, HOME=str(home))
    refused(done, f"can't write {'in ' if 'run' in command else ''}{lake}", advice)
    assert not home.exists()


def test_a_read_only_lake_is_read(lake: Path, tmp_path: Path) -> None:
    done = crawl2chat("sql", "SELECT 1 AS one", "--csv", "--lake", lake, HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\n1\n", "")


def test_a_read_only_home_needs_another_for_prefect(tmp_path: Path, lake: Path) -> None:
    arguments = ("run", "corpus", "--preset", "ci", "--lake", tmp_path / "lake")
    done = crawl2chat(*arguments, HOME=str(lake))
    refused(done, f"Prefect can't write in {lake}/.prefect", "set PREFECT_HOME")
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("setting", ["CRAWL2CHAT_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_fetched_files_need_a_folder(setting: str, tmp_path: Path, lake: Path) -> None:
    given = {"HOME": str(tmp_path), setting: str(lake)}
    address = ("--input", "http://127.0.0.1:9/a.warc.gz")
    done = crawl2chat("run", "corpus", *address, "--lake", tmp_path / "lake", **given)
    refused(done, f"can't write in {lake}, where fetched files go: set CRAWL2CHAT_CACHE")


def test_what_can_be_written_in_is_left_as_it_is(tmp_path: Path) -> None:
    assert unwritable(tmp_path / "not" / "yet") is None
    Lake(tmp_path / "lake").check_writable()
    assert list(tmp_path.iterdir()) == []
    assert unwritable(Path("/proc/none")) == Path("/proc")  # whose mode root would trust
