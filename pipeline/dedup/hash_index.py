"""The index of dedup: which hash was seen in which document, for all dumps so far.

A folder of plain little-endian numbers, so that files can be mapped and are never read whole:
  <band>.keys (u8, ascending) and <band>.documents (u4): the first document with each key; a band is
      a MinHash bucket (minhash-00 …) or `exact` (the first 64 bits of the text's SHA-256)
  ids (16 bytes) and keepers (u4): each document, by number, and the one that is kept instead of it
  <unit>.keys and <unit>.documents: passages found too often (pipeline.dedup.passages)
  index.json: how signatures were made, what passages are, and the WARC files that are in
Documents are numbered dump after dump, by id within one, so the smallest number is the keeper.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import from_dict, to_dict
from pipeline.dedup.config import MinhashConfig, PassageConfig
from pipeline.dedup.spill import open_numbers
from storage.errors import UserError

EXACT = "exact"
MOST_DOCUMENTS = 2**32 - 1  # numbers have 32 bits


@dataclasses.dataclass(frozen=True)
class HashIndex:
    """A stored index; without a folder an empty one."""

    folder: Path | None = None
    minhash: MinhashConfig | None = None
    passages: PassageConfig = dataclasses.field(default_factory=PassageConfig)
    warcs: tuple[str, ...] = ()

    @property
    def ids(self) -> np.ndarray:
        """[documents, 16] uint8: the id of each document."""
        return self._open("ids", "u1").reshape(-1, 16)

    @property
    def keepers(self) -> np.ndarray:
        return self._open("keepers", "<u4")

    def band(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Keys and documents of a band or of a unit of passages; empty if the index has none."""
        files = band_files(self, name)
        if files is None:
            return np.empty(0, dtype="<u8"), np.empty(0, dtype="<u4")
        return open_numbers(files[0], "<u8"), open_numbers(files[1], "<u4")

    def _open(self, name: str, dtype: str) -> np.ndarray:
        if self.folder is None:
            return np.empty(0, dtype=dtype)
        return open_numbers(self.folder / name, dtype)


def band_files(previous: HashIndex, name: str) -> tuple[Path, Path] | None:
    """The files of a band's keys and documents in an earlier index, if it has the band."""
    if previous.folder is None or not (previous.folder / f"{name}.keys").exists():
        return None
    return previous.folder / f"{name}.keys", previous.folder / f"{name}.documents"


def band_names(config: MinhashConfig, exact: bool, minhash: bool) -> list[str]:
    """The names of the bands that are compared."""
    buckets = range(config.buckets if minhash else 0)
    return [f"minhash-{bucket:02d}" for bucket in buckets] + [EXACT] * exact


def open_index(artifact: Path) -> HashIndex:
    """Open the index of an earlier `duplicates` artifact; UserError if it has none."""
    folder = artifact / "index"
    try:
        head: dict[str, Any] = json.loads((folder / "index.json").read_text())
    except FileNotFoundError:
        raise UserError(f"no dedup index in {artifact}: name a `duplicates` artifact") from None
    return HashIndex(
        folder,
        from_dict(MinhashConfig, head["minhash"]),
        from_dict(PassageConfig, head["passages"]),
        tuple(head["warcs"]),
    )


def write_head(
    folder: Path, minhash: MinhashConfig, passages: PassageConfig, warcs: list[str]
) -> None:
    """Write the description of an index, from which it is opened again."""
    head = {"minhash": to_dict(minhash), "passages": to_dict(passages), "warcs": warcs}
    (folder / "index.json").write_text(json.dumps(head, sort_keys=True) + "\n")


def check_previous(previous: HashIndex, minhash: MinhashConfig, warcs: list[str]) -> None:
    """Raise UserError if these files can't be compared with the index, or are in it already."""
    if previous.minhash is not None and previous.minhash != minhash:
        raise UserError(
            "the previous dedup index was made with other MinHash settings than these parts:"
            " make the parts with the same scan.minhash, or start without a previous index"
        )
    known = frozenset(previous.warcs)
    again = [warc for warc in warcs if warc in known]
    if again:
        raise UserError(
            f"{again[0]} is in the previous dedup index already ({len(again)} of {len(warcs)} files"
            " are): each page would be a duplicate of itself; leave these files out"
        )


def id_bytes(ids: list[str]) -> np.ndarray:
    """Ids of 32 hex digits as [ids, 16] uint8."""
    try:
        joined = bytes.fromhex("".join(ids))
    except ValueError:
        joined = b""
    if len(joined) != 16 * len(ids):
        wrong = next((i for i in ids if len(i) != 32 or set(i) - set("0123456789abcdef")), "")
        raise RuntimeError(f"a document's id is no 32 hex digits: {wrong!r}")
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, 16)


def id_texts(rows: np.ndarray) -> list[str]:
    """The inverse of `id_bytes`."""
    digits = np.ascontiguousarray(rows).tobytes().hex()
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]
