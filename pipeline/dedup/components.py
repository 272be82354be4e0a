"""From pairs to clusters: for every document the one that is kept instead of it, or itself.

The keeper is the document of the earliest dump, and within a dump the one with the smallest id: ids
are hashes of file, offset and address, so the choice is random but does not depend on the order of
files or workers. What an earlier dump decided is not changed: a page that links two of its clusters
is dropped for the first one's keeper, and both clusters stay as they are.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from pipeline.dedup import _components
from pipeline.dedup.spill import KEYED, Spill, open_numbers, partition_bits

PAIRS_AT_ONCE = 1 << 20
DOCUMENTS_AT_ONCE = 1 << 22
MEMBER_ROW_BYTES = 48  # memory for sorting, a row


def cluster(pairs: Iterable[Path], earlier_keepers: np.ndarray, total: int) -> np.ndarray:
    """The keeper of each document.

    Args:
        pairs: files of pairs of documents that match.
        earlier_keepers: of the documents of earlier dumps; they don't change.
        total: documents, those of earlier dumps included.

    Returns:
        [total]: the number of the document that is kept instead, or its own.
    """
    earlier = len(earlier_keepers)
    parents = np.arange(total, dtype=np.uint32)
    for path in pairs:
        for some in read_pairs(path):
            old = np.flatnonzero(some[:, 0] < earlier)
            some[old, 0] = earlier_keepers[some[old, 0]]
            _components.join(parents, some)
    _components.flatten(parents)
    parents[:earlier] = earlier_keepers
    return parents


def read_pairs(path: Path) -> Iterable[np.ndarray]:
    """The pairs of a file, some at a time."""
    stored = open_numbers(path, "<u4").reshape(-1, 2)
    for start in range(0, len(stored), PAIRS_AT_ONCE):
        yield np.array(stored[start : start + PAIRS_AT_ONCE], dtype=np.uint32)


def counts(keepers: np.ndarray, earlier: int) -> tuple[int, int]:
    """How many documents after the first `earlier` are kept, and how many are copies of earlier
    dumps' documents.
    """
    kept = of_earlier = 0
    for start in range(earlier, len(keepers), DOCUMENTS_AT_ONCE):
        some = keepers[start : start + DOCUMENTS_AT_ONCE]
        kept += int((some == np.arange(start, start + len(some), dtype=np.uint32)).sum())
        of_earlier += int((some < earlier).sum())
    return kept, of_earlier


def copies(exact_pairs: Path, earlier: int, total: int) -> np.ndarray:
    """[total - earlier] bool: whether a document has the same text as one with a lower number."""
    is_copy = np.zeros(total - earlier, dtype=bool)
    for some in read_pairs(exact_pairs):
        is_copy[some[:, 1] - earlier] = True
    return is_copy


def memberships(
    keepers: np.ndarray, earlier: int, scratch: Path, memory_bytes: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Members (document, keeper) of every cluster of two or more that has a new document in it.

    In the order of keeper and document, some at a time: sorted on disk, so that two passes over the
    documents are enough, however many there are.
    """
    total = len(keepers)
    is_shared = np.zeros(total, dtype=bool)  # the keepers of such clusters
    for start in range(earlier, total, DOCUMENTS_AT_ONCE):
        some = keepers[start : start + DOCUMENTS_AT_ONCE]
        own = np.arange(start, start + len(some), dtype=np.uint32)
        is_shared[some[some != own]] = True
    shift = np.uint64(64 - max(1, total.bit_length()))  # the top bits divide keepers evenly
    bits = partition_bits(total, MEMBER_ROW_BYTES, memory_bytes)
    spill = Spill(scratch, "members", bits)
    for start in range(0, total, DOCUMENTS_AT_ONCE):
        some = keepers[start : start + DOCUMENTS_AT_ONCE]
        members = np.flatnonzero(is_shared[some])
        rows = np.empty(len(members), dtype=KEYED)
        rows["key"] = some[members].astype(np.uint64) << shift
        rows["document"] = members + start
        spill.add(rows)
    spill.flush()
    del is_shared
    for path in spill.paths:
        rows = np.fromfile(path, dtype=KEYED)
        path.unlink()
        if len(rows):
            # stable: documents came in their order
            rows = rows[np.argsort(rows["key"], kind="stable")]
            yield rows["document"], (rows["key"] >> shift).astype(np.uint32)
