"""Numbers for documents and pairs of equal keys, sorted on disk, band by band.

A band is a MinHash bucket or the texts' exact hash. Its rows (key, document) are spread over files
by key; `band_pairs` sorts them file by file, pairs equal keys with one another and with the index
of earlier dumps, and writes the new index of that band. It is a function of files alone, so that a
cluster can run one task for each band.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipeline.dedup.hash_index import MOST_DOCUMENTS
from pipeline.dedup.spill import KEYED, Spill, open_numbers, partition_bits, rows_within
from storage.errors import UserError

SORTED_ID = np.dtype([("high", "u8"), ("low", "u8"), ("position", "u4")])
# memory for sorting, a row: the row, its order, the sorted row, and the result
BAND_ROW_BYTES = 56
ID_ROW_BYTES = 64


def number_documents(
    ids: Iterable[np.ndarray],
    total: int,
    first: int,
    earlier_ids: np.ndarray,
    out: Path,
    scratch: Path,
    memory_bytes: int,
) -> np.ndarray:
    """Number documents from `first` on in the order of their ids; give numbers by position.

    `ids` are batches of 16-byte rows in the order of the input, `total` in all. Writes the file
    of ids by number, the earlier dumps' before these.
    """
    if first + total > MOST_DOCUMENTS:
        raise UserError(
            f"{first + total:,} documents with those of earlier dumps: a dedup index holds"
            f" {MOST_DOCUMENTS:,}; start without a previous index, or deduplicate dump by dump"
        )
    spill = Spill(scratch, "ids", partition_bits(total, ID_ROW_BYTES, memory_bytes), "high")
    position = 0
    for batch in ids:
        rows = np.empty(len(batch), dtype=SORTED_ID)
        pairs = np.ascontiguousarray(batch).view(">u8")
        rows["high"], rows["low"] = pairs[:, 0], pairs[:, 1]
        rows["position"] = np.arange(position, position + len(batch), dtype=np.uint32)
        position += len(batch)
        spill.add(rows)
    spill.flush()
    if position != total:
        raise RuntimeError(f"{position} documents came, {total} were announced")
    numbers = _scratch_numbers(scratch / "numbers", total)
    with out.open("wb") as file:
        for start in range(0, len(earlier_ids), 1 << 20):
            file.write(earlier_ids[start : start + (1 << 20)].tobytes())
        for path in spill.paths:
            rows = np.fromfile(path, dtype=SORTED_ID)
            path.unlink()
            high, low = rows["high"], rows["low"]
            order = np.lexsort((low, high))
            same = (np.diff(high[order]) == 0) & (np.diff(low[order]) == 0)
            if same.any():
                raise UserError("the same page stands in two parts: is a WARC file given twice?")
            numbers[rows["position"][order]] = np.arange(first, first + len(rows), dtype=np.uint32)
            first += len(rows)
            file.write(np.stack([high[order], low[order]], axis=1).astype(">u8").tobytes())
    return numbers


def _scratch_numbers(path: Path, total: int) -> np.ndarray:
    if not total:
        return np.empty(0, dtype=np.uint32)
    return np.memmap(path, dtype="<u4", mode="w+", shape=(total,))


def keyed(keys: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """Keys and documents as rows for a band's spill."""
    rows = np.empty(len(keys), dtype=KEYED)
    rows["key"], rows["document"] = keys, documents
    return rows


def band_pairs(
    partitions: list[Path],
    earlier: tuple[Path, Path] | None,
    out: tuple[Path, Path],
    pairs: Path,
) -> int:
    """Pairs of documents that share a key, and the index of this band with these documents in it.

    In: the band's partition files, in order, and the earlier index (files of keys and documents).
    Out: `out` likewise, and in `pairs` for each document that has a key another had first: the
    first document with it (of the earliest dump, then the smallest number), the document. Gives
    the number of pairs.
    """
    empty = np.empty(0, dtype="<u8"), np.empty(0, dtype="<u4")
    old_keys, old_documents = empty
    if earlier is not None:
        old_keys, old_documents = open_numbers(earlier[0], "<u8"), open_numbers(earlier[1], "<u4")
    found = 0
    with (
        out[0].open("wb") as keys_file,
        out[1].open("wb") as documents_file,
        pairs.open("wb") as pairs_file,
    ):
        for number, path in enumerate(partitions):
            known = rows_within(old_keys, number, len(partitions))
            made = _partition_pairs(
                np.fromfile(path, dtype=KEYED),
                np.asarray(old_keys[known]),
                np.asarray(old_documents[known]),
            )
            keys_file.write(made[0].tobytes())
            documents_file.write(made[1].tobytes())
            pairs_file.write(made[2].tobytes())
            found += len(made[2])
    return found


def _partition_pairs(
    rows: np.ndarray, old_keys: np.ndarray, old_documents: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys and documents of the index, and the pairs, of one partition."""
    if not len(rows):
        return old_keys, old_documents, np.empty((0, 2), dtype="<u4")
    order = np.argsort(rows["key"])
    keys, documents = rows["key"][order], rows["document"][order]
    del rows, order
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    keys = keys[starts]
    firsts = np.minimum.reduceat(documents, starts)
    is_known = np.zeros(len(keys), dtype=bool)
    if len(old_keys):
        places = np.minimum(np.searchsorted(old_keys, keys), len(old_keys) - 1)
        is_known = old_keys[places] == keys
        firsts[is_known] = old_documents[places[is_known]]
    sizes = np.diff(starts, append=len(documents))
    first_of_each = np.repeat(firsts, sizes)
    others = first_of_each != documents
    pairs = np.stack([first_of_each[others], documents[others]], axis=1).astype("<u4")
    if is_known.all():
        return old_keys, old_documents, pairs
    new_keys, new_documents = keys[~is_known], firsts[~is_known]
    if len(old_keys):
        new_keys = np.concatenate([old_keys, new_keys])
        new_documents = np.concatenate([old_documents, new_documents])
        order = np.argsort(new_keys, kind="stable")
        new_keys, new_documents = new_keys[order], new_documents[order]
    return new_keys.astype("<u8"), new_documents.astype("<u4"), pairs
