"""Gold pages from a folder: HTML to segments, gold text or segments to a label a block.

The folder holds `*.jsonl.gz`, a collection each, a page a line: id, host, html, kind, weight, and
- `gold` (the main text), and `optional` (text that one reader keeps and another not, if any), or
- `blocks` (pairs of a block's text and its label, or null), and
- `wanted` and `unwanted` (lists of segments, which overrule `blocks`).
All labels are found by text, so that they stay valid when the segmenter changes. Blocks of which
nothing is known have no label; a page without most of its gold text is left out.
"""

import dataclasses
import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.extract.learn.align import shares, tokens
from pipeline.extract.segment import FLAG, Segments, segment

MIN_GOLD_FOUND = 0.7  # of the gold text's tokens
MIN_BLOCKS_FOUND = 0.5  # of the page's tokens, where labels come with the text of blocks
HEADLINE_SHARE = 0.8  # of a heading's words, that the title has
HEADLINE_COVER = 0.5  # of the title's words, that the heading has: titles name the site as well
CAPTION = np.uint64(FLAG["figcaption"])
MAX_BLOCKS = 6000
FOLDS = 3
HELD_OUT = 5  # every fifth host


@dataclasses.dataclass(frozen=True)
class GoldPage:
    """A page with a label from 0 to 1 a block; NaN if nothing is known of it."""

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
        """The fold of its host: a forest never judges a host that it was trained on."""
        return _spread(self.host, "fold") % FOLDS

    @property
    def held_out(self) -> bool:
        """Whether its host is kept for validation."""
        return _spread(self.host, "held out") % HELD_OUT == 0


def _spread(host: str, purpose: str) -> int:
    digest = hashlib.blake2b(f"{purpose} {host}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def page_of(record: dict, collection: str) -> GoldPage | None:
    """The page of one line; None if it does not have most of its gold text."""
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
        if record.get("optional"):
            optional = np.nan_to_num(shares(texts, record["optional"]))
            labels[(optional > 0.6) & (labels < 0.6)] = np.nan
    else:
        labels, found = _from_blocks(texts, record.get("blocks") or [])
        if record.get("blocks") and counts[found].sum() < MIN_BLOCKS_FOUND * counts.sum():
            return None
        _mark_segments(texts, record.get("wanted") or [], record.get("unwanted") or [], labels)
    if not np.isfinite(labels).any():
        return None
    if (record.get("kind") or "article") == "article":
        labels[_caption_or_headline(segments) & np.isfinite(labels)] = 0
    return GoldPage(
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


def _from_blocks(
    texts: list[str], blocks: list[tuple[str, float | None]]
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the blocks that have the same words, in order, and which blocks those are."""
    labels_of: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for text, label in reversed(blocks):
        labels_of[tuple(tokens(text))].append(np.nan if label is None else label)
    labels, found = np.full(len(texts), np.nan), np.zeros(len(texts), bool)
    for index, text in enumerate(texts):
        words = tuple(tokens(text))
        if words and labels_of.get(words):
            labels[index] = labels_of[words].pop()
            found[index] = True
    return labels, found


def _mark_segments(
    texts: list[str], wanted: list[str], unwanted: list[str], labels: np.ndarray
) -> None:
    for pieces, value in ((unwanted, 0.0), (wanted, 1.0)):
        for piece in pieces:
            labels[np.nan_to_num(shares(texts, piece)) > 0.6] = value
            for index, text in enumerate(texts):
                if piece.strip() and piece.strip() in text:
                    labels[index] = value


def _caption_or_headline(segments: Segments) -> np.ndarray:
    """Blocks that collections label differently and the measure ignores: captions, headlines."""
    found = (segments.table["flags"] & CAPTION) != 0
    titles = [set(tokens(title)) for title in (segments.title, segments.og_title) if title]
    for index in np.flatnonzero(segments.table["heading_level"] > 0).tolist():
        words = set(tokens(segments.texts[index]))
        found[index] |= any(
            len(words & title) >= HEADLINE_SHARE * len(words)
            and len(words & title) >= HEADLINE_COVER * len(title)
            for title in titles
            if words
        )
    return found


def read(folder: Path, skip_hosts: frozenset[str] = frozenset()) -> Iterator[GoldPage]:
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
