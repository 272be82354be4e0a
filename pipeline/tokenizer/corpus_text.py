"""Reads a corpus one batch of rows at a time, so that memory does not grow with its size."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus.read import corpus_batches

BATCH_ROWS = 1_000


def documents(corpus: Path, split: str, batch_rows: int = BATCH_ROWS) -> Iterator[list[dict]]:
    """Batches of one split's rows, each with `id` and `text`, in the corpus's order."""
    for batch in corpus_batches(corpus, ["id", "text", "split"], batch_rows):
        rows = [row for row in batch.to_pylist() if row["split"] == split]
        if rows:
            yield [{"id": row["id"], "text": row["text"]} for row in rows]
