"""Paths, globs and folders to files, in one order."""

from pathlib import Path
from typing import Any

import pytest
from crawl_server import Trouble, crawl_server
from toy_dump import NAME, toy_dump

from flows.config import load
from flows.inputs import check, find, hashed, selects, sorted_out, spoken
from flows.runner.workers import NetworkError
from storage.errors import UserError
from storage.file_hashes import NAME as HASHES
from storage.file_hashes import Hashes


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    for name in ("b.warc.gz", "a.warc.gz", "c.warc", "notes.txt", "d.wat.gz"):
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
    hashes = Hashes(crawl / HASHES)
    before = hashed(crawl / "a.warc.gz", hashes)
    (crawl / "a.warc.gz").write_bytes(b"other")
    after = hashed(crawl / "a.warc.gz", hashes)
    assert before.path == after.path
    assert before.sha256 != after.sha256
    with pytest.raises(UserError, match=r"input .*gone.warc: No such file"):
        hashed(crawl / "gone.warc", hashes)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.warc.gz", "no such file or folder"),
        ("*.arc", "nothing matches"),
        ("empty", r"no \.warc\.gz, .* file in this folder"),
    ],
)
def test_a_path_that_leads_nowhere_is_said(crawl: Path, path: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        find([str(crawl / path)])


def config(url: str, folder: Path, **given: Any) -> Any:
    how = {"base_url": url, "cache": str(folder), "tries": 2, "backoff_seconds": 0.01}
    return load("ci", input={"paths": [NAME], **given}, download=how)


def test_a_dump_a_path_and_an_address_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["a.warc.gz", NAME, "https://x/y.warc.gz", "CC-MAIN-latest", "s3://b/k.warc.gz"]
    assert sorted_out(given) == (
        ["a.warc.gz"],
        ["https://x/y.warc.gz", "s3://b/k.warc.gz"],
        [NAME, "CC-MAIN-latest"],
    )
    (tmp_path / NAME).mkdir()  # what is there is meant
    assert sorted_out([NAME]) == ([NAME], [], [])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"paths": ["CC-MAIN-2031-01"]}, f"no such dump.*newest are {NAME}"),
        ({"wet": True, "hosts": ["a.com"]}, "--wet takes whole files"),
        ({"paths": [], "hosts": ["a.com"]}, "choose from a dump"),
        ({"hosts": ["a b"]}, "write a host as"),
        ({"match": "/(/"}, "no regular expression"),
        ({"language": "german"}, "ISO 639"),
        ({"language": "de"}, "select.language.languages keeps en"),
        ({"paths": ["missing.warc.gz"]}, "no such file"),
        ({"paths": ["ftp://x/y.warc.gz"]}, "no such file"),
        ({"paths": ["http://host"]}, "no file's address"),
    ],
)
def test_a_wish_that_can_not_be_met_is_said(tmp_path: Path, given: Any, words: str) -> None:
    with crawl_server() as server:
        server.files["collinfo.json"] = toy_dump({"http://a.b/": "eng"}, 1)[0]["collinfo.json"]
        check(config(server.url, tmp_path))
        with pytest.raises(UserError, match=words):
            check(config(server.url, tmp_path, **given))


@pytest.mark.parametrize(
    "change", ["input.files=-2", "input.pages=-1", "download.connections=0", "download.index=x"]
)
def test_numbers_out_of_range_are_said(change: str) -> None:
    with pytest.raises(UserError, match=change.partition("=")[0].replace(".", r"\.")):
        load("ci", [change])


def test_a_server_that_is_away_is_no_mistake_of_the_user(tmp_path: Path) -> None:
    with crawl_server() as server:
        server.always["collinfo.json"] = server.always["crawl-data/index.html"] = Trouble(
            status=503
        )
        check(config(server.url, tmp_path))  # a mirror may have no list: its files will tell
        with pytest.raises(NetworkError, match="503"):
            check(config(server.url, tmp_path, paths=["CC-MAIN-latest"]))


def test_no_server_at_all_is_said_in_seconds(tmp_path: Path) -> None:
    with crawl_server() as server:
        away = config(server.url, tmp_path)
    with pytest.raises(NetworkError, match="refused"):
        check(away)


def test_when_the_index_is_asked() -> None:
    def asked(**given: Any) -> bool:
        return selects(load("ci", input=given).input)

    assert not asked(files=3)
    assert not asked(files=3, language="en")  # the pass picks it out of the files
    assert not asked(wet=True, language="en")
    assert asked(language="en")
    assert asked(files=3, hosts=["a.com"])
    assert (spoken("DEU"), spoken("de"), spoken("ceb")) == ("de", "de", "ceb")
