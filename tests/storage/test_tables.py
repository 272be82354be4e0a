"""Parquet files: the same rows give the same bytes, whatever their chunks."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import schemas
from storage.tables import (
    ShardedTableWriter,
    column_span,
    read_table,
    row_count,
    streamed,
    table,
    write_table,
    write_tables,
)

SCHEMAS = {name: value for name, value in vars(schemas).items() if isinstance(value, pa.Schema)}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_survives_the_file_even_without_rows(name, tmp_path):
    write_table(table([], SCHEMAS[name]), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").schema.equals(SCHEMAS[name])
    assert row_count(tmp_path / "t.parquet") == 0


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.tuples(st.text(max_size=20), st.none() | st.floats()), max_size=200),
    cuts=st.lists(st.integers(0, 200), max_size=5),
)
def test_chunks_do_not_show_in_the_bytes(tmp_path_factory, rows, cuts):
    folder = tmp_path_factory.mktemp("bytes")
    schema = pa.schema([("text", pa.string()), ("value", pa.float64())])
    whole = table([{"text": t, "value": v} for t, v in rows], schema)
    borders = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    pieces = [whole.slice(a, b - a) for a, b in itertools.pairwise(borders)]
    pieced = pa.concat_tables(pieces) if pieces else whole
    write_table(whole, folder / "whole.parquet")
    write_table(pieced, folder / "pieced.parquet")
    assert (folder / "whole.parquet").read_bytes() == (folder / "pieced.parquet").read_bytes()
    assert read_table(folder / "whole.parquet").equals(whole) or any(
        v is not None and np.isnan(v) for _, v in rows
    )


@pytest.mark.parametrize("rows_in_a_chunk", [777, 5000])
def test_nor_in_those_of_a_large_table(tmp_path, rows_in_a_chunk):
    numbers = np.random.default_rng(0).random(60_000)  # too many values for a dictionary
    whole = pa.table({"text": [str(x) * 5 for x in numbers], "x": numbers})
    pieces = [whole.slice(i, rows_in_a_chunk) for i in range(0, 60_000, rows_in_a_chunk)]
    write_table(whole, tmp_path / "whole.parquet")
    write_table(pa.concat_tables(pieces), tmp_path / "pieced.parquet")
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "pieced.parquet").read_bytes()


def test_row_groups_and_codec_are_fixed_and_pandas_metadata_is_dropped(tmp_path):
    long = pa.table({"x": np.arange(120_001)}).replace_schema_metadata({"pandas": "{}"})
    write_table(long, tmp_path / "new" / "t.parquet")
    meta = pq.read_metadata(tmp_path / "new" / "t.parquet")
    assert [meta.row_group(i).num_rows for i in range(3)] == [50_000, 50_000, 20_001]
    assert meta.row_group(0).column(0).compression == "ZSTD"
    assert b"pandas" not in (meta.metadata or {})
    assert row_count(tmp_path / "new" / "t.parquet") == 120_001


def test_a_folder_is_read_in_the_order_of_names_without_partition_columns(tmp_path):
    folder = tmp_path / "a=1"
    for name, value in (("b", 2), ("a", 1), ("c", 3)):
        write_table(pa.table({"x": [value]}), folder / f"{name}.parquet")
    assert read_table(folder).to_pydict() == {"x": [1, 2, 3]}
    assert read_table(folder / "b.parquet").column_names == ["x"]
    with pytest.raises(FileNotFoundError, match="no Parquet file"):
        read_table(tmp_path)


def test_unknown_columns_and_wrong_types_fail_where_they_are_written():
    with pytest.raises(ValueError, match="urll"):
        table([{"urll": "http://a/"}], schemas.LEDGER)
    with pytest.raises(pa.ArrowInvalid):
        table([{"offset": "twelve"}], schemas.LEDGER)
    assert table([{"url": "http://a/"}], schemas.LEDGER)["value"].to_pylist() == [None]


def test_what_was_read_of_a_streamed_file_is_let_go(tmp_path):
    """Forty row groups of a megabyte that no codec makes smaller: one or two are held at a time."""
    schema = pa.schema([("data", pa.binary())])
    noise = np.random.default_rng(0)
    tables = (pa.table({"data": [noise.bytes(1 << 20)]}, schema=schema) for _ in range(40))
    write_tables(tables, schema, tmp_path / "t.parquet", group_rows=1)
    before = pa.total_allocated_bytes()
    most = 0
    with streamed(tmp_path / "t.parquet") as file:
        for batch in file.iter_batches(1):
            assert batch.num_rows == 1
            most = max(most, pa.total_allocated_bytes() - before)
    assert most < 8 << 20


def test_nothing_is_read_in_batches_by_pyarrows_defaults():
    root = Path(__file__).parents[2]
    for path in [
        p for part in ("flows", "pipeline", "storage") for p in (root / part).rglob("*.py")
    ]:
        text = path.read_text()
        opened = text.count("pq.ParquetFile(") + text.count("streamed(")
        if ".iter_batches(" in text and path.name != "tables.py":
            assert opened - text.count("file.read(columns") == text.count("streamed("), path


def numbered_rows(count: int) -> pa.Table:
    noise = np.random.default_rng(0)
    return pa.table({"n": range(count), "noise": [noise.bytes(20).hex() for _ in range(count)]})


def test_shards_end_at_their_size(tmp_path):
    """Each at the row group with which it has it, and none is begun that no row comes to."""
    rows = numbered_rows(1000)
    with ShardedTableWriter(tmp_path, "t", rows.schema, file_bytes=6_000, group_rows=100) as writer:
        for start in range(0, 1000, 70):
            writer.write(rows.slice(start, 70))
    assert [path.name for path in writer.paths] == [f"t-{n:05d}.parquet" for n in range(4)]
    sizes = [row_count(path) for path in writer.paths]
    assert writer.rows == sum(sizes) == 1000
    assert sizes[0] == sizes[1] < 500
    assert all(size % 100 == 0 for size in sizes), "no rest of a row group in between"
    assert read_table(tmp_path).equals(rows)
    for path in writer.paths[:-1]:
        last = pq.read_metadata(path).row_group(sizes[0] // 100 - 1)
        assert last.column(0).file_offset < 6_000 < path.stat().st_size
    assert all(pq.read_metadata(p).row_group(0).num_rows == 100 for p in writer.paths)


def test_a_row_group_is_cut_by_bytes_and_one_file_is_enough_for_no_rows(tmp_path):
    rows = numbered_rows(100)
    with ShardedTableWriter(tmp_path, "t", rows.schema, group_bytes=1_000) as writer:
        for start in range(0, 100, 10):
            writer.write(rows.slice(start, 10))
    (path,) = writer.paths
    assert 1 < pq.read_metadata(path).num_row_groups < 10
    with ShardedTableWriter(tmp_path, "none", rows.schema) as empty:
        empty.write(rows.slice(0, 0))
    assert [path.name for path in empty.paths] == ["none-00000.parquet"]
    assert read_table(empty.paths[0]).schema == rows.schema
    assert column_span(empty.paths[0], "n") == []
    assert column_span(path, "n") == [0, 99]


def test_many_small_tables_are_joined_once(tmp_path, monkeypatch):
    """A dump's parts may be many and tiny: what waits must not be joined anew with each."""
    given = []
    concat = pa.concat_tables

    def counted(some):
        given.append(sum(table.column(0).num_chunks for table in some))
        return concat(some)

    monkeypatch.setattr(pa, "concat_tables", counted)
    one = pa.table({"id": ["x"]})
    with ShardedTableWriter(tmp_path, "rows", one.schema) as writer:
        for _ in range(500):
            writer.write(one)
        assert writer.waiting_bytes == 500 * one.nbytes
    assert sum(given) <= 6 * 500, "chunks that were looked at"
    monkeypatch.undo()
    assert read_table(writer.paths[0]).num_rows == 500
