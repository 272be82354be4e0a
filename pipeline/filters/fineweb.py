"""FineWeb's own rules: pages that are lists, menus or the same lines over and over.

`signals(text, words)` measures, `check(signals, config)` judges, in datatrove's order of rules and
with its formulas (0.10.1). Code and paper differ tenfold in one number, see below. A line is not
stripped before its last sign is looked at, so a trailing space hides a full stop.
"""

import dataclasses
from collections.abc import Mapping

from pipeline.filters.punctuation import TERMINAL_PUNCTUATION
from pipeline.filters.repetition import duplicates
from pipeline.filters.verdict import Verdict

Signals = Mapping[str, float | int]


@dataclasses.dataclass(frozen=True)
class FinewebConfig:
    """Bounds on the lines of a page; a page outside any of them is dropped.

    Source: FineWeb (arXiv 2406.17557), section 3.6, and datatrove's `FineWebQualityFilter`.
    """

    min_punctuated_line_fraction: float = 0.12  # lines ending in terminal punctuation
    short_line_characters: int = 30  # a line of at most this length is short
    max_short_line_fraction: float = 0.67
    # characters of repeated lines; 0.01 in the code since its first commit, 0.1 in the paper
    max_duplicate_line_character_fraction: float = 0.01
    max_newline_word_ratio: float = 0.3  # newlines per word


_RULES = (  # threshold, signal, whether the page must be above it
    ("min_punctuated_line_fraction", "punctuated_line_fraction", True),
    ("max_short_line_fraction", "short_line_fraction", False),
    (
        "max_duplicate_line_character_fraction",
        "fineweb_duplicate_line_character_fraction",
        False,
    ),
    ("max_newline_word_ratio", "newline_word_ratio", False),
)


def signals(text: str, words: list[str], config: FinewebConfig) -> dict[str, float]:
    """Every signal of a page, none for a blank text; the config says how short a short line is."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return {}
    newlines = text.count("\n")
    punctuated = sum(line[-1] in TERMINAL_PUNCTUATION for line in lines)
    short = sum(len(line) <= config.short_line_characters for line in lines)
    return {
        "punctuated_line_fraction": punctuated / len(lines),
        "short_line_fraction": short / len(lines),
        "fineweb_duplicate_line_character_fraction": duplicates(lines)[1] / (len(text) - newlines),
        "newline_word_ratio": newlines / len(words),
    }


def check(measured: Signals, config: FinewebConfig) -> Verdict | None:
    """The first rule that drops the page, None if it passes."""
    if not measured:
        return Verdict("empty")
    for rule, signal, is_lower_bound in _RULES:
        value, threshold = measured[signal], getattr(config, rule)
        if value < threshold if is_lower_bound else value > threshold:
            return Verdict(rule, value, threshold)
    return None
