"""The stage that holds a corpus against the sample web's truth: quality.parquet (see
audit_figures).

An artifact like the others, so that a report and a second run find the figures instead of
counting.
"""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.corpus.audit_figures import quality_report
from pipeline.stage import Progress, Reads, Stage
from storage.reads import Read
from storage.tables import write_table


@dataclasses.dataclass(frozen=True)
class QualityConfig:
    """There is nothing to choose."""


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: QualityConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    """Write quality.parquet from a crawl with truth.parquet, its parts, duplicates and corpus."""
    (crawl,), (corpus,) = inputs["crawl"], inputs["corpus"]
    (copies,) = inputs["duplicates"]
    figures = quality_report(crawl / "truth.parquet", corpus, copies, inputs["parts"])
    write_table(figures, out / "quality.parquet")
    return {"figures": figures.num_rows}


def reads(config: QualityConfig, given: Collection[str]) -> Reads:
    """The truth about the sample web, and the texts held against it."""
    return {
        "crawl": [Read("truth*")],
        "duplicates": [Read("clusters*")],
        "parts": [Read("pages*", ("id", "text"))],
    }


STAGE = Stage("quality", 4, QualityConfig, build, reads=reads)
