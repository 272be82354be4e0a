"""Arrow tables to Parquet files and back: the one writer and the one reader everybody uses.

The bytes of a file depend on the rows alone, not on how the table was put together in memory: row
groups are cut every 50,000 rows and each is made contiguous before it is written, since Parquet's
page borders would otherwise follow the chunks. Schema metadata (pandas' above all) is dropped.
"""

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
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = table.replace_schema_metadata(None)
    with pq.ParquetWriter(
        path, plain.schema, compression="zstd", compression_level=ZSTD_LEVEL
    ) as writer:
        for start in range(0, max(1, plain.num_rows), ROW_GROUP_ROWS):
            group = plain.slice(start, ROW_GROUP_ROWS).combine_chunks()
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)


def read_table(path: Path | str, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file, or all `*.parquet` of a folder in the order of their names."""
    path = Path(path)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no Parquet file in {path}")
    return pa.concat_tables([_read(file, columns) for file in files])


def row_count(path: Path | str) -> int:
    """Rows of one Parquet file, from its footer alone."""
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def _read(path: Path, columns: list[str] | None) -> pa.Table:
    # Not pq.read_table: it would take a folder named a=b for a Hive partition and add a column.
    with pq.ParquetFile(path) as file:
        return file.read(columns=columns)
