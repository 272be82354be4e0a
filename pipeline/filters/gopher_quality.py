"""Gopher's quality rules: length, word length, symbols, bullets, letters and stop words.

Measured by measure.py, decided by decide.py, in datatrove's order of rules and with its formulas
(0.10.1): words that are only punctuation count for the shares (of "#", of words with a letter) but
not for the page's length; and stop words are matched in lower case only, so "The" is not one. As in
the paper ("at least 80% of words"), a page at exactly 0.8 passes.
"""

import dataclasses

from pipeline import ranges
from pipeline.filters.decide import Rule


@dataclasses.dataclass(frozen=True)
class GopherQualityConfig:
    """Bounds on a page of running text; a page outside any of them is dropped.

    Source: Gopher (arXiv 2112.11446), appendix A.1.1; the same in FineWeb's paper and code. The
    stop words are each language's own (pipeline.filters.languages).
    """

    min_words: int = 50  # words that are not punctuation only
    max_words: int = 100_000
    min_mean_word_length: float = 3.0  # characters, over words that are not punctuation only
    max_mean_word_length: float = 10.0
    max_hash_word_ratio: float = 0.1  # "#" per word
    max_ellipsis_word_ratio: float = 0.1  # "..." and "…" per word
    max_bullet_line_fraction: float = 0.9  # lines that begin with "•" or "-"
    max_ellipsis_line_fraction: float = 0.3  # lines that end in "..." or "…"
    min_alphabetic_word_fraction: float = 0.8  # words that hold a letter, of all words
    min_stop_words: int = 2  # how many different ones occur, in lower case

    def __post_init__(self) -> None:
        ranges.check(self, shares="min_alphabetic_word_fraction")


RULES = (  # in datatrove's order
    Rule("min_words", "word_count", "below", "min_words"),
    Rule("max_words", "word_count", "above", "max_words"),
    Rule("min_mean_word_length", "mean_word_length", "below", "min_mean_word_length"),
    Rule("max_mean_word_length", "mean_word_length", "above", "max_mean_word_length"),
    Rule("max_hash_word_ratio", "hash_word_ratio", "above", "max_hash_word_ratio"),
    Rule("max_ellipsis_word_ratio", "ellipsis_word_ratio", "above", "max_ellipsis_word_ratio"),
    Rule("max_bullet_line_fraction", "bullet_line_fraction", "above", "max_bullet_line_fraction"),
    Rule(
        "max_ellipsis_line_fraction",
        "ellipsis_line_fraction",
        "above",
        "max_ellipsis_line_fraction",
    ),
    Rule(
        "min_alphabetic_word_fraction",
        "alphabetic_word_fraction",
        "below",
        "min_alphabetic_word_fraction",
    ),
    Rule("min_stop_words", "stop_word_count", "below", "min_stop_words"),
)
