"""Features of a page's blocks, by which main text is told from furniture (_features.c).

In: the segmenter's Segments and a lexicon of learned word weights. Out: a float32 matrix [blocks,
features]: columns FIRST from the page itself, then columns SECOND from a first classifier's
probabilities of neighbours, of containers and of blocks marked up alike. Only the lexicon, which
has the words of furniture in the training pages, depends on the language.
"""

import numpy as np

from pipeline.extract import _features
from pipeline.extract.hints import BITS
from pipeline.extract.segment import BLOCK, CONTAINER, TAGS, Segments

FIRST: tuple[str, ...] = tuple(_features.FIRST)
SECOND: tuple[str, ...] = tuple(_features.SECOND)
LEXICON: int = _features.LEXICON  # int8 weights, sixteenths of a log odds
assert BLOCK.itemsize == _features.BLOCK_BYTES
assert CONTAINER.itemsize == _features.CONTAINER_BYTES

# Tags in groups, text-like ones first, so that a threshold separates prose from furniture.
GROUPS = (
    "p", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5 h6", "li", "dd", "dt", "td", "th",
    "figcaption caption", "article main", "section", "div", "body", "address", "header",
    "footer nav aside", "label button summary legend fieldset form",
)  # fmt: skip
# Hints that, counted together, are evidence for and against main text.
CONTENT = ("content", "article", "post", "body", "paragraph", "document", "code")
FURNITURE = (
    "nav", "footer", "sidebar", "related", "share", "social", "comment", "ad", "promo", "cookie",
    "newsletter", "breadcrumb", "pagination", "author", "date", "meta", "tags", "caption", "popup",
    "login", "search", "legal", "toolbar", "skip", "event",
)  # fmt: skip


def _groups() -> bytes:
    """A group number for each of the segmenter's tags."""
    groups = bytearray([len(GROUPS)]) * 256
    for number, tags in enumerate(GROUPS):
        for tag in tags.split():
            if tag in TAGS:
                groups[TAGS.index(tag)] = number
    return bytes(groups)


GROUP = _groups()
CONTENT_BITS = sum(1 << BITS[name] for name in CONTENT)
FURNITURE_BITS = sum(1 << BITS[name] for name in FURNITURE)


def first(segments: Segments, lexicon: bytes) -> np.ndarray:
    """A matrix [blocks, features] with the columns FIRST filled and room for SECOND after them."""
    matrix = np.zeros((len(segments.texts), len(FIRST) + len(SECOND)), np.float32)
    if len(matrix):
        _features.first(
            segments.table,
            segments.containers,
            segments.texts,
            lexicon,
            GROUP,
            segments.title,
            segments.og_title,
            segments.description,
            segments.html_bytes,
            FURNITURE_BITS,
            CONTENT_BITS,
            matrix,
            matrix.shape[1],
        )
    return matrix


def second(segments: Segments, probability: np.ndarray, matrix: np.ndarray) -> None:
    """Fill the matrix's columns SECOND from the first forest's probability, [blocks] float32."""
    if len(matrix):
        _features.second(
            segments.table, segments.containers, probability, matrix, matrix.shape[1], len(FIRST)
        )
