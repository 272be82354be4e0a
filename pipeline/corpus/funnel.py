"""How many records and words each rule took, and the conservation law over a final ledger.

Conservation: for every WARC file, records read = kept + dropped + errors. What was read is counted
by the reader, apart from the ledger.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

import pyarrow as pa

from pipeline.filters.stages import STAGES

Counts = Counter[tuple[str, str, str]]  # records, or their words, by stage, rule and outcome


KEY = ["stage", "rule", "outcome"]


def ledger_counts(ledger: pa.Table) -> Counts:
    """The records of a ledger, or of a part of one: counts of parts add up."""
    return Counter(_groups(ledger, KEY))


def word_counts(decided: pa.Table, words: pa.ChunkedArray) -> Counts:
    """The words of a part's pages, by what was decided on each: counts of parts add up.

    What is no page has no words: it was taken before they were counted.
    """
    rows = decided.select(KEY).append_column("words", words)
    summed = rows.group_by(KEY).aggregate([("words", "sum")])
    keys = zip(*(summed[name].to_pylist() for name in KEY))
    return Counter({key: n for key, n in zip(keys, summed["words_sum"].to_pylist()) if n})


def check_conservation(read: Mapping[str, int], ledger: pa.Table) -> None:
    """Raise RuntimeError if a WARC's ledger does not account for every record read from it."""
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


class FunnelRow(TypedDict):
    """Records that ended by one rule; those that were kept have no rule."""

    stage: str
    rule: str
    outcome: str
    count: int
    share: float  # of all records
    words: int


def funnel_rows(counts: Counts, words: Counts) -> list[FunnelRow]:
    """Stage by stage and rule by rule in the recipe's order, the largest rule first; kept last."""
    total = max(1, counts.total())
    ordered = sorted(counts.items(), key=lambda item: (_place(item[0]), -item[1], item[0]))
    return [
        {
            "stage": stage or "kept",
            "rule": rule,
            "outcome": outcome,
            "count": count,
            "share": round(count / total, 6),
            "words": words[stage, rule, outcome],
        }
        for (stage, rule, outcome), count in ordered
    ]


def stage_rows(counts: Counts) -> list[dict[str, Any]]:
    """For each stage: records that came in, were dropped, ended as errors, and were left."""
    by_stage: Counter[tuple[str, str]] = Counter()
    for (stage, _, outcome), count in counts.items():
        by_stage[stage, outcome] += count
    left = counts.total()
    rows = []
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


def _place(key: tuple[str, str, str]) -> int:
    stage, _, outcome = key
    return len(STAGES) if outcome == "kept" else STAGES.index(stage)
