"""Gopher's repetition rules: how much of a page is lines, paragraphs and word n-grams said again.

`signals(text, words)` measures, `check(signals, config)` judges, in datatrove's order of rules.
Formulas are those of datatrove 0.10.1. It differs from the paper in that a duplicate is any line
after its first, so a line twice counts once; the n-gram shares are over all characters of the
text, white space included; and each rule compares with ">", so a page at the threshold passes.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping

from pipeline.filters.verdict import Verdict

Signals = Mapping[str, float | int]


@dataclasses.dataclass(frozen=True)
class RepetitionConfig:
    """Largest share of a page that may be repeated; a page above any of them is dropped.

    Source: Gopher (arXiv 2112.11446), table A1; the same in FineWeb's paper and code. All are
    fractions of 0..1: of lines or paragraphs, or of the page's characters.
    """

    max_duplicate_paragraph_fraction: float = 0.30
    max_duplicate_paragraph_character_fraction: float = 0.20
    max_duplicate_line_fraction: float = 0.30
    max_duplicate_line_character_fraction: float = 0.20
    max_top_2_gram_character_fraction: float = 0.20
    max_top_3_gram_character_fraction: float = 0.18
    max_top_4_gram_character_fraction: float = 0.16
    max_duplicate_5_gram_character_fraction: float = 0.15
    max_duplicate_6_gram_character_fraction: float = 0.14
    max_duplicate_7_gram_character_fraction: float = 0.13
    max_duplicate_8_gram_character_fraction: float = 0.12
    max_duplicate_9_gram_character_fraction: float = 0.11
    max_duplicate_10_gram_character_fraction: float = 0.10


_TOP_NGRAMS = (2, 3, 4)
_DUPLICATE_NGRAMS = (5, 6, 7, 8, 9, 10)
_PARAGRAPH_BREAK = re.compile(r"\n{2,}")
_LINE_BREAK = re.compile(r"\n+")


def signals(text: str, words: list[str]) -> dict[str, float]:
    """Every repetition signal of a page; none for an empty text."""
    if not text:
        return {}
    size = len(text)
    paragraphs = _PARAGRAPH_BREAK.split(text.strip())
    again, characters = duplicates(paragraphs)
    measured = {
        "duplicate_paragraph_fraction": again / len(paragraphs),
        "duplicate_paragraph_character_fraction": characters / size,
    }
    lines = _LINE_BREAK.split(text)
    again, characters = duplicates(lines)
    measured["duplicate_line_fraction"] = again / len(lines)
    measured["duplicate_line_character_fraction"] = characters / size
    for n in _TOP_NGRAMS:
        measured[f"top_{n}_gram_character_fraction"] = top_ngram_characters(words, n) / size
    for n, characters in duplicate_ngram_characters(words).items():
        measured[f"duplicate_{n}_gram_character_fraction"] = characters / size
    return measured


def check(measured: Signals, config: RepetitionConfig) -> Verdict | None:
    """The first rule that drops the page, None if it passes."""
    if not measured:
        return Verdict("empty")
    for field in dataclasses.fields(config):  # they stand in datatrove's order
        value = measured[field.name.removeprefix("max_")]
        threshold = getattr(config, field.name)
        if value > threshold:
            return Verdict(field.name, value, threshold)
    return None


def duplicates(parts: list[str]) -> tuple[int, int]:
    """How many parts repeat an earlier one, and how many characters these hold."""
    if len(set(parts)) == len(parts):
        return 0, 0
    seen: set[str] = set()
    count = characters = 0
    for part in parts:
        if part in seen:
            count += 1
            characters += len(part)
        else:
            seen.add(part)
    return count, characters


def top_ngram_characters(words: list[str], n: int) -> int:
    """Characters, with spaces between words, of the most frequent n-gram times its occurrences.

    Of equally frequent ones the first counts, whatever its length, as in datatrove (Gopher's
    paper takes no side). An n-gram that occurs once counts as well.
    """
    counts = Counter(zip(*(words[start:] for start in range(n))))
    if not counts:
        return 0
    ngram, occurrences = max(counts.items(), key=lambda item: item[1])
    return (sum(map(len, ngram)) + n - 1) * occurrences


def duplicate_ngram_characters(words: list[str]) -> dict[int, int]:
    """For n = 5..10: characters in n-grams that were seen before; overlapping ones count once.

    The scan jumps over a repeated n-gram, and adds what it jumped over to nothing (datatrove's
    way). Only places whose n-gram occurs twice can matter; they are few, and those of n + 1 are
    among those of n, which makes this some ten times as fast as scanning six times.
    """
    joined = "".join(words)
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    totals = {}
    places: list[int] | range = range(len(words))
    for n in _DUPLICATE_NGRAMS:
        places = [place for place in places if place + n <= len(words)]
        ngrams = [joined[starts[place] : starts[place + n]] for place in places]
        occurrences = Counter(ngrams)
        repeated = [
            (place, ngram) for place, ngram in zip(places, ngrams) if occurrences[ngram] > 1
        ]
        seen: set[str] = set()
        characters = 0
        free_from = 0  # the first place that no repeated n-gram covers yet
        for place, ngram in repeated:
            if place < free_from:
                continue
            if ngram in seen:
                characters += len(ngram)
                free_from = place + n
            else:
                seen.add(ngram)
        totals[n] = characters
        places = [place for place, _ in repeated]
    return totals
