"""The learned quality of each page of a part: one number, for thresholds to be set on later.

In: a part of a crawl, and a model as `quality_model` trains it, or a fastText file of that kind.
Out: scores.parquet, a row for every row of the part's pages, in their order.
"""

import dataclasses
import json
from collections.abc import Collection
from pathlib import Path
from typing import TypedDict

import pyarrow as pa

from pipeline import ranges
from pipeline.corpus.read import check_text
from pipeline.filters.quality_scores import POSITIVE_LABEL, QualityModel
from pipeline.stage import Progress, Reads, Stage
from storage.errors import UserError
from storage.reads import Read
from storage.tables import streamed, write_table

SCORES = pa.schema([("id", pa.string()), ("quality_score", pa.float64())])
_ROWS_A_BATCH = 512
_MAX_CHARACTERS = 20_000  # of a page, for a model that does not say


class ScoreInputs(TypedDict):
    """One of each."""

    part: list[Path]
    model: list[Path]  # a `quality_model` artifact, or a fastText file


class ScoreStatistics(TypedDict):
    """Of a `quality_scores` artifact."""

    pages: int
    mean_score: float | None  # None without pages


@dataclasses.dataclass(frozen=True)
class ScoreConfig:
    """How a model is asked."""

    label: str = POSITIVE_LABEL  # the one whose probability is the score

    def __post_init__(self) -> None:
        ranges.check(self)


def build(
    out: Path,
    inputs: ScoreInputs,
    config: ScoreConfig,
    progress: Progress,
    scratch: Path,
) -> ScoreStatistics:
    """Write the scores of one part; see the module's head."""
    (part,), (given,) = inputs["part"], inputs["model"]
    model = load_model(given, config)
    ids: list[str] = []
    scores: list[float] = []
    with streamed(part / "pages.parquet") as pages:
        total = pages.metadata.num_rows
        for batch in pages.iter_batches(_ROWS_A_BATCH, columns=["id", "text"]):
            check_text(part, batch.column("text"))
            ids += batch.column("id").to_pylist()
            scores += [model.score(text) for text in batch.column("text").to_pylist()]
            progress.update(len(ids), total, "pages")
    write_table(pa.table({"id": ids, "quality_score": scores}, SCORES), out / "scores.parquet")
    return {"pages": len(ids), "mean_score": round(sum(scores) / len(scores), 6) if ids else None}


def load_model(given: Path, config: ScoreConfig) -> QualityModel:
    """The model that scores pages.

    Args:
        given: a trained model's folder, or a fastText file that the user has.
        config: which label counts.

    Raises:
        UserError: it is neither.
    """
    if given.is_file():
        return QualityModel(given, config.label, _MAX_CHARACTERS)
    report = given / "report.json"
    if not report.is_file():
        raise UserError(f"{given}: neither a fastText file nor the folder of a quality model")
    said = json.loads(report.read_text())
    return QualityModel(given / "model.bin", config.label, int(said["max_characters"]))


def reads(config: ScoreConfig, given: Collection[str]) -> Reads:
    """The texts."""
    return {"part": [Read("pages*", ("id", "text"))]}


STAGE = Stage(kind="quality_scores", version=1, config=ScoreConfig, build=build, reads=reads)
