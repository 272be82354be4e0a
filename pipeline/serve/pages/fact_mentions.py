"""Where a corpus holds a subject and a value: documents of the lake, with the sentences.

By the search index where there is one: it finds the name in a moment, whatever the corpus' size.
Without one the first documents of the corpus are read, so many and no more. To hold both is less
than to state the fact, which only a reader can tell: so the sentences are shown.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from pipeline.curriculum import numerals, word_borders
from pipeline.evals.facts_suite import contains
from pipeline.serve.lake_reader import LakeReader
from pipeline.sft.facts import sentences
from pipeline.tools.retrieval import SearchIndex

MOST_DOCUMENTS = 200  # that hold the subject and are read for the value; ours
MOST_READ = 20_000  # documents of a corpus without an index: half a second's reading. Ours
PASSAGES_AROUND = 8  # of a document, on either side of those with the name; ours
MOST_SHOWN = 12  # documents; ours
MOST_CHARACTERS = 400  # of a sentence that are shown; ours
SECONDS = 5.0  # as for any query of the pages

_DIGIT = re.compile(r"\d")
_FULL_STOP = re.compile("(?<=[。！？])")
_SCAN = f"""
SELECT id, url, text FROM (SELECT id, url, text FROM corpus LIMIT {MOST_READ})
WHERE contains(lower(text), lower(?)) LIMIT ?
"""


class HeldText(NamedTuple):
    """A document, or its passages around a name."""

    id: str
    url: str
    text: str


class Mention(NamedTuple):
    """A document that holds subject and value."""

    id: str
    url: str
    # Sentences in pieces; those of the subject and of the value are marked.
    said: list[list[tuple[str, bool]]]
    is_together: bool  # one sentence holds both


class Mentions(NamedTuple):
    """What was found."""

    named: int  # documents that hold the subject
    both: int  # … and the value
    together: int  # … in one sentence
    shown: list[Mention]  # of them, these first; without a value those that hold the subject
    by_index: bool
    is_all: bool  # no document was left out


def mentions_of(lake: LakeReader, subject: str, values: tuple[str, ...]) -> Mentions:
    """The documents.

    Args:
        lake: to read.
        subject: a name.
        values: any of which is meant; (): the subject alone is looked for.

    Raises:
        UserError: reading takes too long.
        ToolError: the index is damaged, or takes too long.
    """
    by_index = "search_index" in lake.heads()
    found = list(documents_with(lake, subject, MOST_DOCUMENTS + 1, PASSAGES_AROUND))
    is_all = len(found) <= MOST_DOCUMENTS and (by_index or _is_small(lake))
    named = [one for one in found[:MOST_DOCUMENTS] if contains(one.text, subject)]
    both = [one for one in named if _states(one.text, values)]
    marked = [_mention(one, subject, values) for one in (both if values else named[:MOST_SHOWN])]
    together = sum(one.is_together for one in marked)
    marked.sort(key=lambda one: not one.is_together)
    return Mentions(len(named), len(both), together, marked[:MOST_SHOWN], by_index, is_all)


def documents_with(lake: LakeReader, text: str, most: int, around: int = 0) -> Iterator[HeldText]:
    """The first documents that hold a text, by the index or by reading the first of the corpus.

    Args:
        lake: to read.
        text: a few words.
        most: documents.
        around: passages of a document on either side of those that hold it.

    Raises what `mentions_of` does.
    """
    if not text.strip():
        return
    if (digest := lake.heads().get("search_index")) is None:
        for row in lake.rows(_SCAN, [text, most]).to_pylist():
            yield HeldText(row["id"], row["url"], row["text"])
        return
    index = SearchIndex(lake.folder("search_index", digest))
    try:
        passages = index.holding(text, most, SECONDS, around)
    finally:
        index.close()
    for _, group in groupby(passages, key=lambda one: one.document):
        parts = list(group)
        yield HeldText(parts[0].id, parts[0].url, "\n".join(one.text for one in parts))


def _is_small(lake: LakeReader) -> bool:
    counted = lake.rows(f"SELECT count(*) AS n FROM (FROM corpus LIMIT {MOST_READ + 1})")
    return int(counted["n"][0].as_py()) <= MOST_READ


def _mention(one: HeldText, subject: str, values: tuple[str, ...]) -> Mention:
    of_subject, of_value, both = "", "", ""
    for sentence in _sentences(one.text):
        names, states = contains(sentence, subject), _states(sentence, values)
        if names and states:
            both = sentence
            break
        of_subject = of_subject or (sentence if names else "")
        of_value = of_value or (sentence if states else "")
    said = [both] if both else [text for text in (of_subject, of_value) if text]
    sought = [subject, *values]
    return Mention(one.id, one.url, [_marked(text, sought) for text in said], bool(both))


def _sentences(text: str) -> Iterator[str]:
    for sentence in sentences(text):
        yield from filter(None, _FULL_STOP.split(sentence))


def _states(text: str, values: tuple[str, ...]) -> bool:
    # Numbers are compared by value, which takes long; most sentences have none.
    has_digit = _DIGIT.search(text) is not None
    return any(contains(text, value) for value in values if has_digit or not _is_number(value))


@lru_cache(maxsize=256)
def _is_number(value: str) -> bool:
    return numerals.whole(value) is not None


def _marked(text: str, sought: Iterable[str]) -> list[tuple[str, bool]]:
    longest = sorted(filter(None, sought), key=len, reverse=True)
    words = "|".join(
        f"{word_borders.before(one, text)}{re.escape(one)}{word_borders.after(one, text)}"
        for one in longest
    )
    cut = text[:MOST_CHARACTERS] + ("…" if len(text) > MOST_CHARACTERS else "")
    pieces = re.split(f"({words})", cut, flags=re.IGNORECASE) if words else [cut]
    return [(piece, bool(at % 2)) for at, piece in enumerate(pieces) if piece]
