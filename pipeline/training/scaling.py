"""A ladder of sizes, each trained alike, and the law of loss against compute through them.

`rung` turns a pretraining recipe into that of one size: depth sets width (`width_per_layer`),
tokens are a fixed number a matrix parameter, all else stays. The stage reads finished base models,
fits `power_law` without the largest size, says how well that predicted it, then fits all and
predicts the next. Sizes are few, so everything carries its predictive interval.
"""

import dataclasses
import json
from pathlib import Path
from typing import TypedDict, cast

from pipeline.stage import Progress, Stage
from pipeline.training import pretrain
from pipeline.training.batch_sizes import mean_rows, seen_rows
from pipeline.training.config import PretrainConfig, ScalingConfig
from pipeline.training.power_law import fit, predict
from pipeline.training.shape import model_config
from storage.errors import UserError
from storage.manifest import MANIFEST, parse
from storage.schemas import SCALING
from storage.tables import table, write_table


class ScalingInputs(TypedDict):
    """Folders of artifacts."""

    runs: list[Path]  # base models


class SizeRow(TypedDict):
    """A row of storage.schemas.SCALING: a base model of the ladder."""

    base: str
    layers: int
    width: int
    seed: int
    parameters: int
    matrix_parameters: int
    tokens: int  # seen in training
    epochs: float
    flops: float
    bits_per_byte: float


class LawRecord(TypedDict):
    """A `power_law.PowerLaw`."""

    floor: float
    scale: float
    exponent: float
    reference: float


class LadderPrediction(TypedDict):
    """Bits per byte at some compute, with its 95% predictive interval."""

    flops: float
    value: float
    low: float
    high: float


class LadderCheck(LadderPrediction):
    """The largest size, predicted by the others."""

    measured: float
    error: float  # of the prediction, as a share of what was measured


class ScalingStatistics(TypedDict):
    """Of a `scaling` artifact."""

    law: LawRecord
    check: LadderCheck
    next: LadderPrediction
    points: list[list[float]]  # FLOPs and bits per byte of each run
    max_epochs: float  # of any run


def rung(
    base: PretrainConfig, config: ScalingConfig, depth: int, seed: int, vocab_size: int
) -> PretrainConfig:
    """The pretraining recipe of one size.

    Args:
        base: the recipe of all sizes.
        config: of the ladder.
        depth: layers.
        seed: of the run.
        vocab_size: of the tokenizer.
    """
    width = depth * config.width_per_layer
    heads = width // config.head_dim
    shape = dataclasses.replace(
        base.shape,
        layers=depth,
        width=width,
        heads=heads,
        kv_heads=heads,
        head_dim=config.head_dim,
        ffn_width=max(32, round(width * config.ffn_ratio / 32) * 32),
    )
    matrix_parameters = model_config(shape, vocab_size).matrix_parameters
    tokens_per_step = mean_rows(base.loop) * shape.context
    steps = max(1, round(config.tokens_per_parameter * matrix_parameters / tokens_per_step))
    # Measured once, at the end: on the whole validation split.
    loop = dataclasses.replace(base.loop, steps=steps, validate_every=0)
    return dataclasses.replace(base, shape=shape, loop=loop, seed=seed)


def check_epochs(
    base: PretrainConfig, config: ScalingConfig, vocab_size: int, train_tokens: int
) -> None:
    """Check how often the largest size would read the corpus, before anything is trained.

    Args:
        base: the recipe of all sizes.
        config: of the ladder.
        vocab_size: of the tokenizer.
        train_tokens: of the train split.

    Raises:
        UserError: more than max_epochs times.
    """
    largest = rung(base, config, max(config.depths), 0, vocab_size)
    seen = seen_rows(largest.loop) * largest.shape.context
    if seen > config.max_epochs * train_tokens:
        raise UserError(
            f"scaling: {largest.shape.layers} layers would see {seen:,} tokens of"
            f" {train_tokens:,}, more than scaling.max_epochs {config.max_epochs:g} passes: read"
            " more pages, or lower scaling.tokens_per_parameter or scaling.depths"
        )


def build(
    out: Path,
    inputs: ScalingInputs,
    config: ScalingConfig,
    progress: Progress,
    scratch: Path,
) -> ScalingStatistics:
    """The `scaling` stage: finished base models in, their law out."""
    rows = sorted(map(_run, inputs["runs"]), key=lambda row: (row["flops"], row["seed"]))
    largest = rows[-1]["flops"]
    smaller = [row for row in rows if row["flops"] < largest]
    measured = [row["bits_per_byte"] for row in rows if row["flops"] == largest]
    predicted = _predict(smaller, largest, config)
    actual = sum(measured) / len(measured)
    ahead = _predict(rows, largest * config.ahead, config)
    law = fit(_compute(rows), _losses(rows))
    progress.note(
        f"scaling: the largest predicted {predicted['value']:.4f} [{predicted['low']:.4f},"
        f" {predicted['high']:.4f}] from the others, measured {actual:.4f}"
    )
    write_table(table(rows, SCALING), out / "runs.parquet")
    statistics: ScalingStatistics = {
        "law": cast(LawRecord, dataclasses.asdict(law)),
        "check": {**predicted, "measured": actual, "error": predicted["value"] / actual - 1},
        "next": ahead,
        "points": [[row["flops"], row["bits_per_byte"]] for row in rows],
        "max_epochs": max(row["epochs"] for row in rows),
    }
    (out / "law.json").write_text(json.dumps(statistics, indent=1, sort_keys=True) + "\n")
    return statistics


def _run(folder: Path) -> SizeRow:
    """A base model's row."""
    manifest = parse((folder / MANIFEST).read_bytes(), str(folder))
    statistics = pretrain.STAGE.statistics_of(manifest)
    shape = manifest.recipe["shape"]
    return {
        "base": manifest.artifact,
        "layers": shape["layers"],
        "width": shape["width"],
        "seed": manifest.recipe["seed"],
        "parameters": statistics["parameters"],
        "matrix_parameters": statistics["matrix_parameters"],
        "tokens": statistics["tokens_seen"],
        "epochs": statistics["epochs"],
        "flops": float(statistics["flops"]),
        "bits_per_byte": statistics["bits_per_byte"],
    }


def _predict(rows: list[SizeRow], at: float, config: ScalingConfig) -> LadderPrediction:
    found = predict(_compute(rows), _losses(rows), at, draws=config.draws, seed=config.seed)
    return {"flops": at, "value": found.value, "low": found.low, "high": found.high}


def _compute(rows: list[SizeRow]) -> list[float]:
    return [row["flops"] for row in rows]


def _losses(rows: list[SizeRow]) -> list[float]:
    return [row["bits_per_byte"] for row in rows]


STAGE = Stage("scaling", 3, ScalingConfig, build)
