"""How many records each rule took, and the conservation law over a final ledger.

Conservation: for every WARC file, records read = kept + dropped + errors. What was read is counted
by the reader, apart from the ledger.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline.corpus.page import STAGES


def check_conservation(read: Mapping[str, int], ledger: pa.Table) -> None:
    """Raise RuntimeError if a WARC's ledger does not account for every record read from it."""
    outcomes = Counter(zip(ledger["warc"].to_pylist(), ledger["outcome"].to_pylist()))
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


def funnel_rows(ledger: pa.Table) -> list[dict[str, Any]]:
    """Stage by stage and rule by rule in the recipe's order, the largest rule first; kept last."""
    total = max(1, ledger.num_rows)
    columns = (ledger[name].to_pylist() for name in ("stage", "rule", "outcome"))
    counts = Counter(zip(*columns))
    ordered = sorted(counts.items(), key=lambda item: (_place(item[0]), -item[1], item[0]))
    return [
        {
            "stage": stage or "kept",
            "rule": rule,
            "outcome": outcome,
            "count": count,
            "share": round(count / total, 6),
        }
        for (stage, rule, outcome), count in ordered
    ]


def stage_rows(ledger: pa.Table) -> list[dict[str, Any]]:
    """For each stage: records that came in, were dropped, ended as errors, and were left."""
    counts = Counter(zip(ledger["stage"].to_pylist(), ledger["outcome"].to_pylist()))
    left = ledger.num_rows
    rows = []
    for stage in STAGES:
        dropped, errors = counts[stage, "dropped"], counts[stage, "error"]
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


def _place(key: tuple[str, str, str]) -> int:
    stage, _, outcome = key
    return len(STAGES) if outcome == "kept" else STAGES.index(stage)
