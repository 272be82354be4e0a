"""Lines and paragraphs that many documents have: found by sorting hashes on disk, then removed.

A passage is compared by its folded words (without case, digits and punctuation, as CCNet does). It
counts once a document. `find` writes those that more documents have than allowed, with the first
document that has each; `Remover` removes them from a text. Passages that were found in an earlier
dump are removed from all later ones.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipeline.dedup import _words, minhash
from pipeline.dedup.bands import keyed
from pipeline.dedup.config import PassageConfig
from pipeline.dedup.hash_index import HashIndex
from pipeline.dedup.spill import KEYED, Spill, partition_bits, rows_within
from pipeline.unspaced import count_words

# unit -> whether it is a paragraph, what separates it from the next
UNITS = {"paragraphs": (True, "\n\n"), "lines": (False, "\n")}
PASSAGE_ROW_BYTES = 48
assert minhash.normalize("x") == "x"  # folding is set up by that module


def limits(config: PassageConfig) -> dict[str, int]:
    """How many documents may have the same passage, by the units that are looked at."""
    given = {
        "paragraphs": config.max_documents_per_paragraph,
        "lines": config.max_documents_per_line,
    }
    return {unit: limit for unit, limit in given.items() if limit > 0}


def hashes(text: str, unit: str) -> np.ndarray:
    """The hash and the number of words of each passage, in order."""
    stored = _words.passages(text, UNITS[unit][0])
    return np.frombuffer(stored, dtype="<u8").reshape(-1, 2)


def spill(
    texts: Iterable[tuple[int, str]],
    expected_characters: int,
    config: PassageConfig,
    scratch: Path,
    memory_bytes: int,
) -> dict[str, Spill]:
    """Write the hashes of all passages of numbered documents to disk, each once a document."""
    rows = expected_characters // 40  # a line has about 40 characters or more
    bits = partition_bits(rows, PASSAGE_ROW_BYTES, memory_bytes)
    spills = {unit: Spill(scratch, unit, bits) for unit in limits(config)}
    for document, text in texts:
        for unit, spilled in spills.items():
            found = hashes(text, unit)
            keys = np.unique(found[found[:, 1] >= max(1, config.min_words), 0])
            spilled.add(keyed(keys, np.full(len(keys), document)))
    for spilled in spills.values():
        spilled.flush()
    return spills


def find(partitions: list[Path], limit: int, earlier: HashIndex, unit: str, out: Path) -> int:
    """Write keys and first documents of the passages that more than `limit` documents have.

    Those of the earlier index are kept. Returns how many there are in all.
    """
    old_keys, old_documents = earlier.band(unit)
    count = 0
    out.mkdir(parents=True, exist_ok=True)
    with (
        (out / f"{unit}.keys").open("wb") as keys_file,
        (out / f"{unit}.documents").open("wb") as documents_file,
    ):
        for number, path in enumerate(partitions):
            rows = np.fromfile(path, dtype=KEYED)
            order = np.argsort(rows["key"])
            keys, documents = rows["key"][order], rows["document"][order]
            starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
            often = np.diff(starts, append=len(keys)) > limit
            firsts = np.minimum.reduceat(documents, starts) if len(keys) else documents
            known = rows_within(old_keys, number, len(partitions))
            # where a key is in both, the earlier dump's document comes first and stays
            keys = np.concatenate([old_keys[known], keys[starts][often]])
            documents = np.concatenate([old_documents[known], firsts[often]])
            keys, places = np.unique(keys, return_index=True)
            keys_file.write(keys.astype("<u8").tobytes())
            documents_file.write(documents[places].astype("<u4").tobytes())
            count += len(keys)
    return count


@dataclasses.dataclass(frozen=True)
class Removed:
    """A text without its frequent passages, and how much was removed."""

    text: str
    passages: int
    characters: int
    words_left: int


class Remover:
    """Removes the passages of an index from texts."""

    def __init__(self, index: HashIndex, config: PassageConfig) -> None:
        self.config = config
        self.ids = index.ids
        self.bands = {unit: index.band(unit) for unit in limits(config)}

    def remove(self, id_: bytes, text: str) -> Removed:
        """The text of the document with this id (16 bytes), without frequent passages."""
        passages = 0
        left = text
        for unit, (keys, documents) in self.bands.items():
            parting = UNITS[unit][1]
            found = hashes(left, unit)
            frequent = self._frequent(found, keys, documents, id_)
            if frequent.any():
                pieces = left.split(parting)
                left = parting.join(
                    piece for piece, goes in zip(pieces, frequent.tolist()) if not goes
                )
                passages += int(frequent.sum())
        if not passages:
            return Removed(text, 0, 0, -1)
        return Removed(left, passages, len(text) - len(left), count_words(left))

    def _frequent(
        self, found: np.ndarray, keys: np.ndarray, documents: np.ndarray, id_: bytes
    ) -> np.ndarray:
        wanted = found[:, 0]
        if not len(keys):
            return np.zeros(len(wanted), dtype=bool)
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        frequent = (keys[places] == wanted) & (found[:, 1] >= max(1, self.config.min_words))
        if self.config.keep_first:
            for index in np.flatnonzero(frequent):
                frequent[index] = self.ids[documents[places[index]]].tobytes() != id_
        return frequent
