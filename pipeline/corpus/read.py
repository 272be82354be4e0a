"""Reads what the corpus stages leave: a corpus of one file a language, tables sorted by part.

`corpus_table` is for whoever fits the corpus into memory, `corpus_batches` for whoever does not.
Files come in the order of their languages' names, rows in the order of the parts they are from.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dedup.index import id_bytes
from storage.errors import UserError
from storage.tables import open_batches

UNKNOWN_LANGUAGE = "und"
SIGNATURES_AT_ONCE = 8_192  # 7 MB


def corpus_files(corpus: Path) -> list[Path]:
    """The files of a corpus, at least one."""
    files = sorted(corpus.glob("corpus-*.parquet"))
    if not files:
        raise UserError(f"no corpus-<language>.parquet in {corpus}: build the corpus first")
    return files


def corpus_table(corpus: Path, columns: list[str] | None = None) -> pa.Table:
    """All rows of a corpus."""
    tables = []
    for path in corpus_files(corpus):
        with pq.ParquetFile(path) as file:
            tables.append(file.read(columns=columns))
    return pa.concat_tables(tables)


def corpus_batches(
    corpus: Path, columns: list[str] | None = None, batch_rows: int = 1_000
) -> Iterator[pa.RecordBatch]:
    """The same, some rows at a time."""
    for path in corpus_files(corpus):
        with open_batches(path) as file:
            yield from file.iter_batches(batch_rows, columns=columns)


def by_part(path: Path, parts: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of each part in turn, of a file that is sorted by its column `part`."""
    with open_batches(path) as file:
        if columns is not None:
            columns = [*columns, "part"]
        waiting = file.schema_arrow.empty_table()
        waiting = waiting if columns is None else waiting.select(columns)
        batches = file.iter_batches(columns=columns)
        for part in range(parts):
            # rows of a later part say that this one is complete
            while not waiting.num_rows or waiting["part"][-1].as_py() <= part:
                batch = next(batches, None)
                if batch is None:
                    break
                waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
            count = int(np.searchsorted(waiting["part"].to_numpy(), part, side="right"))
            yield waiting.slice(0, count)
            waiting = waiting.slice(count).combine_chunks()
        if waiting.num_rows or next(batches, None) is not None:
            raise RuntimeError(f"{path} has rows of more than {parts} parts")


def selected_counts(selection: Path, parts: int) -> list[int]:
    """How many pages of each part are selected."""
    return [
        pc.sum(pc.equal(rows["outcome"], "kept")).as_py() or 0
        for rows in by_part(selection, parts, ["outcome"])
    ]


def selected(
    parts: list[Path], selection: Path, columns: list[str], file: str = "signatures.parquet"
) -> Iterator[tuple[int, np.ndarray, pa.Table]]:
    """The selected pages, some at a time: part, ids (16 bytes each), columns of a part's file."""
    chosen = by_part(selection, len(parts), ["id", "outcome"])
    for number, (part, rows) in enumerate(zip(parts, chosen, strict=True)):
        kept = pc.equal(rows["outcome"], "kept")
        done = 0
        with open_batches(part / file) as stored:
            for batch in stored.iter_batches(SIGNATURES_AT_ONCE, columns=["id", *columns]):
                some = pa.Table.from_batches([batch])
                if not some["id"].equals(rows["id"].slice(done, some.num_rows)):
                    raise RuntimeError(f"the selection is of other pages than those of {part}")
                some = some.filter(kept.slice(done, some.num_rows))
                done += batch.num_rows
                if some.num_rows:
                    yield number, id_bytes(some["id"].to_pylist()), some
        if done != rows.num_rows:
            raise RuntimeError(f"the selection has {rows.num_rows} pages of {part}, not {done}")
