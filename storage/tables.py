"""Arrow tables to Parquet files and back: the one writer and the one reader everybody uses.

The bytes of a file depend on the rows alone, not on how the table was put together in memory: row
groups are cut every 50,000 rows and each is made contiguous before it is written, since Parquet's
page borders would otherwise follow the chunks. Schema metadata (pandas' above all) is dropped.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 50_000
ZSTD_LEVEL = 3


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of `schema`; an absent key is null, a key the schema lacks is an error."""
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

    Gives the number of rows. How the rows were spread over the tables changes no byte.
    """
    with TableWriter(path, schema, group_rows) as writer:
        for table in tables:
            writer.write(table)
    return writer.rows


class TableWriter:
    """One Parquet file, written while its rows come; a row group is cut when it is full."""

    def __init__(self, path: Path, schema: pa.Schema, group_rows: int = ROW_GROUP_ROWS) -> None:
        self.rows = 0
        self._group_rows = group_rows
        self._groups = 0
        self._waiting = schema.remove_metadata().empty_table()
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(
            path, self._waiting.schema, compression="zstd", compression_level=ZSTD_LEVEL
        )

    def write(self, table: pa.Table) -> None:
        """Take rows; at most a row group of them waits in memory."""
        self.rows += table.num_rows
        self._waiting = pa.concat_tables([self._waiting, table.replace_schema_metadata(None)])
        while self._waiting.num_rows > self._group_rows:
            self._write_group(self._waiting.slice(0, self._group_rows))
            self._waiting = self._waiting.slice(self._group_rows)

    @property
    def waiting_bytes(self) -> int:
        """What waits for its row group to be full."""
        return int(self._waiting.nbytes)

    def flush(self) -> None:
        """Cut a row group here."""
        if self._waiting.num_rows:
            self._write_group(self._waiting)
            self._waiting = self._waiting.slice(0, 0)

    def close(self) -> None:
        """Write what waits, and the file's foot; a file without rows has one empty row group."""
        if self._groups:
            self.flush()
        else:
            self._write_group(self._waiting)
        self._writer.close()

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.close()

    def _write_group(self, group: pa.Table) -> None:
        self._writer.write_table(group.combine_chunks(), row_group_size=self._group_rows)
        self._groups += 1


def read_table(path: Path | str, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file, or all `*.parquet` of a folder in the order of their names."""
    path = Path(path)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no Parquet file in {path}")
    return pa.concat_tables([_read(file, columns) for file in files])


def open_batches(path: Path | str) -> pq.ParquetFile:
    """A Parquet file to be read by `iter_batches`, in memory that does not grow with it.

    pyarrow's default holds on to all it has read until the file is closed.
    """
    return pq.ParquetFile(path, pre_buffer=False)


def row_count(path: Path | str) -> int:
    """Rows of one Parquet file, from its footer alone."""
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def _read(path: Path, columns: list[str] | None) -> pa.Table:
    # Not pq.read_table: it would take a folder named a=b for a Hive partition and add a column.
    with pq.ParquetFile(path) as file:
        return file.read(columns=columns)
