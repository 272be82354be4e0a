"""Where a page stands: found by its key alone, whichever file and row group has it."""

import json

import pyarrow as pa
import pytest

from storage.places import PLACES, between, host_keys, host_of, id_key, url_key
from storage.tables import ShardedTableWriter, table

KEYS = [0, 5, 5, 5, 9, 2**63, 2**64 - 1, 2**64 - 1]


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
@pytest.mark.parametrize("files", [True, False])
def test_every_key_is_found_and_no_other(tmp_path, rows, files):
    """Keys that go on over borders of row groups and files, and those at both ends."""
    size = 1 if files else 1 << 30
    with ShardedTableWriter(tmp_path, "places", PLACES, size, group_rows=rows) as writer:
        for number, key in enumerate(KEYS):
            writer.write(table([{"key": key, "group": number, "row_group": number}], PLACES))
    firsts = [pa.parquet.read_table(path)["key"][0].as_py() for path in writer.paths]
    assert (len(firsts) > 1) == (files and rows < 100)
    opened = []

    def open_file(name):
        opened.append(name)
        return pa.OSFile(str(tmp_path / name), "rb")

    def found(low, high):
        return [place for place, _ in between(open_file, firsts, low, high)]

    for low, high in [(k, k) for k in {*KEYS, 1, 7, 2**63 + 1}] + [(1, 9), (0, 2**64 - 1), (6, 8)]:
        assert found(low, high) == [n for n, key in enumerate(KEYS) if low <= key <= high]
    opened.clear()
    found(9, 9)
    assert len(opened) <= 2, "no file is opened that can't have it"


def test_a_place_that_comes_again_is_given_once(tmp_path):
    rows = [{"key": key, "group": 1, "row_group": key // 10} for key in range(20)]
    with ShardedTableWriter(tmp_path, "places", PLACES, group_rows=4) as writer:
        writer.write(table(rows, PLACES))
    found = between(lambda name: pa.OSFile(str(tmp_path / name), "rb"), [0], 2, 18)
    assert list(found) == [(1, 0), (1, 1)]
    assert list(between(lambda name: pytest.fail(name), [], 0, 9)) == []


def test_a_hosts_pages_stand_side_by_side():
    low, high = host_keys("http://a.example/x?y")
    for url in ("http://a.example", "HTTPS://A.example/other", "http://a.example?q#f"):
        assert low <= url_key(url) <= high
        assert host_of(url) == "a.example"
    assert not low <= url_key("http://b.example/x?y") <= high
    assert url_key("http://a.example/1") != url_key("http://a.example/2")
    for odd in ("", "no address", "dns:a.example", "http://[::1", "\ud800", "x" * 100_000):
        assert 0 <= url_key(odd) < 2**64
    assert id_key("ff" * 16) == 2**64 - 1
    assert json.loads(json.dumps(2**64 - 1)) == 2**64 - 1
