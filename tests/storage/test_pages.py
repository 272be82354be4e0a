"""Single pages, from rows of the ledger: each part once, and of it no more than must be read."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.lake import Lake
from storage.pages import pages_of, part_digests, rows_with, whole_part
from storage.schemas import PAGES
from storage.tables import table, write_tables

OFFSETS = (0, 10, 20, 30, 40, 50)
LEDGER_COLUMNS = ("warc", "offset", "id", "artifact")


def page(warc, offset):
    return {"id": f"{warc}{offset}", "warc": warc, "offset": offset, "text": f"{warc} at {offset}"}


@pytest.fixture
def groups(lake, make, tmp_path):
    """Two groups, of the files a and b, and of c; two pages to a row group."""
    made = []
    for names in ("ab", "c"):
        parts = []
        for warc in names:
            rows = table([page(warc, offset) for offset in OFFSETS], PAGES)
            write_tables([rows], PAGES, tmp_path / warc, group_rows=2)
            files = {"pages.parquet": (tmp_path / warc).read_bytes()}
            parts.append(make(lake, "scan", files, inputs={"warc": [warc]}).digest)
        head = json.dumps({"warcs": [{"warc": warc} for warc in names]}).encode()
        inputs = {"parts": parts}
        made.append(make(lake, "corpus_group", {"group.json": head}, inputs=inputs))
    return made


@pytest.fixture
def opened(monkeypatch):
    """Names of files that are opened."""
    seen: list[str] = []
    whole = Lake.opened

    def noting(self, *what):
        seen.append(what[1])
        return whole(self, *what)

    monkeypatch.setattr(Lake, "opened", noting)
    return seen


@pytest.fixture
def read(monkeypatch):
    """Row groups that are read, with the columns."""
    seen = []
    whole = pq.ParquetFile.read_row_group

    def noting(self, number, columns=None, **given):
        seen.append((number, columns))
        return whole(self, number, columns=columns, **given)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", noting)
    return seen


def records(*rows):
    kinds = [pa.string(), pa.int64(), pa.string(), pa.string()]
    schema = pa.schema(list(zip(LEDGER_COLUMNS, kinds)))
    return pa.Table.from_pylist([dict(zip(LEDGER_COLUMNS, row)) for row in rows], schema=schema)


def texts(lake, *rows):
    found = pages_of(lake, records(*rows), ["text"])
    return [text for some in found for text in some["text"].to_pylist()]


def test_pages_are_found_in_their_parts(lake, groups, opened):
    first, second = (group.artifact for group in groups)
    asked = [("c", 50, "c50", second), ("b", 0, "b0", first), ("b", 30, "b30", first)]
    assert sorted(texts(lake, *asked)) == ["b at 0", "b at 30", "c at 50"]
    assert sorted(opened) == ["group.json", "group.json", "pages.parquet", "pages.parquet"]
    assert texts(lake) == []


def test_what_has_no_page(lake, groups, opened):
    """Dropped before it was one; at a page's place (records in one gzip member); without an id."""
    first = groups[0].artifact
    assert texts(lake, ("a", 15, "a15", first), ("a", 10, "other", first)) == []
    opened.clear()
    assert texts(lake, ("a", 10, "", first)) == []
    assert opened == []


def test_a_part_that_is_gone(lake, groups):
    first = groups[0]
    lake.remove(whole_part(lake, part_digests(lake, first)["a"]))
    assert whole_part(lake, part_digests(lake, first)["a"]) is None
    asked = [(warc, 10, f"{warc}10", first.artifact) for warc in "ab"]
    assert texts(lake, *asked) == ["b at 10"]


def test_no_row_group_is_read_in_vain(lake, groups, read):
    part = whole_part(lake, part_digests(lake, groups[0])["a"])
    assert part is not None

    def found(*offsets):
        read.clear()
        tables = rows_with(lake, part, "pages.parquet", "offset", offsets, ["id", "text"])
        return [id_ for some in tables for id_ in some["id"].to_pylist()]

    assert found(40, 10, 50) == ["a10", "a40", "a50"]
    whole = ["id", "text"]
    assert read == [(0, ["offset"]), (0, whole), (2, ["offset"]), (2, whole)]
    assert found(25, -1, 60) == []
    assert read == [(1, ["offset"])], "between two that are there: no text is read"
    assert found(15, 60) == found() == []
    assert read == [], "between two row groups"
