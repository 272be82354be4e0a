"""Gold pages from a folder: HTML to segments, gold text or segments to a label a block.

The folder holds `*.jsonl.gz`, a collection each, a page a line: id, host, html, weight, and either
`gold` (the main text) or `wanted` and `unwanted` (lists of segments; blocks in neither stay without
a label) or `labels` (a number a block, or null). A page whose gold text is mostly not in it is left
out.
"""

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.extract.learn.align import shares, tokens
from pipeline.extract.segment import Segments, segment

MIN_GOLD_FOUND = 0.7  # of the gold text's tokens
MAX_BLOCKS = 6000
FOLDS = 3
HELD_OUT = 5  # every fifth host


@dataclasses.dataclass(frozen=True)
class Page:
    """A page with a label from 0 to 1 a block; NaN where nothing is known."""

    id: str
    collection: str
    kind: str  # article, forum, …; may be empty
    host: str
    segments: Segments
    gold: str
    labels: np.ndarray
    tokens: np.ndarray  # a block
    weight: float

    @property
    def fold(self) -> int:
        """Hosts are spread over folds: a forest never judges a host it was trained on."""
        return _spread(self.host, "fold") % FOLDS

    @property
    def held_out(self) -> bool:
        """Whether its host is kept for validation."""
        return _spread(self.host, "held out") % HELD_OUT == 0


def _spread(host: str, purpose: str) -> int:
    digest = hashlib.blake2b(f"{purpose} {host}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def page_of(record: dict, collection: str) -> Page | None:
    """The page of one line, or None where its gold text is mostly not in it."""
    segments = segment(record["html"])
    texts = segments.texts
    if not texts or len(texts) > MAX_BLOCKS:
        return None
    counts = np.array([len(tokens(text)) for text in texts], np.float64)
    gold = record.get("gold") or ""
    if gold:
        labels = shares(texts, gold)
        if np.nansum(labels * counts) < MIN_GOLD_FOUND * len(tokens(gold)):
            return None
    elif record.get("labels"):
        labels = np.array([np.nan if value is None else value for value in record["labels"]], float)
        if len(labels) != len(texts):
            return None
    else:
        labels = _from_segments(texts, record["wanted"], record["unwanted"])
    return Page(
        record["id"],
        collection,
        record.get("kind") or "",
        record["host"],
        segments,
        gold,
        labels,
        counts,
        float(record.get("weight", 1.0)),
    )


def _from_segments(texts: list[str], wanted: list[str], unwanted: list[str]) -> np.ndarray:
    labels = np.full(len(texts), np.nan)
    for pieces, value in ((unwanted, 0.0), (wanted, 1.0)):
        for piece in pieces:
            labels[np.nan_to_num(shares(texts, piece)) > 0.6] = value
            for index, text in enumerate(texts):
                if piece.strip() and piece.strip() in text:
                    labels[index] = value
    return labels


def read(folder: Path, skip_hosts: frozenset[str] = frozenset()) -> Iterator[Page]:
    """All pages of a folder's collections, in order of names and lines."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        collection = path.name.removesuffix(".jsonl.gz")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if record["host"].removeprefix("www.") not in skip_hosts:
                    page = page_of(record, collection)
                    if page is not None:
                        yield page
