"""A decoded page to blocks of text, each with the raw attributes that tell text from furniture.

The work is done in C (_segment.c); here are the layouts of its rows, the names of its flags, and
`segment`. A block is a run of text without a block-level boundary in it: a paragraph, a heading, a
list item's own text, a table cell, a whole `<pre>`. All text that a browser shows is in a block,
except line numbers and buttons in code and readings above characters; the classifier decides which
blocks to keep.
"""

import dataclasses
import re

import numpy as np

from pipeline.extract import _segment
from pipeline.extract.hints import MASKS, MOVES

# Bits of `flags`, in _segment_names.h's order; inherited from ancestors, except the first_of ones.
FLAGS = (
    "article", "main", "nav", "header", "footer", "aside", "form", "table", "list", "figure",
    "figcaption", "blockquote", "pre", "code", "button", "link", "hidden", "aria_hidden",
    "noscript", "section", "details", "definitions", "address", "heading", "label", "dialog",
    "cell", "table_header", "ordered", "article_header", "article_footer", "paragraph",
    "first_of_item", "first_of_cell", "time", "after_rule", "summary",
)  # fmt: skip
FLAG: dict[str, int] = {name: 1 << bit for bit, name in enumerate(FLAGS)}
TAGS: tuple[str, ...] = _segment.TAGS  # names of the values of `tag`; "?" unknown, "-" custom
# Values of `starts` and `ends`: the class of the first and the last character (quotes aside).
KINDS = (
    "other", "upper", "lower", "digit", "letter", "cjk", "space", "stop", "comma", "colon",
    "quote", "bullet",
)  # fmt: skip

BLOCK = np.dtype(
    [
        ("flags", "<u8"),
        ("hints", "<u8"),  # of the block's own element (class, id, role, itemprop, aria-label …)
        ("hints_near", "<u8"),  # and of the two block-level elements above it
        ("hints_any", "<u8"),  # and of all above, body and html left out
        ("hints_inline", "<u8"),  # of inline elements around any of its text
        ("hints_link", "<u8"),  # of its links: their class names and addresses
        ("text_hash", "<u8"),  # the same for the same text
        ("start", "<u4"),  # where its text begins, in bytes of the page as UTF-8
        ("container", "<i4"),  # row of `containers`: the block's own element
        ("characters", "<u4"),
        ("words", "<u4"),  # split at white space
        ("letters", "<u4"),
        ("uppercase", "<u4"),
        ("digits", "<u4"),
        ("commas", "<u4"),  # and semicolons, of any script
        ("sentence_ends", "<u4"),  # full stops, question and exclamation marks of any script
        ("cjk", "<u4"),  # Chinese characters and kana
        ("link_characters", "<u4"),
        ("bold_characters", "<u4"),
        ("links", "<u4"),
        ("images_before", "<u4"),  # since the block before it
        ("line_breaks", "<u4"),  # inside: <br>, lines of code
        ("tags_before", "<u4"),  # start tags since the block before it, its own included
        ("markup_bytes_before", "<u4"),  # from the end of the text before it
        ("table", "<i4"),  # number of the nearest table, -1 for none
        ("row", "<i4"),  # of that table
        ("column", "<i4"),  # counted in cells
        ("item", "<i4"),  # number in the nearest list, from 1; -1 outside
        ("place", "<i4"),  # column of the table's grid, spans of other cells counted
        ("depth", "<u2"),  # block-level elements above it
        ("list_depth", "<u2"),
        ("tag", "u1"),
        ("heading_level", "u1"),
        ("starts", "u1"),
        ("ends", "u1"),
        ("break_before", "u1"),  # number of <br> between it and the block before
        ("inline_tags", "u1"),
        ("list_tag", "u1"),
        ("section", "u1"),  # of the table, in the order of display: head 0, body 1, foot 2
    ],
    align=True,
)
CONTAINER = np.dtype(
    [
        ("flags", "<u8"),
        ("hints", "<u8"),  # of this element
        ("parent", "<i4"),  # row, always smaller than the own; -1 for the body
        ("first_block", "<i4"),
        ("blocks", "<i4"),  # all blocks in it, which follow one another from first_block on
        ("characters", "<u4"),  # totals of its blocks from here on
        ("link_characters", "<u4"),
        ("words", "<u4"),
        ("links", "<u4"),
        ("commas", "<u4"),
        ("paragraph_characters", "<u4"),  # of blocks inside <p>
        ("headings", "<u4"),
        ("html_start", "<u4"),  # bytes of the page as UTF-8
        ("html_end", "<u4"),
        ("children", "<u4"),  # containers directly below
        ("depth", "<u2"),
        ("tag", "u1"),
        ("hidden", "u1"),  # by its own attributes
    ],
    align=True,
)
assert BLOCK.itemsize == _segment.BLOCK_BYTES
assert CONTAINER.itemsize == _segment.CONTAINER_BYTES

LONE_SURROGATES = re.compile("[\ud800-\udfff]")
MAX_DEPTH = 512  # as in Blink: deeper elements are flattened
MAX_BLOCKS = 200_000


@dataclasses.dataclass(frozen=True)
class Segments:
    """A page's blocks in document order, the elements around them, and values from its head."""

    texts: list[str]
    table: np.ndarray  # dtype BLOCK, a row a text
    containers: np.ndarray  # dtype CONTAINER; row 0 is the body
    title: str
    og_title: str
    description: str
    site_name: str
    og_type: str
    language: str  # of <html lang>
    canonical: str
    body_hints: int  # class names of <body>
    html_bytes: int
    capped: tuple[str, ...] = ()  # "depth", "blocks": limits that the page hit
    # [formulas, 3], in order: its block, its first character there, the one after its last.
    formulas: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 3), np.uint32))
    article: str = ""  # JSON-LD with an "articleBody", of pages with little other text


def segment(
    page: str | bytes, max_depth: int = MAX_DEPTH, max_blocks: int = MAX_BLOCKS
) -> Segments:
    """The blocks of a decoded page.

    Args:
        page: its text; bytes must be valid UTF-8.
        max_depth: deeper elements are flattened.
        max_blocks: the page is cut after so many.
    """
    utf8 = page if isinstance(page, bytes) else _utf8(page)
    texts, blocks, containers, facts, body_hints, deep, many, formulas, article = _segment.segment(
        utf8, MOVES, MASKS, max_depth, max_blocks
    )
    title, og_title, description, site_name, og_type, language, canonical = (
        " ".join(fact.split()) for fact in facts
    )
    return Segments(
        texts,
        np.frombuffer(blocks, BLOCK),
        np.frombuffer(containers, CONTAINER),
        title,
        og_title,
        description,
        site_name,
        og_type,
        language,
        canonical,
        body_hints=body_hints,
        html_bytes=len(utf8),
        capped=tuple(name for name, hit in (("depth", deep), ("blocks", many)) if hit),
        formulas=np.frombuffer(formulas, np.uint32).reshape(-1, 3),
        article=article,
    )


def _utf8(page: str) -> bytes:
    try:
        return page.encode()
    except UnicodeEncodeError:
        return LONE_SURROGATES.sub("\ufffd", page).encode()
