"""Makes the table that finds a page in the ledger (`storage.places`): sorted by group, then merged.

A group sorts its own keys and leaves them as plain numbers (places.keys, u8, and places.row_groups,
u4). The merge takes a span of keys at a time out of all groups: memory stays the same and each key
is read once, however many groups there are.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dedup.spill import open_numbers, partition_bits, rows_within
from storage.places import FIRST_KEYS, NAME, PLACES, id_key, url_key
from storage.tables import ShardedTableWriter

KEYS, ROW_GROUPS = "places.keys", "places.row_groups"
FILE_BYTES = 32 << 20  # `explain` reads one: small, for it may come from afar
GROUP_ROWS = 10_000  # and unpacks one row group of it
MERGE_ROW_BYTES = 64  # what merging takes in memory, a key
MERGE_BYTES = 1 << 29


class GroupPlaces:
    """Collects the keys of a group's ledger, row by row."""

    def __init__(self) -> None:
        self.rows = 0
        self._keys: list[np.ndarray] = []
        self._places: list[np.ndarray] = []  # rows of the ledger

    def add(self, ledger: pa.Table, left: Sequence[str]) -> None:
        """Rows of the ledger in order; `left` are the ids of documents that no other replaces."""
        urls = ledger["url"].combine_chunks().fill_null("")
        # A page's request and response stand side by side, and have one URL.
        known = urls.dictionary_encode()
        keys = np.array([url_key(url) for url in known.dictionary.to_pylist()], np.uint64)
        numbers = known.indices.to_numpy()
        named = np.flatnonzero(pc.binary_length(urls).to_numpy())
        self._note(keys[numbers[named]], named)
        if left:
            rows = pc.index_in(pa.array(left, pa.string()), ledger["id"].combine_chunks())
            self._note(np.array([id_key(id_) for id_ in left], np.uint64), rows.to_numpy())
        self.rows += ledger.num_rows

    def write(self, out: Path, ledger: Sequence[Path]) -> int:
        """Leave them in a folder, sorted, each with its row group among those of the shards."""
        keys = np.concatenate([np.empty(0, np.uint64), *self._keys])
        rows = np.concatenate([np.empty(0, np.int64), *self._places])
        groups = np.searchsorted(row_group_ends(ledger), rows, side="right").astype(np.uint32)
        order = np.lexsort((groups, keys))
        keys, groups = keys[order], groups[order]
        is_new = np.ones(len(keys), dtype=bool)
        is_new[1:] = (np.diff(keys) != 0) | (np.diff(groups) != 0)
        keys[is_new].astype("<u8").tofile(out / KEYS)
        groups[is_new].astype("<u4").tofile(out / ROW_GROUPS)
        return int(is_new.sum())

    def _note(self, keys: np.ndarray, rows: np.ndarray) -> None:
        self._keys.append(keys)
        self._places.append(rows.astype(np.int64) + self.rows)


def row_group_ends(paths: Sequence[Path]) -> np.ndarray:
    """At which row each row group of these files ends, counted through."""
    sizes = [
        meta.row_group(group).num_rows
        for meta in map(pq.read_metadata, paths)
        for group in range(meta.num_row_groups)
    ]
    return np.cumsum(sizes, dtype=np.int64)


def merge(groups: Sequence[Path], out: Path) -> int:
    """Write the table of all groups; gives the number of its rows."""
    keys = [open_numbers(group / KEYS, "<u8") for group in groups]
    places = [open_numbers(group / ROW_GROUPS, "<u4") for group in groups]
    total = sum(map(len, keys))
    spans = 1 << partition_bits(total, MERGE_ROW_BYTES, MERGE_BYTES)
    with ShardedTableWriter(out, NAME, PLACES, FILE_BYTES, group_rows=GROUP_ROWS) as writer:
        for span in range(spans):
            found = [rows_within(some, span, spans) for some in keys]
            counts = [rows.stop - rows.start for rows in found]
            joined = np.concatenate(
                [np.empty(0, np.uint64), *[k[rows] for k, rows in zip(keys, found)]]
            )
            row_groups = np.concatenate(
                [np.empty(0, np.uint32), *[p[rows] for p, rows in zip(places, found)]]
            )
            numbers = np.repeat(np.arange(len(groups), dtype=np.int32), counts)
            order = np.argsort(joined, kind="stable")  # groups came in their order
            columns = {
                "key": joined[order],
                "group": numbers[order],
                "row_group": row_groups[order].astype(np.int32),
            }
            writer.write(pa.table(columns, schema=PLACES))
    firsts = [_first_key(path) for path in writer.paths] if total else []
    (out / FIRST_KEYS).write_text(json.dumps(firsts) + "\n")
    return total


def _first_key(path: Path) -> int:
    return int(pq.read_metadata(path).row_group(0).column(0).statistics.min)
