"""What every rule of the corpus took, beside FineWeb's published shares, and drift between corpora.

In: counts by stage, rule and outcome (records and words). Out: rows in the recipe's order with the
share of what came into the rule's stage. FineWeb gives shares of tokens of what its base filters
left, so the words' share is the one to compare; what goes before the signals has no words.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pipeline.filters.stages import STAGES
from pipeline.intervals import Z


@dataclasses.dataclass(frozen=True)
class PublishedShare:
    """A share that FineWeb's authors report."""

    share: float
    of: str  # what it is a share of, and where it stands


# arXiv 2406.17557, sections 3.5 and 3.6: tokens that the rule removed from a 28B-token sample of
# CC-MAIN-2019-18, after base filters and MinHash
PUBLISHED = {
    ("c4", "curly_bracket"): PublishedShare(0.028, "tokens, C4's rule alone"),
    ("c4", "word_length"): PublishedShare(0.043, "tokens, C4's rule alone"),
    ("c4", ""): PublishedShare(0.07, "tokens, all C4 rules but terminal punctuation"),
    ("fineweb", "line_punctuation"): PublishedShare(0.1014, "tokens, the rule alone"),
    ("fineweb", "duplicate_line_characters"): PublishedShare(0.1247, "tokens, the rule alone"),
    ("fineweb", "short_lines"): PublishedShare(0.0373, "tokens, the rule alone"),
    ("fineweb", ""): PublishedShare(0.22, "tokens, the three rules together"),
}
# our rules' names -> the published table's
PUBLISHED_NAMES = {
    "max_curly_bracket_lines": "curly_bracket",
    "min_punctuated_line_fraction": "line_punctuation",
    "max_duplicate_line_character_fraction": "duplicate_line_characters",
    "max_short_line_fraction": "short_lines",
}


# Stages that take pages before their words are counted, the language gate among them.
UNMEASURED = ("read", "url", "extract", "language")


class RuleShare(TypedDict):
    """What a rule dropped; of a stage as a whole the rule is ""."""

    stage: str
    rule: str
    dropped: int  # records
    entered: int  # records that came into the stage
    share: float
    share_of_words: float | None  # None where words are not known, or stand for nothing yet
    published: float | None  # FineWeb's share, where it was published
    published_of: str  # of what


class RuleDrift(TypedDict):
    """How a rule's share moved between two corpora."""

    stage: str
    rule: str
    before: float
    now: float
    difference: float
    low: float  # of the difference's 95% interval
    high: float
    z: float  # standard errors from zero


def rule_rows(counts: Sequence[Mapping[str, Any]]) -> list[RuleShare]:
    """A row for each stage (rule "") and rule that took something, in the recipe's order.

    `counts`: rows of stage, rule, outcome, records, words (None or 0 where no text was measured).
    """
    stages = [s for s in STAGES if any(r["stage"] == s for r in counts)]
    stages += sorted({r["stage"] for r in counts} - set(stages) - {"", "kept"})
    records = sum(r["records"] for r in counts)
    words = sum(r["words"] or 0 for r in counts)
    rows = []
    for stage in stages:
        lost = [r for r in counts if r["stage"] == stage and r["outcome"] != "kept"]
        lost.sort(key=lambda r: (-r["records"], r["rule"]))
        taken = sum(r["records"] for r in lost)
        taken_words = sum(r["words"] or 0 for r in lost)
        measured = stage not in UNMEASURED
        rows.append(_row(stage, "", taken, taken_words, records, words, measured))
        for r in lost:
            rows.append(
                _row(stage, r["rule"], r["records"], r["words"] or 0, records, words, measured)
            )
        records -= taken
        words -= taken_words
    return rows


def funnel_shares(counts: Sequence[Mapping[str, Any]]) -> list[RuleShare]:
    """`rule_rows` of a corpus's funnel.json; no shares of words if an older version made it."""
    return rule_rows([{**r, "records": r["count"], "words": r.get("words")} for r in counts])


def _row(
    stage: str, rule: str, taken: int, taken_words: int, records: int, words: int, measured: bool
) -> RuleShare:
    published = PUBLISHED.get((stage, PUBLISHED_NAMES.get(rule, rule)))
    return {
        "stage": stage,
        "rule": rule,
        "dropped": taken,
        "entered": records,
        "share": taken / records if records else 0.0,
        "share_of_words": taken_words / words if words and measured else None,
        "published": published.share if published else None,
        "published_of": published.of if published else "",
    }


def drift(before: Sequence[RuleShare], now: Sequence[RuleShare]) -> list[RuleDrift]:
    """How the shares of `rule_rows` moved, the surest movement first.

    The interval of a difference is the normal one of two proportions, on pages; `z` is the distance
    from zero in standard errors. A crawl differs from another in its sites, so on thousands of
    pages small movements are sure and mean little: look at the difference, then at z.
    """
    old = {(r["stage"], r["rule"]): r for r in before}
    new = {(r["stage"], r["rule"]): r for r in now}
    rows: list[RuleDrift] = []
    for key in dict.fromkeys([*old, *new]):
        a, b = _share(old.get(key), key[0], before), _share(new.get(key), key[0], now)
        error = math.sqrt(a[0] * (1 - a[0]) / a[1] + b[0] * (1 - b[0]) / b[1])
        difference = b[0] - a[0]
        rows.append(
            {
                "stage": key[0],
                "rule": key[1],
                "before": a[0],
                "now": b[0],
                "difference": difference,
                "low": difference - Z * error,
                "high": difference + Z * error,
                "z": difference / error if error else 0.0,
            }
        )
    return sorted(rows, key=lambda r: (-abs(r["z"]), r["stage"], r["rule"]))


def _share(row: RuleShare | None, stage: str, rows: Sequence[RuleShare]) -> tuple[float, int]:
    """Share and number of pages; a rule that took nothing has its stage's number."""
    if row is not None:
        return row["share"], max(1, row["entered"])
    entered = [r["entered"] for r in rows if r["stage"] == stage]
    return 0.0, max(1, entered[0] if entered else 1)
