"""How many records and words each rule took, and the conservation law over a final ledger.

Conservation: for every WARC file, records read = kept + dropped + errors. What was read is counted
by the reader, apart from the ledger.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

import pyarrow as pa

from pipeline.decision import COLUMNS, Decision
from pipeline.filters.stages import STAGES

# Records, or their words, by what became of them: decisions without value, threshold, detail.
Counts = Counter[Decision]
KEY = COLUMNS[:3]  # outcome, stage and rule


class RuleCount(TypedDict):
    """A row of funnel.json: what one rule took."""

    stage: str  # "kept" for what no rule took
    rule: str
    outcome: str
    count: int  # records
    share: float  # of all records
    words: int  # of its pages


class StageCount(TypedDict):
    """What one stage took."""

    stage: str
    entered: int
    dropped: int
    errors: int
    left: int


def ledger_counts(ledger: pa.Table) -> Counts:
    """The records of a ledger, or of a part of one: counts of parts add up."""
    return Counter({Decision(*key): count for key, count in _groups(ledger, KEY).items()})


def word_counts(decided: pa.Table, words: pa.ChunkedArray) -> Counts:
    """The words of a part's pages, by what was decided on each: counts of parts add up.

    What is no page has no words: it was taken before they were counted.
    """
    rows = decided.select(KEY).append_column("words", words)
    summed = rows.group_by(KEY).aggregate([("words", "sum")])
    keys = zip(*(summed[name].to_pylist() for name in KEY))
    counted = zip(keys, summed["words_sum"].to_pylist())
    return Counter({Decision(*key): number for key, number in counted if number})


def sort_key(decision: Decision) -> tuple[str, str, str]:
    """By what counts are sorted."""
    return decision.stage, decision.rule, decision.outcome


def check_conservation(read: Mapping[str, int], ledger: pa.Table) -> None:
    """Hold a ledger against what was read.

    Args:
        read: records of each WARC, by its name, as the reader counted them.
        ledger: of all of them.

    Raises:
        RuntimeError: a WARC's records are not all accounted for.
    """
    outcomes = Counter(_groups(ledger, ["warc", "outcome"]))
    strange = sorted({warc for warc, _ in outcomes} - set(read))
    if strange:
        raise RuntimeError(
            f"conservation law: the ledger names files that were not read: {strange}"
        )
    for warc, records in read.items():
        kept, dropped, errors = (outcomes[warc, name] for name in ("kept", "dropped", "error"))
        if records != kept + dropped + errors:
            raise RuntimeError(
                f"conservation law: {records} records were read from {warc}, but"
                f" {kept} kept + {dropped} dropped + {errors} errors = {kept + dropped + errors}"
            )


def funnel_rows(counts: Counts, words: Counts) -> list[RuleCount]:
    """Stage by stage and rule by rule in the recipe's order, the largest rule first; kept last."""
    total = max(1, counts.total())
    ordered = sorted(
        counts.items(), key=lambda item: (_number(item[0]), -item[1], sort_key(item[0]))
    )
    return [
        {
            "stage": decision.stage or "kept",
            "rule": decision.rule,
            "outcome": decision.outcome,
            "count": count,
            "share": round(count / total, 6),
            "words": words[decision],
        }
        for decision, count in ordered
    ]


def stage_rows(counts: Counts) -> list[StageCount]:
    """For each stage: records that came in, were dropped, ended as errors, and were left."""
    by_stage: Counter[tuple[str, str]] = Counter()
    for decision, count in counts.items():
        by_stage[decision.stage, decision.outcome] += count
    left = counts.total()
    rows: list[StageCount] = []
    for stage in STAGES:
        dropped, errors = by_stage[stage, "dropped"], by_stage[stage, "error"]
        rows.append(
            {
                "stage": stage,
                "entered": left,
                "dropped": dropped,
                "errors": errors,
                "left": left - dropped - errors,
            }
        )
        left -= dropped + errors
    return rows


def _groups(ledger: pa.Table, columns: list[str]) -> dict[Any, int]:
    counted = ledger.select(columns).group_by(columns).aggregate([([], "count_all")])
    keys = zip(*(counted[name].to_pylist() for name in columns))
    return dict(zip(keys, counted["count_all"].to_pylist()))


def _number(decision: Decision) -> int:
    return len(STAGES) if decision.outcome == "kept" else STAGES.index(decision.stage)
