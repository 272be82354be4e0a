"""Sorting what does not fit into memory: rows spread over files by the top bits of a 64-bit key.

Keys are hashes, so every file gets about the same number of rows; if each file is sorted by itself,
the files in their order are sorted as a whole. A file is small enough to be sorted within the
memory given.
"""

from pathlib import Path

import numpy as np

# a hash and the number of the document it belongs to, packed: 12 bytes. Spills are scratch and have
# the machine's own byte order (concatenate would turn another one round).
KEYED = np.dtype([("key", "u8"), ("document", "u4")])
MOST_PARTITIONS = 4096


def partition_bits(rows: int, row_bytes: int, memory_bytes: int) -> int:
    """How many top bits divide `rows` so that a partition, at `row_bytes` a row, fits in memory."""
    bits = 0
    while rows * row_bytes > memory_bytes << bits and 1 << bits < MOST_PARTITIONS:
        bits += 1
    return bits


def partition_paths(folder: Path, name: str, bits: int) -> list[Path]:
    """The files of one spill, in the order of their keys."""
    return [folder / f"{name}-{number:04d}" for number in range(1 << bits)]


class Spill:
    """Writes rows of one dtype to the files of their keys' partitions."""

    def __init__(
        self, folder: Path, name: str, bits: int, key: str = "key", buffer_rows: int = 1 << 16
    ) -> None:
        self.paths = partition_paths(folder, name, bits)
        self.rows = 0
        self._bits = bits
        self._key = key
        self._buffer_rows = buffer_rows
        self._waiting: list[np.ndarray] = []
        self._waiting_rows = 0
        folder.mkdir(parents=True, exist_ok=True)
        for path in self.paths:
            path.write_bytes(b"")

    def add(self, rows: np.ndarray) -> None:
        """Add rows, in any order."""
        self.rows += len(rows)
        self._waiting.append(rows)
        self._waiting_rows += len(rows)
        if self._waiting_rows >= self._buffer_rows:
            self.flush()

    def flush(self) -> None:
        """Write the buffered rows to disk."""
        if not self._waiting_rows:
            return
        rows = np.concatenate(self._waiting)
        self._waiting, self._waiting_rows = [], 0
        if not self._bits:
            _append(self.paths[0], rows)
            return
        place = (rows[self._key] >> np.uint64(64 - self._bits)).astype(np.uint16)
        order = np.argsort(place, kind="stable")
        rows = rows[order]
        ends = np.cumsum(np.bincount(place, minlength=len(self.paths)))
        start = 0
        for path, end in zip(self.paths, ends.tolist()):
            if end > start:
                _append(path, rows[start:end])
            start = end


def _append(path: Path, rows: np.ndarray) -> None:
    with path.open("ab") as file:
        file.write(rows.tobytes())


def key_range(number: int, partitions: int) -> tuple[int, int]:
    """The first and the last key of a partition."""
    size = (1 << 64) // partitions
    return number * size, (number + 1) * size - 1


def rows_within(keys: np.ndarray, number: int, partitions: int) -> slice:
    """The slice of ascending keys that belong to a partition."""
    low, high = key_range(number, partitions)
    start = int(np.searchsorted(keys, np.uint64(low)))
    return slice(start, int(np.searchsorted(keys, np.uint64(high), side="right")))


def open_numbers(path: Path, dtype: str) -> np.ndarray:
    """A file of plain numbers, mapped into memory; FileNotFoundError if there is none."""
    if not path.stat().st_size:  # which can't be mapped
        return np.empty(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")
