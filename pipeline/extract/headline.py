"""A page's headline: the heading with the words of its title, else the title itself.

<title> and og:title often name the site as well ("Storm hits coast | The Daily Paper"), and the
first <h1> is as often the site's name as the article's; a heading that one of the titles repeats is
the headline.
"""

import re

import numpy as np

from pipeline.extract.segment import FLAG, Segments

SHARE = 0.8  # least share of the heading's words that a title has
COVER = 0.5  # least share of the title's words that the heading has
UNSEEN = np.uint64(FLAG["hidden"] | FLAG["noscript"] | FLAG["nav"] | FLAG["footer"])
WORD = re.compile(r"\w+")
# Between a headline and the name of its site; a hyphen inside a word or a number does not count.
SEPARATOR = re.compile(r"\s+[|\-\u2013\u2014\u00b7\u2022:\u00bb\u00ab\u2039\u203a/]+\s+|\s*\|\s*")


def headline(segments: Segments) -> str:
    """The headline in one line, "" if a page has none."""
    titles = [title for title in (segments.og_title, segments.title) if title]
    table = segments.table
    rows = np.flatnonzero((table["heading_level"] > 0) & (table["flags"] & UNSEEN == 0)).tolist()
    for title in titles:  # og:title first: it rarely names the site
        matching = [row for row in rows if _matches(segments.texts[row], title)]
        if matching:
            best = min(matching, key=lambda row: (int(table["heading_level"][row]), row))
            return " ".join(segments.texts[best].split())
    if titles:
        return _without_site(titles[0], segments.site_name)
    first = [row for row in rows if table["heading_level"][row] == 1][:1]
    return " ".join(segments.texts[first[0]].split()) if first else ""


def with_headline(segments: Segments, text: str) -> str:
    """The text below its headline; if the text begins with it, it is not repeated."""
    line = headline(segments)
    if not line:
        return text
    first, _, rest = text.partition("\n")
    if _words(first) == _words(line):
        text = rest
    return f"{line}\n{text}" if text else line


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _matches(heading: str, title: str) -> bool:
    words, others = set(_words(heading)), set(_words(title))
    common = len(words & others)
    return bool(words) and common >= SHARE * len(words) and common >= COVER * len(others)


def _without_site(title: str, site: str) -> str:
    """The title without the site's name at one of its ends."""
    pieces = [piece for piece in SEPARATOR.split(title) if piece.strip()]
    if len(pieces) < 2:
        return title
    named = _words(site)
    for piece in (pieces[-1], pieces[0]):
        if named and _words(piece) == named:
            return title.replace(piece, "", 1).strip(" \t|-\u2013\u2014\u00b7\u2022:\u00bb\u00ab/")
    return max(pieces, key=lambda piece: len(_words(piece))).strip()
