"""A page's blocks of text in the original's order, each with what the block classifier gave it.

In: the WARC file, offset and URL of a ledger row, and the settings by which it was read. Out: which
blocks became main text, and their probabilities. For people who ask why a text is as it is: the
pass over a WARC itself keeps no block.
"""

import dataclasses
from pathlib import Path

from pipeline.crawl.http import NoPage, read_page
from pipeline.crawl.warc import read_record
from pipeline.extract.classify import classify
from pipeline.extract.decode import decode
from pipeline.extract.extract import Extraction, extract, kept_blocks
from pipeline.extract.segment import FLAG, TAGS, segment
from pipeline.scan.config import ScanConfig

# What of a block's surroundings tells a reader why it was dropped, in this order.
TOLD = ("hidden", "noscript", "nav", "header", "footer", "aside", "form", "button", "pre", "table")


@dataclasses.dataclass(frozen=True)
class JudgedBlock:
    """A run of text without a block-level boundary in it."""

    text: str
    tag: str  # of its own element
    inside: tuple[str, ...]  # elements around it, of TOLD
    probability: float  # that it is main text
    kept: bool


@dataclasses.dataclass(frozen=True)
class JudgedBlocks:
    """Of a page."""

    title: str
    blocks: tuple[JudgedBlock, ...]
    confidence: float  # of the block classifier, 0..1
    engine: str  # whose text was taken: "blocks", or another's ("trafilatura", "json-ld")


def page_blocks(path: Path, offset: int, url: str, config: ScanConfig) -> JudgedBlocks | None:
    """Read a record and judge its blocks again; None of what has none: no page, or a WET file's.

    Args:
        path: of the WARC file.
        offset: of the record, as the ledger has it.
        url: likewise.
        config: of the pass.
    """
    limits = config.limits
    record = read_record(path, offset, url, limits)
    if record.record_type != "response" or record.problem:
        return None
    kind = record.headers.get("warc-identified-payload-type", "")
    try:
        page = read_page(record.content, kind, limits.max_html_bytes, limits.max_header_bytes)
    except NoPage:
        return None
    html, _ = decode(page.html, page.charset)
    segments = segment(html, config.extract.max_depth, config.extract.max_blocks)
    found: Extraction = extract(html, url, config.extract, segments)
    keep, probability, confidence = classify(segments)
    kept = kept_blocks(segments, keep, config.extract).tolist()
    tags, flags = (segments.table[name].tolist() for name in ("tag", "flags"))
    blocks = (
        JudgedBlock(
            text, TAGS[tag], tuple(name for name in TOLD if flag & FLAG[name]), chance, is_kept
        )
        for text, tag, flag, chance, is_kept in zip(
            segments.texts, tags, flags, probability.tolist(), kept, strict=True
        )
    )
    return JudgedBlocks(segments.title, tuple(blocks), confidence, found.engine)
