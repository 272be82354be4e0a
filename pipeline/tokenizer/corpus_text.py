"""Reads corpus.parquet a batch of rows at a time, so that memory stays flat whatever its size."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from storage.errors import UserError

FILE = "corpus.parquet"
BATCH_ROWS = 1_000


def documents(corpus: Path, split: str, batch_rows: int = BATCH_ROWS) -> Iterator[list[dict]]:
    """(id, text) rows of one split in the corpus's order."""
    file = corpus / FILE
    if not file.is_file():
        raise UserError(f"no {FILE} in {corpus}: build the corpus first")
    parquet = pq.ParquetFile(file)
    for batch in parquet.iter_batches(batch_rows, columns=["id", "text", "split"]):
        rows = [row for row in batch.to_pylist() if row["split"] == split]
        if rows:
            yield [{"id": row["id"], "text": row["text"]} for row in rows]
