"""Where the lists come from: the cache, made once, and never needed."""

import io
import os
import tarfile

import pytest

from pipeline.filters import url_lists
from pipeline.filters.line_file import LineBlock
from pipeline.filters.url_lists import FOLDER, CachedLines

DOMAINS = b"a.example\nb.example\nc.example"
URLS = b"http://x.example/2\n# none\n http://x.example/1 \n"


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "lists.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name, content in (("domains", DOMAINS), ("other", b"?"), ("urls", URLS)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def check(lines):
    domains, urls = lines
    assert [domains.contains(b"%c.example" % sign) for sign in b"abcd"] == [True, True, True, False]
    wanted = (b"http://x.example/1", b"http://x.example/2", b"# none", b"http://x.example/3")
    assert [urls.contains(url) for url in wanted] == [True, True, False, False]


def inflated_times(monkeypatch):
    times = []
    real = url_lists.blocks

    def noted(path):
        times.append(path)
        return real(path)

    monkeypatch.setattr(url_lists, "blocks", noted)
    return times


def test_the_archive_is_inflated_once(archive, cache, monkeypatch):
    times = inflated_times(monkeypatch)
    for _ in range(3):
        found = url_lists._lines(archive)
        assert all(isinstance(lines, CachedLines) for lines in found)
        check(found)
    assert len(times) == 1
    assert len(list((cache / FOLDER).glob("*/*"))) == 2


def test_another_archive_has_files_of_its_own(archive, cache):
    check(url_lists._lines(archive))
    with tarfile.open(archive, "w:gz") as file:
        for name in ("domains", "urls"):
            member = tarfile.TarInfo(name)
            member.size = 9
            file.addfile(member, io.BytesIO(b"d.example"))
    domains, _ = url_lists._lines(archive)
    assert domains.contains(b"d.example")
    assert not domains.contains(b"a.example")


def test_damaged_files_are_made_anew(archive, cache, monkeypatch):
    url_lists._lines(archive)
    times = inflated_times(monkeypatch)
    for path in (cache / FOLDER).glob("*/*"):
        os.truncate(path, 20)
    check(url_lists._lines(archive))
    check(url_lists._lines(archive))
    assert len(times) == 1


def test_files_damaged_while_in_use_give_way_to_the_archive(archive, cache, monkeypatch):
    found = url_lists._lines(archive)
    for path in (cache / FOLDER).glob("*/*"):
        path.write_bytes(b"?" * path.stat().st_size)
    times = inflated_times(monkeypatch)
    check(found)
    assert len(times) == 2  # each of the two for itself
    assert list((cache / FOLDER).glob("*/*")) == []
    check(url_lists._lines(archive))


@pytest.mark.parametrize("place", ["a file", "a file/below", "~nobody-of-this-name/x"])
def test_without_a_place_to_write_the_archive_serves(archive, tmp_path, monkeypatch, place):
    (tmp_path / "a file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRAWL2CHAT_CACHE", place)
    found = url_lists._lines(archive)
    assert all(isinstance(lines, LineBlock) for lines in found)
    check(found)


def test_without_space_the_archive_serves(archive, cache, monkeypatch):
    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr(url_lists, "write_lines", full)
    check(url_lists._lines(archive))
