"""Arrow tables to Parquet files and back: the one writer and the one reader everybody uses.

The bytes of a file depend on the rows alone, not on how the table was put together in memory: row
groups are cut every 50,000 rows and each is made contiguous before it is written, since Parquet's
page borders would otherwise follow the chunks. Schema metadata (pandas' above all) is dropped.

What grows with the crawl is written by `ShardedTableWriter`: files NAME-00000.parquet and on, each
ended at the row group with which it has its size, so that no file outgrows what an object store
takes or a reader wants to fetch.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 50_000
ROW_GROUP_BYTES = 64 << 20  # in memory, of tables with texts: a row group is cut here at the latest
FILE_BYTES = 1_000_000_000  # of a shard, as stored; S3 takes 98 GiB from pyarrow, readers like less
ZSTD_LEVEL = 3


def table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of `schema`; an absent key is null.

    Raises:
        ValueError: a row has a key that the schema lacks.
    """
    known = frozenset(schema.names)
    for row in rows:
        if not row.keys() <= known:
            unknown = ", ".join(sorted(row.keys() - known))
            raise ValueError(f"not in the schema: {unknown} (columns: {', '.join(schema.names)})")
    return pa.Table.from_pylist(rows, schema=schema)


def write_table(table: pa.Table, path: Path) -> None:
    """Write one Parquet file (zstd), its folder created if need be."""
    write_tables([table], table.schema, path)


def write_tables(
    tables: Iterable[pa.Table], schema: pa.Schema, path: Path, group_rows: int = ROW_GROUP_ROWS
) -> int:
    """Write the rows of many tables as one Parquet file; no more than a row group is held at once.

    How the rows were spread over the tables changes no byte.

    Returns:
        The number of rows.
    """
    with TableWriter(path, schema, group_rows) as writer:
        for table in tables:
            writer.write(table)
    return writer.rows


class TableWriter:
    """One Parquet file, written while its rows come; a row group is cut when it is full."""

    def __init__(self, path: Path, schema: pa.Schema, group_rows: int = ROW_GROUP_ROWS) -> None:
        self.rows = 0
        self.waiting_bytes = 0  # of what waits for its row group to be full
        self._group_rows = group_rows
        self._groups = 0
        self._empty = schema.remove_metadata().empty_table()
        # Joined when a row group is cut, and not before: they may be many and small.
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pq.ParquetWriter(
            self._sink, self._empty.schema, compression="zstd", compression_level=ZSTD_LEVEL
        )

    def write(self, table: pa.Table) -> None:
        """Take rows; at most a row group of them waits in memory."""
        self.rows += table.num_rows
        # ArrowInvalid here if it is of another schema
        self._hold(pa.concat_tables([self._empty, table.replace_schema_metadata(None)]))
        if self._waiting_rows > self._group_rows:
            joined = self._taken()
            while joined.num_rows > self._group_rows:
                self._write_group(joined.slice(0, self._group_rows))
                joined = joined.slice(self._group_rows)
            self._hold(joined)

    @property
    def stored_bytes(self) -> int:
        """What was written so far: row groups that are cut."""
        return int(self._sink.tell()) if self._groups else 0

    def flush(self) -> None:
        """Cut a row group here."""
        if self._waiting_rows:
            self._write_group(self._taken())

    def take_waiting(self) -> pa.Table:
        """What waits, for another file to have it."""
        left = self._taken()
        self.rows -= left.num_rows
        return left

    def close(self) -> None:
        """Write what waits, and the file's foot; a file without rows has one empty row group."""
        if self._groups:
            self.flush()
        else:
            self._write_group(self._taken())
        self._end()

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._end()

    def _end(self) -> None:
        self._writer.close()
        self._sink.close()

    def _hold(self, table: pa.Table) -> None:
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        self.waiting_bytes += int(table.nbytes)

    def _taken(self) -> pa.Table:
        """All that waits, which then waits no longer."""
        joined = pa.concat_tables([self._empty, *self._waiting])
        self._waiting, self._waiting_rows, self.waiting_bytes = [], 0, 0
        return joined

    def _write_group(self, group: pa.Table) -> None:
        self._writer.write_table(group.combine_chunks(), row_group_size=self._group_rows)
        self._groups += 1


class ShardedTableWriter:
    """The files NAME-00000.parquet, NAME-00001.parquet … of one table; at least the first.

    Rows and bytes written so far decide where a row group and where a file ends: the same tables
    in the same order give the same files.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        schema: pa.Schema,
        file_bytes: int = FILE_BYTES,
        group_bytes: int = ROW_GROUP_BYTES,
        group_rows: int = ROW_GROUP_ROWS,
    ) -> None:
        self.rows = 0
        self.paths: list[Path] = []
        self._folder, self._name, self._schema = folder, name, schema
        self._file_bytes, self._group_bytes, self._group_rows = file_bytes, group_bytes, group_rows
        self._writer: TableWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Take rows."""
        for start in range(0, table.num_rows, self._group_rows):
            some = table.slice(start, self._group_rows)
            self.rows += some.num_rows
            writer = self._current()
            writer.write(some)
            if writer.waiting_bytes > self._group_bytes:
                writer.flush()
            self._end_full()

    @property
    def waiting_bytes(self) -> int:
        """What waits for its row group to be full."""
        return self._writer.waiting_bytes if self._writer is not None else 0

    def flush(self) -> None:
        """Cut a row group here."""
        if self._writer is not None:
            self._writer.flush()
            self._end_full()

    def close(self) -> None:
        """Write what waits."""
        if not self.paths:
            self._current()
        if self._writer is not None:
            self._writer.close()

    def _current(self) -> TableWriter:
        if self._writer is None:
            path = self._folder / f"{self._name}-{len(self.paths):05d}.parquet"
            self.paths.append(path)
            self._writer = TableWriter(path, self._schema, self._group_rows)
        return self._writer

    def _end_full(self) -> None:
        if self._writer is not None and self._writer.stored_bytes >= self._file_bytes:
            left = self._writer.take_waiting()
            self._writer.close()
            self._writer = None
            if left.num_rows:
                self._current().write(left)

    def __enter__(self) -> "ShardedTableWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.close()
        elif self._writer is not None:
            self._writer.__exit__(kind, *error)


def read_table(path: Path | str, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file, or all `*.parquet` of a folder in the order of their names."""
    path = Path(path)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no Parquet file in {path}")
    return pa.concat_tables([_read(file, columns) for file in files])


def streamed(path: Path | str) -> pq.ParquetFile:
    """A Parquet file to read some rows at a time.

    As pyarrow opens one by itself it keeps all bytes that it has read of it, however few rows are
    asked for at once: in the end the whole file.
    """
    return pq.ParquetFile(path, pre_buffer=False)


def column_span(path: Path | str, column: str) -> list[Any]:
    """The least and the greatest value of a column, from the file's footer; none without rows."""
    meta = pq.read_metadata(path)
    place = meta.schema.names.index(column)
    groups = (
        meta.row_group(group).column(place).statistics for group in range(meta.num_row_groups)
    )
    known = [found for found in groups if found is not None and found.has_min_max]
    return [min(f.min for f in known), max(f.max for f in known)] if known else []


def row_count(path: Path | str) -> int:
    """Rows of one Parquet file, from its footer alone."""
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def _read(path: Path, columns: list[str] | None) -> pa.Table:
    # Not pq.read_table: it would take a folder named a=b for a Hive partition and add a column.
    with pq.ParquetFile(path) as file:
        return file.read(columns=columns)
