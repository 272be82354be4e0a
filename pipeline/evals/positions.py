"""Bits per byte by position in the document: the gain of a longer context, and where it ends.

In: a base model, the same model extended, validation documents longer than the base's context. Out:
rows by reader and bucket of positions, with intervals by bootstrap over documents. Three readers
see the same tokens: the base in windows of its own context (it forgets at each), the base beyond
its context with unscaled rotation (it fails there), and the extended model.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from pipeline import model as models
from pipeline.evals.config import PositionsConfig
from pipeline.intervals import bootstrap_ratio
from pipeline.model import Transformer
from pipeline.model.engine import Moved, unwatched
from pipeline.stage import Progress, Stage
from pipeline.training import bits_per_byte, runtime
from pipeline.training.data_loader import TokenShards
from pipeline.training.watchdog import Watchdog
from storage.errors import UserError
from storage.schemas import POSITIONS
from storage.tables import table, write_table


class PositionsInputs(TypedDict):
    """Folders of artifacts, one each."""

    base: list[Path]
    extended: list[Path]
    tokens: list[Path]


class PositionsStatistics(TypedDict):
    """Of a `positions` artifact."""

    documents: int
    context_before: int  # of the base, in tokens
    context: int  # of the extended model
    beyond: dict[str, float]  # by reader: bits per byte of positions beyond the base's context


class PositionRow(TypedDict):
    """A row of storage.schemas.POSITIONS."""

    reader: str
    context: int  # tokens of a window
    first: int  # position of the bucket
    last: int
    bits_per_byte: float
    low: float  # 95% interval
    high: float
    documents: int
    bytes: int


def buckets(old: int, new: int, edges: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Buckets of positions, (first, end) each, that cover 0 to `new`.

    Args:
        old: the base's context, in tokens.
        new: the extended context.
        edges: the first position of each bucket but the first; empty: see `PositionsConfig.edges`.
    """
    step = max(1, old // 2)
    cuts = edges or [old // 8, old // 4, old // 2, *range(old, new, step)]
    inside = sorted({cut for cut in cuts if 0 < cut < new})
    return list(zip([0, *inside], [*inside, new]))


def chosen(
    validation: TokenShards, old: int, new: int, config: PositionsConfig
) -> list[np.ndarray]:
    """Documents longer than the base's context, cut at the extended one's; token ids."""
    order = np.random.default_rng(config.seed).permutation(len(validation))
    long = [int(i) for i in order if validation.lengths[i] > old + 1][: config.documents]
    return [validation.document(i, 0, min(new + 1, int(validation.lengths[i]))) for i in long]


def by_position(
    model: Transformer,
    documents: Sequence[np.ndarray],
    byte_lengths: np.ndarray,
    window: int,
    edges: Sequence[tuple[int, int]],
    moved: Moved = unwatched,
) -> tuple[np.ndarray, np.ndarray]:
    """Bits and bytes by position.

    Args:
        model: the reader.
        documents: token ids.
        byte_lengths: [vocab], bytes of each token.
        window: documents are read in windows of so many tokens.
        edges: from `buckets`.
        moved: called at each batch.

    Returns:
        Bits and bytes, each [documents, buckets].
    """
    ends = np.array([end for _, end in edges])
    bits = np.zeros((len(documents), len(edges)))
    sizes = np.zeros((len(documents), len(edges)))
    for group, per_token in bits_per_byte.read(model, documents, window, moved=moved):
        values = per_token.double().cpu().numpy() / math.log(2)
        for row, (length, index, start) in enumerate(group):
            bucket = np.searchsorted(ends, np.arange(start, start + length), side="right")
            goals = documents[index][start + 1 : start + 1 + length]
            np.add.at(bits[index], bucket, values[row, :length])
            np.add.at(sizes[index], bucket, byte_lengths[goals])
    return bits, sizes


def rows_of(
    reader: str,
    context: int,
    measured: tuple[np.ndarray, np.ndarray],
    edges: Sequence[tuple[int, int]],
    config: PositionsConfig,
) -> list[PositionRow]:
    """Rows of the positions table, one for each bucket that a document reaches."""
    rows: list[PositionRow] = []
    for number, (first, end) in enumerate(edges):
        bits, sizes = (part[:, number] for part in measured)
        reached = sizes > 0
        if not reached.any():
            continue
        low, high = bootstrap_ratio(
            bits[reached], sizes[reached], config.bootstrap_samples, config.seed
        )
        rows.append(
            {
                "reader": reader,
                "context": context,
                "first": first,
                "last": end - 1,
                "bits_per_byte": float(bits[reached].sum() / sizes[reached].sum()),
                "low": low,
                "high": high,
                "documents": int(reached.sum()),
                "bytes": int(sizes[reached].sum()),
            }
        )
    return rows


def build(
    out: Path,
    inputs: PositionsInputs,
    config: PositionsConfig,
    progress: Progress,
    scratch: Path,
) -> PositionsStatistics:
    """The `positions` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    base, tokenizer = models.load(inputs["base"][0], device, dtype)
    extended, _ = models.load(inputs["extended"][0], device, dtype)
    old, new = base.config.max_context, extended.config.max_context
    documents = chosen(TokenShards(inputs["tokens"][0], "validation"), old, new, config)
    if not documents:
        raise UserError(f"positions: no validation document is longer than {old} tokens")
    byte_lengths = np.array([len(token) for token in tokenizer.token_bytes], dtype=np.int64)
    edges = buckets(old, new, config.edges)
    rows: list[PositionRow] = []
    readers = (
        (f"base, windows of {old}", base, old),
        (f"base, read past {old}", base, new),
        (f"extended to {new}", extended, new),
    )
    with Watchdog(config.watchdog_seconds) as watchdog:
        for reader, model, window in readers:
            if window > model.config.max_context:  # its own rotation, continued without scaling
                model.stretch(window, model.config.rope_theta, model.config.rope_scaling)
            measured = by_position(model, documents, byte_lengths, window, edges, watchdog.expect)
            rows += rows_of(reader, window, measured, edges, config)
            progress.update(len(rows), 3 * len(edges), "buckets")
    write_table(table(rows, POSITIONS), out / "positions.parquet")
    return {
        "documents": len(documents),
        "context_before": old,
        "context": new,
        "beyond": {name: _beyond(rows, name, old) for name in dict.fromkeys(_readers(rows))},
    }


def _readers(rows: list[PositionRow]) -> list[str]:
    return [row["reader"] for row in rows]


def _beyond(rows: list[PositionRow], reader: str, old: int) -> float:
    """Bits per byte of all positions beyond the base's context."""
    mine = [row for row in rows if row["reader"] == reader and row["first"] >= old]
    size = sum(row["bytes"] for row in mine)
    return sum(row["bits_per_byte"] * row["bytes"] for row in mine) / size if size else math.nan


STAGE = Stage(kind="positions", version=1, config=PositionsConfig, build=build)
