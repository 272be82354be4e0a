"""The record at nanoGPT's own CPU size: seconds to a validation loss on tiny Shakespeare.

In: the text. Out: for each seed the validation loss in nats a character at points of the training
clock, through `pipeline.training.loop.train` and nothing beside it. By character, 65 of them, first
nine tenths to train, no more parameters than nanoGPT's 0.80M, context 64; validation is every
window of 64 side by side (`train_peers.stream_windows`), and measuring stops the clock.

    python -m tests.benchmarks.shakespeare --text FILE.gz [--family speedrun] [--seeds 3]
"""

import argparse
import dataclasses
import gzip
import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pipeline.model import ModelConfig, Transformer
from pipeline.stage import SILENT
from pipeline.training import runtime
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data import Batch
from pipeline.training.loop import train
from pipeline.training.loss import token_loss
from pipeline.training.optimizers import build_optimizer
from tests.benchmarks.train_peers import stream_windows

CONTEXT = 64
TARGET = 1.88  # nats a character: nanoGPT's README
NANOGPT_PARAMETERS = 804_096  # all of its parameters at this setting, positions included


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A shape and how long and how fast it learns."""

    model: ModelConfig
    loop: LoopConfig
    optimizer: OptimizerConfig
    sentence: str


# No clipping, no rollback anchors and no checkpoints: a run of a second has nothing to lose.
_LOOP = LoopConfig(
    rows_per_step=32,
    warmup_steps=1,
    warmdown_fraction=0.6,
    final_fraction=0.0,
    log_every=1_000_000,
    loss_chunk_tokens=4096,
    checkpoint_seconds=1e9,
    rollback_steps=0,
)
_OPTIMIZER = OptimizerConfig(
    matrix_lr=0.04,
    embedding_lr=0.04,  # the width's factor makes it 0.1
    head_lr=0.008,  # and this one 0.02
    gain_lr=0.02,
    initial_momentum=0.95,
    momentum_warmup_steps=0,
    weight_decay=0.0,
)
RECIPES = {
    "speedrun": Recipe(
        ModelConfig(
            vocab_size=65,
            layers=1,
            width=128,
            heads=4,
            kv_heads=4,
            head_dim=32,
            ffn_width=256,
            max_context=CONTEXT,
            family="speedrun",
            ngram_rows=(4096, 8192, 8192),
            ngram_width=24,
        ),
        dataclasses.replace(_LOOP, steps=56, validate_every=4),
        _OPTIMIZER,
        "1 layer of width 128, tables of 2-, 3- and 4-grams, Muon, bf16 products, 56 steps of 32 "
        "rows",
    ),
    "qwen3": Recipe(
        ModelConfig(
            vocab_size=65,
            layers=3,
            width=128,
            heads=4,
            kv_heads=4,
            head_dim=32,
            ffn_width=384,
            max_context=CONTEXT,
        ),
        dataclasses.replace(_LOOP, steps=130, validate_every=5),
        _OPTIMIZER,
        "3 layers of width 128 in Qwen3's shape, Muon, bf16 products, 130 steps of 32 rows",
    ),
}


@dataclasses.dataclass(frozen=True)
class Point:
    step: int
    seconds: float  # of training, from the first step's start
    nats: float  # a character, over all validation windows


@dataclasses.dataclass(frozen=True)
class Run:
    seed: int
    parameters: int
    points: list[Point]

    def seconds_to(self, nats: float) -> float | None:
        """The clock at the first measurement at or below `nats`."""
        return next((p.seconds for p in self.points if p.nats <= nats), None)


def characters(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The text as numbers of its sorted characters: the first nine tenths, and the rest."""
    text = gzip.decompress(path.read_bytes()).decode()
    number = {character: index for index, character in enumerate(sorted(set(text)))}
    ids = np.array([number[character] for character in text], dtype=np.int64)
    border = int(len(ids) * 0.9)
    return ids[:border], ids[border:]


def batches(ids: np.ndarray, rows: int, seed: int) -> Callable[[int], Batch]:
    """Rows from places drawn evenly, a function of seed and step."""
    steps = np.arange(CONTEXT + 1)

    def batch(step: int) -> Batch:
        starts = np.random.default_rng([seed, step]).integers(0, len(ids) - CONTEXT, rows)
        windows = torch.from_numpy(ids[starts[:, None] + steps])
        return Batch(
            windows[:, :-1], windows[:, 1:], torch.ones(rows, CONTEXT, dtype=torch.int64), None
        )

    return batch


def run(text: Path, family: str, seed: int, threads: int) -> Run:
    """One training from fresh weights."""
    recipe = RECIPES[family]
    _, dtype = runtime.prepare("cpu", "auto", threads)
    training, validation = characters(text)
    held_out = stream_windows(validation, CONTEXT)
    model = Transformer(recipe.model).init_weights(seed)
    model.compute_dtype = dtype
    every = Batch(
        torch.from_numpy(held_out.inputs),
        torch.from_numpy(held_out.targets),
        torch.ones(held_out.inputs.shape, dtype=torch.int64),
        None,
    )

    @torch.no_grad()
    def bits() -> float:
        cast = model.cast_weights()
        nats = 0.0
        for start in range(0, len(every.tokens), 256):
            nats += float(token_loss(model, every.rows(start, start + 256), cast=cast)[0])
        return nats / every.targets.numel() / math.log(2)

    with tempfile.TemporaryDirectory() as scratch:
        metrics, timing = train(
            model,
            build_optimizer(model, recipe.optimizer),
            batches(training, recipe.loop.rows_per_step, seed),
            recipe.loop,
            stage="shakespeare",
            scratch=Path(scratch),
            progress=SILENT,
            validate=bits,
        )
    points = [
        Point(row["step"], clock["seconds"], row["validation_bits_per_byte"] * math.log(2))
        for row, clock in zip(metrics.to_pylist(), timing.to_pylist())
    ]
    return Run(seed, sum(p.numel() for p in model.parameters()), points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, required=True, help="tinyshakespeare.txt.gz")
    parser.add_argument("--family", choices=sorted(RECIPES), default="speedrun")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    run(options.text, options.family, seed=0, threads=options.threads)  # warms the machine up
    runs = [run(options.text, options.family, s, options.threads) for s in range(options.seeds)]
    for one in runs:
        seconds = one.seconds_to(TARGET)
        reached = "not reached" if seconds is None else f"{seconds:.2f} s"
        print(f"seed {one.seed}: {TARGET} {reached}; {one.points[-1]}", file=sys.stderr)
    report = {
        "parameters": runs[0].parameters,
        "settings": RECIPES[options.family].sentence,
        "runs": [
            {"seed": one.seed, "points": [dataclasses.asdict(p) for p in one.points]}
            for one in runs
        ],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
