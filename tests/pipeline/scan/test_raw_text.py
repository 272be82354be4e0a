"""A part without its pages' text: everything else is as it was."""

from typing import cast

from pipeline.scan.raw_text import is_dropped, statistics_without, without_text
from pipeline.scan.stage import ScanStatistics
from storage.schemas import LEDGER, PAGES
from storage.tables import read_table, table, write_table


def test_the_text_goes_and_nothing_else(tmp_path):
    part, out = tmp_path / "part", tmp_path / "out"
    pages = table(
        [
            {"id": f"{n}", "url": f"http://h/{n}", "text": f"mine {n}", "word_count": n}
            for n in range(9_000)
        ],
        PAGES,
    )
    write_table(pages, part / "pages.parquet")
    write_table(table([{"url": "http://h/1"}], LEDGER), part / "ledger.parquet")
    (part / "provenance").mkdir()
    (part / "provenance" / "clock.json").write_text("{}")
    (part / "manifest.json").write_text("not ours to copy")
    out.mkdir()
    without_text(part, out)
    left = read_table(out / "pages.parquet")
    assert left.schema == pages.schema
    assert left["text"].null_count == 9_000
    assert left.drop_columns("text").equals(pages.drop_columns("text"))
    assert b"mine" not in (out / "pages.parquet").read_bytes()
    names = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    assert names == ["ledger.parquet", "pages.parquet", "provenance/clock.json"]
    assert (out / "ledger.parquet").read_bytes() == (part / "ledger.parquet").read_bytes()


def test_the_statistics_say_that_it_went():
    some = {"warc": "a.warc.gz", "text_bytes": 9, "raw_files": ["pages.parquet"]}
    before = cast(ScanStatistics, some)
    after = statistics_without(before)
    assert after == {**before, "raw_files": [], "raw_text": "dropped"}
    assert not is_dropped(before)
    assert is_dropped(after)
