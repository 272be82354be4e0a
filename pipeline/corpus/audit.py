"""The stage that holds a corpus against the sample web's truth: audit.parquet (see
audit_figures).

An artifact like the others, so that a report and a second run find the figures instead of
counting.
"""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import TypedDict

from pipeline import ranges
from pipeline.corpus.audit_figures import audit_report
from pipeline.stage import Progress, Reads, Stage
from storage.reads import Read
from storage.tables import write_table


class AuditInputs(TypedDict):
    """One folder each, but for the parts."""

    crawl: list[Path]
    corpus: list[Path]
    duplicates: list[Path]
    parts: list[Path]


class AuditStatistics(TypedDict):
    """Of an `audit` artifact."""

    figures: int  # rows of audit.parquet


@dataclasses.dataclass(frozen=True)
class AuditConfig:
    """There is nothing to choose."""

    def __post_init__(self) -> None:
        ranges.check(self)


def build(
    out: Path,
    inputs: AuditInputs,
    config: AuditConfig,
    progress: Progress,
    scratch: Path,
) -> AuditStatistics:
    """Write audit.parquet from a crawl with truth.parquet, its parts, duplicates and corpus."""
    (crawl,), (corpus,) = inputs["crawl"], inputs["corpus"]
    (copies,) = inputs["duplicates"]
    figures = audit_report(crawl / "truth.parquet", corpus, copies, inputs["parts"])
    write_table(figures, out / "audit.parquet")
    return {"figures": figures.num_rows}


def reads(config: AuditConfig, given: Collection[str]) -> Reads:
    """The truth about the sample web, and the texts held against it."""
    return {
        "crawl": [Read("truth*")],
        "duplicates": [Read("clusters*")],
        "parts": [Read("pages*", ("id", "text"))],
    }


STAGE = Stage("audit", 4, AuditConfig, build, reads=reads)
