"""WET: a page's text straight from its conversion record."""

import dataclasses

import pytest
from toy_dump import wet_file, words

from pipeline.crawl.http import NoPage
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.verify import check_archive
from pipeline.crawl.warc import Record, read_records
from pipeline.crawl.wet import read_text

MAX_BYTES = 100_000


def record(content: bytes, mime: str = "text/plain") -> Record:
    headers = {"content-type": mime}
    return Record(0, 0, "conversion", "http://x/", "", headers, len(content), content)


def test_the_text_of_every_page(tmp_path):
    urls = [f"https://site{n}.example/" for n in range(5)]
    path = tmp_path / "a.warc.wet.gz"
    path.write_bytes(wet_file("a.warc.wet.gz", urls))
    info, *pages = read_records(path, LimitsConfig())
    assert info.record_type == "warcinfo"
    assert [page.url for page in pages] == urls
    assert [read_text(page, MAX_BYTES) for page in pages] == [words(url) for url in urls]


def test_a_genuine_one(shared_dir):
    (path,) = (shared_dir / "crawl" / "genuine").glob("*whirlwind.warc.wet.gz")
    _, page = read_records(path, LimitsConfig())
    assert page.record_type == "conversion"
    text = read_text(page, MAX_BYTES)
    assert text.startswith("Escopete - Biquipedia")
    assert "Menú principal" in text
    check = check_archive(path, digests=True)
    assert (check.problem, check.records, check.digests, check.wrong_digests) == ("", 2, 2, 0)


@pytest.mark.parametrize(
    ("given", "outcome", "rule"),
    [
        (record(b" \n\0 "), "dropped", "empty"),
        (record(b""), "dropped", "empty"),
        (record(b"{}", "application/json"), "dropped", "mime"),
        (record(b"x" * (MAX_BYTES + 1)), "dropped", "size"),
    ],
)
def test_what_is_no_text_is_a_row_of_the_ledger(given, outcome, rule):
    with pytest.raises(NoPage) as no:
        read_text(given, MAX_BYTES)
    assert (no.value.decision.outcome, no.value.decision.rule) == (outcome, rule)


def test_broken_bytes_are_read_as_far_as_they_go():
    assert read_text(record(b"\xef\xbb\xbfa\r\nb\xffc\0d"), MAX_BYTES) == "a\nb\ufffdcd"
    plain = dataclasses.replace(record(b"a"), headers={})
    assert read_text(plain, MAX_BYTES) == "a"
