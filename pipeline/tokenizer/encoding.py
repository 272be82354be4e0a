"""A corpus to token ids, batch after batch, on all cores.

Batches are cut by rows and bytes of the corpus alone, and are returned in the corpus's order: the
number of processes changes nothing. At most a few megabytes of text a process are in memory.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.cores import cores
from pipeline.corpus.read import corpus_batches, corpus_files
from pipeline.in_order import in_order
from pipeline.tokenizer.tokenizer import Tokenizer
from storage.tables import streamed

BATCH_BYTES = 1 << 20  # of text given to a process at once; one document may be more
WORTH_PROCESSES = 32 << 20  # bytes of text: starting a process takes as long as encoding some MB


class DocumentBatch(NamedTuple):
    """Some documents of one split."""

    split: str
    rows: np.ndarray  # [documents]: their row numbers in the corpus
    ids: pa.Array
    bytes: np.ndarray  # [documents]: of each text, in UTF-8


class Encoded(NamedTuple):
    """The tokens of some documents."""

    tokens: np.ndarray  # [tokens]: one document after another, each after the document token
    lengths: np.ndarray  # [documents]: tokens of each


def split_sizes(corpus: Path) -> dict[str, int]:
    """How many documents each split has."""
    found: dict[str, int] = {}
    for batch in corpus_batches(corpus, ["split"], 65_536):
        for row in pc.value_counts(batch["split"]).to_pylist():
            found[row["values"]] = found.get(row["values"], 0) + row["counts"]
    return found


def text_bytes(corpus: Path) -> int:
    """About how many bytes of text there are, from the Parquet files' footers alone."""
    total = 0
    for path in corpus_files(corpus):
        meta = pq.read_metadata(path)
        place = meta.schema.names.index("text")
        groups = (meta.row_group(group) for group in range(meta.num_row_groups))
        total += sum(group.column(place).total_uncompressed_size for group in groups)
    return total


def encoded(
    corpus: Path,
    starts: Mapping[str, int],
    tokenizer_folder: Path,
    dtype: type,
    batch_documents: int,
    processes: int = 0,
) -> Iterator[tuple[DocumentBatch, Encoded]]:
    """The documents of the corpus, encoded.

    Args:
        corpus: the artifact's folder.
        starts: for each split, the first row of the corpus to encode.
        tokenizer_folder: the tokenizer's.
        dtype: of the token ids.
        batch_documents: at most so many documents a batch.
        processes: 0: as many as speed it up.
    """
    if not processes:
        processes = cores() if text_bytes(corpus) >= WORTH_PROCESSES else 1
    threads = cores() if processes == 1 else 1
    pieces = batches(corpus, starts, batch_documents)
    yield from in_order(pieces, _encoder, (tokenizer_folder, dtype, threads), processes)


def batches(
    corpus: Path, starts: Mapping[str, int], batch_documents: int
) -> Iterator[tuple[DocumentBatch, pa.Array]]:
    """Documents and their texts; arguments as for `encoded`."""
    for row, batch in _from_row(corpus, min(starts.values()), batch_documents):
        places = np.arange(row, row + batch.num_rows)
        for split, start in starts.items():
            chosen = pc.equal(batch["split"], split).to_numpy(zero_copy_only=False)
            chosen &= places >= start
            if not chosen.any():
                continue
            # filtered, so that what is pickled is these texts and not the batch they came in
            some = batch.filter(pa.array(chosen))
            sizes = pc.binary_length(some["text"]).to_numpy().astype(np.int64)
            number = (np.cumsum(sizes) - sizes) // BATCH_BYTES
            cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(sizes)]
            for first, end in itertools.pairwise(cuts):
                part = some if len(cuts) == 2 else some.take(np.arange(first, end))
                documents = DocumentBatch(
                    split, places[chosen][first:end], part["id"], sizes[first:end]
                )
                yield documents, part["text"]


def _from_row(corpus: Path, first: int, batch_rows: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches with the number of their first row; row groups wholly before `first` are skipped."""
    row = 0
    for path in corpus_files(corpus):
        with streamed(path) as file:
            groups: list[int] = []
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if not groups and row + rows <= first:
                    row += rows
                else:
                    groups.append(group)
            columns = ["id", "text", "split"]
            for batch in file.iter_batches(batch_rows, row_groups=groups, columns=columns):
                yield row, batch
                row += batch.num_rows


def _encoder(folder: Path, dtype: type, threads: int) -> Callable[[pa.Array], Encoded]:
    tokenizer = Tokenizer.load(folder)

    def encode(texts: pa.Array) -> Encoded:
        documents = tokenizer.encode_batch(texts.to_pylist(), threads)
        lengths = np.array([1 + len(ids) for ids in documents], dtype=np.int64)
        tokens: np.ndarray = np.empty(int(lengths.sum()), dtype=dtype)
        at = 0
        for ids in documents:
            tokens[at] = tokenizer.document_token
            tokens[at + 1 : at + 1 + len(ids)] = ids
            at += 1 + len(ids)
        return Encoded(tokens, lengths)

    return encode
