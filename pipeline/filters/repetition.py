"""Gopher's repetition rules: how much of a page is repeated lines, paragraphs and word n-grams.

Measured by measure.py, decided by decide.py. Formulas are those of datatrove 0.10.1. It differs
from the paper in that a duplicate is any line after its first, so a line twice counts once; the
n-gram shares are over all characters of the text, white space included; words of a repeated n-gram
are counted without the spaces between them, those of the most frequent one with them; of equally
frequent ones the first counts, whatever its length; and a page at a threshold passes.
"""

import dataclasses

from pipeline import ranges
from pipeline.filters.decide import Rule


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

    def __post_init__(self) -> None:
        ranges.check(self)


RULES = (
    Rule("empty", "extracted_characters", "below", 1),
    *(
        Rule(field.name, field.name.removeprefix("max_"), "above", field.name)
        for field in dataclasses.fields(RepetitionConfig)  # they are in datatrove's order
    ),
)
