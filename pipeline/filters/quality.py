"""Gopher's quality rules: length, word length, symbols, bullets, letters and stop words.

`signals(text, words)` measures, `check(signals, config)` judges, in datatrove's order of rules and
with its formulas (0.10.1). There, words that are punctuation only count for the shares (of "#", of
words with a letter) but not for the page's length; and stop words are matched in lower case only,
so "The" is none. Where the paper says "at least 80% of words", so does this: 0.8 itself passes.
"""

import dataclasses
from collections.abc import Mapping

from pipeline.filters.punctuation import PUNCTUATION, TERMINAL_PUNCTUATION
from pipeline.filters.verdict import Verdict

Signals = Mapping[str, float | int]


@dataclasses.dataclass(frozen=True)
class GopherQualityConfig:
    """What a page of running text looks like; a page outside any of the bounds is dropped.

    Source: Gopher (arXiv 2112.11446), appendix A.1.1; the same in FineWeb's paper and code.
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
    min_stop_words: int = 2  # how many different ones of the list below occur, in lower case
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")


_SIGNS = PUNCTUATION + TERMINAL_PUNCTUATION
_RULES = (  # threshold, signal, whether the page must be above it
    ("min_words", "word_count", True),
    ("max_words", "word_count", False),
    ("min_mean_word_length", "mean_word_length", True),
    ("max_mean_word_length", "mean_word_length", False),
    ("max_hash_word_ratio", "hash_word_ratio", False),
    ("max_ellipsis_word_ratio", "ellipsis_word_ratio", False),
    ("max_bullet_line_fraction", "bullet_line_fraction", False),
    ("max_ellipsis_line_fraction", "ellipsis_line_fraction", False),
    ("min_alphabetic_word_fraction", "alphabetic_word_fraction", True),
    ("min_stop_words", "stop_word_count", True),
)


def signals(text: str, words: list[str], config: GopherQualityConfig) -> dict[str, float | int]:
    """Every quality signal of a page; the config only lends its list of stop words."""
    real_words = [word for word in words if word.isalpha() or word.strip(_SIGNS)]
    lines = text.splitlines()
    bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
    trailing_off = sum(line.rstrip().endswith(("...", "…")) for line in lines)
    with_letter = sum(word.isalpha() or any(map(str.isalpha, word)) for word in words)
    return {
        "word_count": len(real_words),
        "mean_word_length": sum(map(len, real_words)) / max(1, len(real_words)),
        "hash_word_ratio": text.count("#") / max(1, len(words)),
        "ellipsis_word_ratio": (text.count("...") + text.count("…")) / max(1, len(words)),
        "bullet_line_fraction": bullets / max(1, len(lines)),
        "ellipsis_line_fraction": trailing_off / max(1, len(lines)),
        "alphabetic_word_fraction": with_letter / max(1, len(words)),
        "stop_word_count": len(set(config.stop_words).intersection(words)),
    }


def check(measured: Signals, config: GopherQualityConfig) -> Verdict | None:
    """The first rule that drops the page, None if it passes."""
    for rule, signal, is_lower_bound in _RULES:
        value, threshold = measured[signal], getattr(config, rule)
        if value < threshold if is_lower_bound else value > threshold:
            return Verdict(rule, value, threshold)
    return None
