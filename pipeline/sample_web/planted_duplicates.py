"""Mirrors and near-duplicates of pages, with their similarity measured.

Similarity is the Jaccard index of word 5-grams, on lower-cased text without punctuation and with
numbers as 0, as MinHash deduplication sees it. Edits go on until a drawn similarity is reached.
"""

import dataclasses
import random
import re

from pipeline.sample_web.junk import sentences
from pipeline.sample_web.page_builder import Block, Page

SIMILARITIES = (0.82, 0.96)  # near-duplicates are drawn evenly from this range
_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")
SYNONYMS = {
    "small": "little",
    "old": "ancient",
    "often": "frequently",
    "many": "numerous",
    "nobody": "no one",
    "always": "ever",
    "says": "states",
    "people": "folk",
    "every": "each",
    "large": "big",
    "quick": "fast",
    "begin": "start",
    "street": "road",
    "house": "home",
    "because": "since",
    "more": "further",
    "good": "fine",
    "first": "very first",
    "there": "over there",
    "years": "long years",
}


def shingles(text: str, size: int = 5) -> frozenset[tuple[str, ...]]:
    """Word 5-grams of the normalised text."""
    words = ["0" if w[0].isdigit() else w for w in _WORD.findall(text.lower())]
    return frozenset(tuple(words[i : i + size]) for i in range(len(words) - size + 1))


def jaccard(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    return len(one & other) / max(1, len(one | other))


def near_duplicate(page: Page, rng: random.Random) -> tuple[Page, float]:
    """An edited copy and its similarity with the page."""
    original = shingles(page.main_text)
    wanted = rng.uniform(*SIMILARITIES)
    blocks = list(page.blocks)
    copy, similarity = page, 1.0
    for _ in range(200):
        edited = _edit(blocks, rng)
        now = jaccard(original, shingles("\n".join(block.text for block in edited)))
        if now < SIMILARITIES[0] - 0.01:
            continue  # this edit was too large: another one
        blocks, similarity = edited, now
        copy = dataclasses.replace(page, blocks=tuple(blocks))
        if similarity <= wanted:
            break
    return dataclasses.replace(copy, kind="near_duplicate"), similarity


def _edit(blocks: list[Block], rng: random.Random) -> list[Block]:
    """One small change: a synonym, a sentence more, a sentence less."""
    places = [i for i, block in enumerate(blocks) if block.tag in ("p", "post")]
    place = rng.choice(places)
    text = blocks[place].text
    kind = rng.random()
    if kind < 0.6:
        known = [m for m in _WORD.finditer(text) if m[0] in SYNONYMS]
        if known:
            match = rng.choice(known)
            text = text[: match.start()] + SYNONYMS[match[0]] + text[match.end() :]
    elif kind < 0.85:
        text = f"{text} {sentences(1, rng)[0]}"
    else:
        parts = _SENTENCE.split(text)
        if len(parts) > 2:
            parts.pop(rng.randrange(1, len(parts)))
            text = " ".join(parts)
    return [*blocks[:place], Block(blocks[place].tag, text), *blocks[place + 1 :]]
