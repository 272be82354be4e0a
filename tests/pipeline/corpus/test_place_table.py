"""A table of places: every URL and every document that is left stands where it says."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.corpus import place_table
from storage.places import PLACES, between, id_key, url_key
from storage.schemas import LEDGER
from storage.tables import ShardedTableWriter, read_table, table


def make_group(folder: Path, number: int, parts: int) -> list[tuple[str, str]]:
    """A group's ledger, in row groups of 7 and files of three; (URL, id if left) of its rows."""
    draw = random.Random(number)
    folder.mkdir(parents=True)
    known = place_table.GroupPlaces()
    rows: list[tuple[str, str]] = []
    with ShardedTableWriter(folder, "ledger", LEDGER, file_bytes=1, group_rows=7) as writer:
        for part in range(parts):
            some: list[dict[str, Any]] = []
            for row in range(draw.randrange(20)):
                url = f"http://h{draw.randrange(4)}/{draw.randrange(30)}" if row % 5 else ""
                id_ = f"{draw.getrandbits(128):032x}" if row % 3 else ""
                some.append({"url": url, "id": id_, "offset": row})
            left = [row["id"] for row in some if row["id"]][:: part + 1]
            ledger = table(some, LEDGER)
            writer.write(ledger)
            known.add(ledger, left)
            rows += [(row["url"], row["id"] if row["id"] in left else "") for row in some]
    count = known.write(folder, writer.paths)
    assert count == (folder / place_table.KEYS).stat().st_size / 8
    return rows


@pytest.mark.parametrize(("memory", "at_once"), [(1 << 20, 10_000), (2_000, 10), (1 << 20, 3)])
def test_every_page_is_found_where_it_stands(
    tmp_path: Path, memory: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_table, "MERGE_BYTES", memory)
    monkeypatch.setattr(place_table, "FILE_BYTES", 1)
    monkeypatch.setattr(place_table, "GROUP_ROWS", at_once)
    folders = [tmp_path / str(number) for number in range(4)]
    written = [make_group(folder, n, 0 if n == 2 else 5) for n, folder in enumerate(folders)]
    out = tmp_path / "corpus"
    out.mkdir()
    total = place_table.merge(folders, out)
    merged = read_table(out)
    assert merged.schema.remove_metadata() == PLACES
    files = len(list(out.glob("*.parquet")))
    rows = [tuple(row.values()) for row in merged.to_pylist()]
    assert rows == sorted(set(rows))
    assert len(rows) == total > 50
    expected = set()
    for number, (folder, known) in enumerate(zip(folders, written)):
        ends = place_table.row_group_ends(sorted(folder.glob("ledger-*.parquet")))
        for row, (url, id_) in enumerate(known):
            place = (number, sum(int(end) <= row for end in ends))
            expected |= {(url_key(url), *place)} if url else set()
            expected |= {(id_key(id_), *place)} if id_ else set()
    assert set(rows) == expected
    firsts = json.loads((out / "places.json").read_text())
    assert len(firsts) == files
    assert (files > 1) == (at_once < 100)

    def opened(name: str) -> pa.NativeFile:
        return pa.OSFile(str(out / name), "rb")

    for url, _ in (row for known in written for row in known if row[0]):
        found = list(between(opened, firsts, url_key(url), url_key(url)))
        assert found == [row[1:] for row in rows if row[0] == url_key(url)]


def test_a_crawl_without_a_page_has_an_empty_table(tmp_path: Path) -> None:
    make_group(tmp_path / "group", 0, 0)
    assert place_table.merge([tmp_path / "group"], tmp_path) == 0
    assert pq.read_metadata(tmp_path / "places-00000.parquet").num_rows == 0
    assert json.loads((tmp_path / "places.json").read_text()) == []
