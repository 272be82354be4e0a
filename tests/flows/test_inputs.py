"""Paths, globs and folders to files, in one order."""

from pathlib import Path

import pytest

from flows.inputs import find, warc_files
from storage.errors import UserError


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    for name in ("b.warc.gz", "a.warc.gz", "c.warc", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_a_folder_a_glob_and_a_path_give_the_same_order(crawl: Path) -> None:
    names = ["a.warc.gz", "b.warc.gz", "c.warc"]
    assert [p.name for p in find([str(crawl)])] == names
    assert [p.name for p in find([str(crawl / "*.warc*")])] == names
    backwards = [str(crawl / name) for name in reversed(names)]
    assert [p.name for p in find(backwards)] == names
    assert [p.name for p in find([*backwards, str(crawl)])] == names  # each once


def test_a_file_is_named_by_its_content(crawl: Path) -> None:
    (before,) = warc_files([str(crawl / "a.warc.gz")])
    (crawl / "a.warc.gz").write_bytes(b"other")
    (after,) = warc_files([str(crawl / "a.warc.gz")])
    assert before.path == after.path
    assert before.sha256 != after.sha256


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.warc.gz", "no such file or folder"),
        ("*.arc", "nothing matches"),
        ("empty", "no .warc.gz or .warc file in this folder"),
    ],
)
def test_a_path_that_leads_nowhere_is_said(crawl: Path, path: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        find([str(crawl / path)])
