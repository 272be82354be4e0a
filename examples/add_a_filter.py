"""Try a filter of your own on a finished lake, before it becomes part of the pipeline.

    python examples/add_a_filter.py lake 0.05

A new signal is computed from the stored texts, a rule holds it against a threshold, and the same
`decide` that the pipeline uses says which pages would go. No page is read from a WARC again, and
nothing in the lake changes. CONTRIBUTING.md says how such a filter is made part of the package.
"""

import dataclasses
import sys

import numpy as np

from pipeline.filters.decide import Filter, Rule, decide
from storage import Lake
from storage.catalog import query


@dataclasses.dataclass(frozen=True)
class DigitsConfig:
    """Bounds on digits; a page at the threshold passes."""

    max_digit_character_fraction: float = 0.05  # of all characters; try it


SIGNAL = "digit_character_fraction"
RULES = (Rule("max_digit_character_fraction", SIGNAL, "above", "max_digit_character_fraction"),)


def digit_character_fraction(text: str) -> float:
    """The signal: digits among the characters of a text."""
    return sum(character.isdigit() for character in text) / max(1, len(text))


def main() -> None:
    lake = Lake(sys.argv[1] if len(sys.argv) > 1 else "lake")
    config = DigitsConfig(*map(float, sys.argv[2:3]))
    pages = query(lake, "SELECT url, text, word_count FROM documents ORDER BY url").to_pylist()
    columns = {SIGNAL: np.array([digit_character_fraction(page["text"]) for page in pages])}
    decided = decide(columns, [Filter("digits", RULES, config)])

    dropped = np.flatnonzero(~decided.kept)
    words = np.array([page["word_count"] for page in pages])
    share = words[dropped].sum() / words.sum()
    print(f"{len(dropped)} of {len(pages)} pages would go, with {share:.2%} of the words")
    for number in sorted(dropped, key=lambda n: decided.value[n])[:3]:  # the nearest to it
        text = " ".join(pages[number]["text"].split())
        print(f"  {decided.value[number]:.4f}  {pages[number]['url']}\n          {text[:100]}")


if __name__ == "__main__":
    main()
