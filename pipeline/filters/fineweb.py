"""FineWeb's own rules: pages that are lists, menus or the same lines over and over.

Measured by measure.py on the text that C4's line rules leave, decided by decide.py, in datatrove's
order of rules and with its formulas (0.10.1). Code and paper differ tenfold in one number, see
below. A line is not stripped before its last character is looked at, so a trailing space hides a
full stop. The length of a short line is a setting of the measurement (SignalsConfig).
"""

import dataclasses

from pipeline import ranges
from pipeline.filters.decide import Rule


@dataclasses.dataclass(frozen=True)
class FinewebConfig:
    """Bounds on the lines of a page; a page outside any of them is dropped.

    Source: FineWeb (arXiv 2406.17557), section 3.6, and datatrove's `FineWebQualityFilter`.
    """

    min_punctuated_line_fraction: float = 0.12  # lines ending in terminal punctuation
    max_short_line_fraction: float = 0.67  # lines of 30 characters or fewer
    # characters of repeated lines; 0.01 in the code since its first commit, 0.1 in the paper
    max_duplicate_line_character_fraction: float = 0.01
    max_newline_word_ratio: float = 0.3  # newlines per word

    def __post_init__(self) -> None:
        ranges.check(self, shares="min_punctuated_line_fraction")


RULES = (  # in datatrove's order
    Rule("empty", "line_count", "below", 1),
    Rule(
        "min_punctuated_line_fraction",
        "punctuated_line_fraction",
        "below",
        "min_punctuated_line_fraction",
    ),
    Rule("max_short_line_fraction", "short_line_fraction", "above", "max_short_line_fraction"),
    Rule(
        "max_duplicate_line_character_fraction",
        "fineweb_duplicate_line_character_fraction",
        "above",
        "max_duplicate_line_character_fraction",
    ),
    Rule("max_newline_word_ratio", "newline_word_ratio", "above", "max_newline_word_ratio"),
)
