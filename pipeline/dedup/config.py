"""What counts as a duplicate: the settings of signatures, of whole pages and of single lines.

Signatures are made in the pass over a WARC (`MinhashConfig`, part of the corpus config); which
pages are dropped for which is decided later, over all parts (`DedupConfig`).
"""

import dataclasses

from pipeline import ranges
from storage.tables import FILE_BYTES


@dataclasses.dataclass(frozen=True)
class MinhashConfig:
    """Near-duplicates share at least one bucket of hashes.

    Source: FineWeb (arXiv 2406.17557), section 3.4. P(match) = 1 - (1 - s^hashes)^buckets at
    Jaccard similarity s: 0.924 at 0.8, with the steepest rise at (1/14)^(1/8) = 0.72.
    """

    ngram_words: int = 5  # words in a shingle
    buckets: int = 14
    hashes_per_bucket: int = 8
    seed: int = 1  # of the hash functions; signatures of different seeds can't be compared

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="ngram_words buckets hashes_per_bucket")


@dataclasses.dataclass(frozen=True)
class PassageConfig:
    """Lines and paragraphs that many documents have are removed from them.

    Off by default: FineWeb tried it (section 3.5) and the models got worse. CCNet (arXiv
    1911.00359) takes out every paragraph seen twice, RefinedWeb (arXiv 2306.01116) exact spans.
    """

    # documents that may have the same line, after whole pages are deduplicated; 0 = any number
    max_documents_per_line: int = 0
    max_documents_per_paragraph: int = 0  # likewise; paragraphs are parted by an empty line
    min_words: int = 3  # shorter lines and paragraphs stay wherever they stand
    # the document with the smallest id keeps the passage; else it goes from all of them
    keep_first: bool = True
    # a document that loses a passage and is left with fewer words is dropped (Gopher's least)
    min_words_left: int = 50

    def __post_init__(self) -> None:
        ranges.check(self)


@dataclasses.dataclass(frozen=True)
class DedupConfig:
    """Which pages count as duplicates; MinHash's settings come with the parts' signatures."""

    # drop pages whose text is the same but for case and spacing, before MinHash (FineWeb has
    # MinHash alone, which finds them too; so the ledger tells copies from near-copies)
    exact: bool = True
    minhash: bool = True
    passages: PassageConfig = dataclasses.field(default_factory=PassageConfig)
    # for sorting, over all threads; besides, a document takes about 16 bytes. Changes no result.
    sort_memory_bytes: int = 1 << 30
    max_file_bytes: int = (
        FILE_BYTES  # of clusters: a file is ended at the row group that reaches it
    )

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="sort_memory_bytes max_file_bytes")
