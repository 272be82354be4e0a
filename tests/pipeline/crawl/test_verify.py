"""Sound files pass, damaged ones are named, wrong digests counted."""

import gzip
import zlib

import pytest
from toy_dump import warc_file

from pipeline.crawl.verify import check_archive, count_members

URLS = [f"https://site{n}.example/" for n in range(20)]
DATA = warc_file("a", URLS)


def check(tmp_path, data, digests=True):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    return check_archive(path, digests)


def test_a_sound_file_and_its_digests(tmp_path):
    found = check(tmp_path, DATA)
    assert found.problem == ""
    assert found.records == 41
    assert found.digests == 41
    assert found.wrong_digests == 0
    assert check(tmp_path, DATA, digests=False).digests == 0


@pytest.mark.parametrize("cut", [1, 7, 100, len(DATA) // 2])
def test_a_file_cut_short(tmp_path, cut):
    assert check(tmp_path, DATA[:-cut]).problem.startswith("truncated_gzip")


def test_zeroes_in_the_middle_and_no_archive_at_all(tmp_path):
    middle = len(DATA) // 2
    assert "gzip" in check(tmp_path, DATA[:middle] + bytes(90) + DATA[middle + 90 :]).problem
    assert "no WARC file" in check(tmp_path, gzip.compress(b"<html>")).problem


def test_a_record_that_lies_about_itself_is_counted(tmp_path):
    plain = gzip.decompress(DATA).replace(b"the", b"teh")
    found = check(tmp_path, zlib.compress(plain, wbits=31))
    assert found.problem == ""
    assert found.wrong_digests == 20
    assert found.first_wrong == URLS[0]


def test_the_shared_crawl_is_sound(shared_dir):
    path = sorted((shared_dir / "crawl").glob("*.warc.gz"))[0]
    found = check_archive(path, digests=True)
    assert (found.problem, found.wrong_digests) == ("", 0)
    assert found.digests > 2000


def test_genuine_digests_in_every_spelling(shared_dir):
    (path,) = (shared_dir / "crawl" / "genuine").glob("*warcio__example-digest.warc")
    found = check_archive(path, digests=True)
    assert found.digests > 0
    (path,) = (shared_dir / "crawl" / "genuine").glob("*jwarc__cc.warc.gz")
    assert check_archive(path, digests=True).wrong_digests == 0


def test_members_are_whole_or_they_are_not():
    one = gzip.compress(b"a" * 10_000_000)
    assert count_members(one) == 1
    assert count_members(one + one) == 2
    assert count_members(one[:-1]) == count_members(one + b"x") == count_members(b"no") == 0
    assert count_members(b"") == 0
