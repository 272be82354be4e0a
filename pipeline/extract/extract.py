"""A page's main text: its blocks, the selection of those to keep, and their text.

On the few pages where the block classifier is unsure, and if the config asks for it, trafilatura
decides with FineWeb's settings. A page that would take trafilatura minutes is never given to it: an
unsure text after a millisecond is better than a page lost to a time limit.
"""

import dataclasses
import itertools
import re

import numpy as np

from pipeline.extract.classify import classify
from pipeline.extract.config import ExtractConfig
from pipeline.extract.decode import decode
from pipeline.extract.headline import with_headline
from pipeline.extract.hints import mask
from pipeline.extract.json_ld import article_body
from pipeline.extract.render import render
from pipeline.extract.segment import FLAG, Segments, segment
from pipeline.extract.trafilatura_engine import main_text

UNSEEN = FLAG["hidden"] | FLAG["noscript"]
FURNITURE = UNSEEN | FLAG["nav"] | FLAG["button"] | FLAG["footer"]
ENOUGH_CHARACTERS = 500  # of text outside furniture, to judge a page's language by
PROSE_CHARACTERS = 500  # in all: with less, trafilatura finds nothing either
PROSE_BLOCK_CHARACTERS = 80  # of a paragraph; titles are shorter
NOTICE_CHARACTERS = 300  # at most, of a block that asks for JavaScript
NOTICE = re.compile(r"java.?script", re.IGNORECASE)  # every language calls it so
COMMENT = mask("comment", "forum")
FALLBACK_MAX_BLOCKS = 20_000
FALLBACK_MAX_DEPTH = 200


@dataclasses.dataclass(frozen=True)
class Extraction:
    """The main text of a page, and how it was found."""

    text: str
    confidence: float  # of the block classifier, 0..1
    engine: str  # "blocks", "trafilatura" or, of a page that is all scripts, "json-ld"
    # Spans of `text` in characters, in order, apart from one another. The engine "blocks" has them.
    code: tuple[tuple[int, int], ...] = ()  # code blocks: whole lines, the last newline left out
    formulas: tuple[tuple[int, int], ...] = ()  # recovered as TeX, with their delimiters


def extract_text(
    html: bytes, url: str | None = None, *, comments: bool = False, title: bool = False
) -> str:
    """The main text of a page of any charset, "" if there is none.

    Args:
        html: the page's bytes.
        url: the page's address, if known.
        comments: add what readers wrote below an article.
        title: put the headline first.
    """
    text, _ = decode(html)
    return extract(text, url, ExtractConfig(comments=comments, title=title)).text


def extract(
    html: str,
    url: str | None = None,
    config: ExtractConfig = ExtractConfig(),  # noqa: B008  frozen
    segments: Segments | None = None,
) -> Extraction:
    """Extract the main text of a decoded page.

    Args:
        html: the page.
        url: its address, if known.
        config: the engine and its switches.
        segments: the page's blocks, if the caller has them.
    """
    if segments is None:
        segments = segment(html, config.max_depth, config.max_blocks)
    found = _extract(html, url, config, segments)
    return _titled(found, segments) if config.title else found


def _extract(html: str, url: str | None, config: ExtractConfig, segments: Segments) -> Extraction:
    if config.engine == "trafilatura":
        return Extraction(main_text(html, url, config), 1.0, "trafilatura")
    keep, _, confidence = classify(segments)
    unsure = confidence < config.fallback_confidence
    if unsure and _has_prose(segments) and _is_affordable(segments, config):
        text = main_text(html, url, config)
        if text:
            return Extraction(text, confidence, "trafilatura")
    found = render(segments, kept_blocks(segments, keep, config))
    article = _article(segments)
    if len(article) > 2 * len(found.text):
        return Extraction(article, confidence, "json-ld")
    return Extraction(found.text, confidence, "blocks", found.code, found.formulas)


def kept_blocks(segments: Segments, keep: np.ndarray, config: ExtractConfig) -> np.ndarray:
    """[blocks] bool: what is written of the blocks that the classifier keeps, and of comments."""
    if config.comments:
        keep = keep | _comments(segments)
    return keep & ~_notices(segments)


def _article(segments: Segments) -> str:
    """The article of a page that scripts render, from its JSON-LD; "" if it has text itself."""
    if not segments.article:
        return ""
    body = article_body(segments.article)
    if "<" in body and ">" in body:
        body = "\n".join(segment(body).texts)
    return "\n".join(line for line in map(str.strip, body.split("\n")) if line)


def _notices(segments: Segments) -> np.ndarray:
    """Blocks of <noscript> that only ask for scripts: never main text, even if nothing else is."""
    notices = (segments.table["flags"] & np.uint64(FLAG["noscript"])) != 0
    for row in notices.nonzero()[0].tolist():
        text = segments.texts[row]
        notices[row] = len(text) <= NOTICE_CHARACTERS and NOTICE.search(text) is not None
    return notices


def _titled(found: Extraction, segments: Segments) -> Extraction:
    """The result with the headline as the first line; without main text it is unchanged."""
    if not found.text:
        return found
    text = with_headline(segments, found.text)
    moved = len(text) - len(found.text)  # only the beginning is another
    code, formulas = (
        tuple((start + moved, end + moved) for start, end in spans)
        for spans in (found.code, found.formulas)
    )
    return dataclasses.replace(found, text=text, code=code, formulas=formulas)


def plain_text(segments: Segments) -> str:
    """Text to judge a page's language and size by: without navigation, lists of links and code.

    If that is little, all text that a reader sees, or the article that scripts would show.
    """
    table, texts = segments.table, segments.texts
    flags, characters = table["flags"], table["characters"]
    likely = (flags & np.uint64(FURNITURE | FLAG["pre"])) == 0
    likely &= 2 * table["link_characters"] <= characters
    if characters[likely].sum() < ENOUGH_CHARACTERS:
        likely = (flags & np.uint64(UNSEEN)) == 0
    plain = "\n".join(itertools.compress(texts, likely.tolist()))
    article = _article(segments)
    return article if len(article) > 2 * len(plain) else plain


def _has_prose(segments: Segments) -> bool:
    """Whether there are sentences; lists of links have none."""
    table = segments.table
    prose = (table["sentence_ends"] > 0) & (table["characters"] >= PROSE_BLOCK_CHARACTERS)
    prose &= 3 * table["link_characters"] <= table["characters"]
    prose &= (table["flags"] & np.uint64(FURNITURE)) == 0
    return int(table["characters"][prose].sum()) >= PROSE_CHARACTERS


def _is_affordable(segments: Segments, config: ExtractConfig) -> bool:
    """Whether trafilatura will be fast enough: its parser and its XPaths are not linear."""
    return (
        not segments.capped
        and segments.html_bytes <= config.fallback_max_html_bytes
        and len(segments.texts) <= FALLBACK_MAX_BLOCKS
        and int(segments.containers["depth"].max(initial=0)) <= FALLBACK_MAX_DEPTH
    )


def _comments(segments: Segments) -> np.ndarray:
    """The blocks of readers' comments: sentences, not the forms and names around them."""
    table = segments.table
    comment = (table["hints_any"] & np.uint64(COMMENT)) != 0
    seen = (table["flags"] & np.uint64(FURNITURE | FLAG["form"])) == 0
    prose = (table["sentence_ends"] > 0) & (3 * table["link_characters"] <= table["characters"])
    return comment & seen & prose
