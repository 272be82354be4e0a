"""From pairs to clusters: for every document the one that is kept instead of it, or itself.

The keeper is the document of the earliest dump, and within a dump the one with the smallest id: ids
are hashes of file, place and address, so it is a draw that no order of files or workers changes.
What an earlier dump decided stands: a page that links two of its clusters is dropped for the first
and leaves both as they are.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipeline.dedup import _components
from pipeline.dedup.spill import open_numbers

PAIRS_AT_ONCE = 1 << 20


def cluster(pairs: Iterable[Path], earlier_keepers: np.ndarray, total: int) -> np.ndarray:
    """The keeper of each of `total` documents, those of earlier dumps first (as they were)."""
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


def copies(exact_pairs: Path, earlier: int, total: int) -> np.ndarray:
    """Which of the documents beyond the first `earlier` have the same text as one before them."""
    is_copy = np.zeros(total - earlier, dtype=bool)
    for some in read_pairs(exact_pairs):
        is_copy[some[:, 1] - earlier] = True
    return is_copy


def memberships(
    keepers: np.ndarray, earlier: int, keepers_at_once: int = 1 << 22
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Members (document, keeper) of every cluster of two or more that has a new document in it.

    In the order of keeper and document, some at a time.
    """
    total = len(keepers)
    is_shared = np.zeros(total, dtype=bool)  # the keepers of such clusters
    for start in range(earlier, total, keepers_at_once):
        some = keepers[start : start + keepers_at_once]
        own = np.arange(start, start + len(some), dtype=np.uint32)
        is_shared[some[some != own]] = True
    for low in range(0, total, keepers_at_once):
        high = low + keepers_at_once
        if not is_shared[low:high].any():
            continue
        documents = []
        for start in range(low, total, keepers_at_once):  # a keeper stands before its members
            some = keepers[start : start + keepers_at_once]
            inside = np.flatnonzero((some >= low) & (some < high))
            documents.append((inside[is_shared[some[inside]]] + start).astype(np.uint32))
        members = np.concatenate(documents)
        order = np.argsort(keepers[members], kind="stable")
        yield members[order], keepers[members[order]]
