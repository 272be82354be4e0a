"""Reads what the corpus stages leave: a corpus in files by language, tables sorted by part.

Everybody who reads a corpus finds its files by `corpus_files`: whether it lies in groups or in one
folder makes no difference. Files come in the order of their languages' names, and of one language
in the order of the parts they are from. `corpus_table` is for whoever fits the corpus into memory,
`corpus_batches` for whoever does not.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dedup.hash_index import id_bytes
from storage.errors import UserError
from storage.grouped import members, shards
from storage.tables import read_table, streamed

UNKNOWN_LANGUAGE = "und"
SELECTION_FILE = "selection.parquet"
SELECTION_HEAD = "selection.json"
SHARD = re.compile(r"-\d{5}$")  # of a file's name: the number among those of its language
SIGNATURES_AT_ONCE = 8_192  # 7 MB


class GroupsInputs(TypedDict):
    """What an artifact is joined from."""

    groups: list[Path]  # the artifacts of all groups, in order


class SelectionHead(TypedDict):
    """selection.json of a group: what the whole selection is counted from."""

    selected: list[int]  # pages, of each part
    stages: dict[str, int]  # pages that each stage dropped; those kept under ""
    languages: dict[str, int]  # pages kept


def selection_head(group: Path) -> SelectionHead:
    """That of a selection's group."""
    head: SelectionHead = json.loads((group / SELECTION_HEAD).read_text())
    return head


def corpus_files(corpus: Path) -> list[Path]:
    """The files of a corpus, at least one.

    Raises:
        UserError: there is none.
    """
    files = [path for folder in members(corpus) for path in sorted(folder.glob("corpus-*.parquet"))]
    if not files:
        raise UserError(f"no corpus-<language>.parquet in {corpus}: build the corpus first")
    return sorted(files, key=lambda path: SHARD.sub("", path.stem))  # stable: groups stay in order


def check_text(part: Path, texts: pa.Array | pa.ChunkedArray) -> None:
    """UserError where a part's pages have lost their text; one without any has an empty one."""
    if texts.null_count:
        raise UserError(
            f"{part}: its text was dropped meanwhile (input.keep_raw_text = false): run again"
        )


def ledger_table(corpus: Path) -> pa.Table:
    """All rows of a corpus's ledger, for whoever has the memory."""
    return pa.concat_tables(read_table(path) for path in shards(corpus, "ledger"))


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
        with streamed(path) as file:
            yield from file.iter_batches(batch_rows, columns=columns)


def by_part(path: Path, parts: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of each part in turn.

    Args:
        path: of a Parquet file that is sorted by its column `part`.
        parts: how many there are; a part without rows gives an empty table.
        columns: to read, besides `part`; None: all.

    Raises:
        RuntimeError: there are rows of more parts.
    """
    with streamed(path) as file:
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


def counts_of(selection: Path) -> list[list[int]]:
    """How many pages of each part are selected, group by group."""
    return [selection_head(group)["selected"] for group in members(selection)]


def selected_counts(selection: Path, parts: int) -> list[int]:
    """How many pages of each of so many parts are selected.

    Raises:
        RuntimeError: the selection is of another number of parts.
    """
    counts = [count for group in counts_of(selection) for count in group]
    if len(counts) != parts:
        raise RuntimeError(f"{selection} is of {len(counts)} parts, not of {parts}")
    return counts


def selections(selection: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of each part in turn, of one group or of all."""
    for group, counts in zip(members(selection), counts_of(selection), strict=True):
        yield from by_part(group / SELECTION_FILE, len(counts), columns)


def selected_ids(selection: Path) -> Iterator[np.ndarray]:
    """The ids of the selected pages (16 bytes each) in the order of the parts."""
    for rows in selections(selection, ["id", "outcome"]):
        yield id_bytes(rows.filter(pc.equal(rows["outcome"], "kept"))["id"].to_pylist())


def selected(
    parts: list[Path], selection: Path, columns: list[str], file: str = "signatures.parquet"
) -> Iterator[tuple[int, np.ndarray, pa.Table]]:
    """The selected pages, some at a time.

    Args:
        parts: folders, in the order of the selection.
        selection: over just these parts.
        columns: of the parts' file, besides `id`.
        file: its name.

    Yields:
        The part's number, the pages' ids (16 bytes each), `id` and the columns.

    Raises:
        RuntimeError: the selection is of other pages than the parts'.
    """
    selected_counts(selection, len(parts))
    chosen = selections(selection, ["id", "outcome"])
    for number, (part, rows) in enumerate(zip(parts, chosen, strict=True)):
        kept = pc.equal(rows["outcome"], "kept")
        done = 0
        with streamed(part / file) as stored:
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
