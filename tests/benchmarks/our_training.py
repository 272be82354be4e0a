"""Our pretraining in the benchmark: stage code without an orchestrator, on ready tokens.

In: a tokens artifact, held-out windows, settings laid over `PretrainConfig`, a number of steps.
Out: JSON with seconds, parameters and bits per byte, and the nats of each window. The data, the
model, the optimizer and the loop are `pipeline.training`'s; nothing is saved on the way, as the
peers save nothing. The first steps (compiling, caches) are charged at the later steps' mean.
"""

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.config import from_dict, to_dict
from pipeline.model import Transformer
from pipeline.stage import SILENT
from pipeline.training import runtime
from pipeline.training.compiling import Ahead, compile_layers, multiply_in_8_bits
from pipeline.training.config import LoopConfig, PretrainConfig
from pipeline.training.data_loader import Batch, PretrainData
from pipeline.training.loss import token_loss
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from pipeline.training.shape import model_config
from tests.benchmarks.train_peers import (
    HeldOut,
    bits_per_byte,
    mean_nats,
    measure,
    now,
    synchronize,
)

WARM = 4  # steps before the clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=Path, required=True, help="a tokens artifact")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--nats", type=Path, help="write the nats a window here")
    parser.add_argument("--settings", default="{}", help="JSON, laid over PretrainConfig")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--rows", type=int, default=32, help="windows measured at once")
    given = parser.parse_args()
    config = laid_over(PretrainConfig(), json.loads(given.settings))
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    held_out = HeldOut.load(given.held_out)
    shape = model_config(config.shape, given.vocabulary)
    data = PretrainData(
        given.tokens,
        config.shape.context,
        config.loop.rows_per_step,
        config.seed,
        separate_documents=config.separate_documents,
    )

    model = Transformer(shape).init_weights(config.seed)
    model.to(device).compute_dtype = dtype
    optimizer = build_optimizer(model, config.optimizer)
    if config.fp8:
        multiply_in_8_bits(model)
    if config.compile:
        compile_layers(model)
    warm: list[float] = []  # the clock when the process was
    ready = Ahead(data.batch) if device.type == "cuda" else data.batch

    def batch(step: int) -> Batch:
        if step == WARM:
            synchronize()
            warm.append(now())
        return ready(step)

    with tempfile.TemporaryDirectory() as scratch:
        train(
            model,
            optimizer,
            batch,
            unsaved(config.loop, given.steps),
            stage="benchmark",
            scratch=Path(scratch),
            progress=SILENT,
        )
    synchronize()
    seconds = (now() - warm[0]) / (given.steps - WARM) * given.steps
    model.eval()
    nats = measure(lambda x, y: window_nats(model, x, y), held_out, device, given.rows)
    if given.nats:
        np.save(given.nats, nats)
    said = {
        "seconds": seconds,
        "steps": given.steps,
        "nats": mean_nats(nats, held_out),
        "bits_per_byte": bits_per_byte(nats, held_out),
        "parameters": sum(p.numel() for p in model.parameters()),
        "matrix_parameters": model.config.matrix_parameters,
        "batch_tokens": config.loop.rows_per_step * config.shape.context,
        "precision": str(dtype).removeprefix("torch."),
    }
    print(json.dumps(said))


def laid_over(config: Any, settings: dict[str, Any]) -> Any:
    """The config with some of its numbers replaced, tables inside tables."""

    def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        both = dict(old)
        for name, value in new.items():
            both[name] = merged(both[name], value) if isinstance(value, dict) else value
        return both

    return from_dict(type(config), merged(to_dict(config), settings))


def unsaved(loop: LoopConfig, steps: int) -> LoopConfig:
    """The loop for so many steps, without checkpoints and without measuring on the way."""
    return dataclasses.replace(
        loop,
        steps=steps,
        validate_every=0,
        checkpoint_seconds=1e9,
        checkpoint_steps=0,
        rollback_steps=0,
    )


def window_nats(
    model: Transformer, inputs: torch.Tensor, targets: torch.Tensor, cast: Any = None
) -> torch.Tensor:
    """Nats of each target; those that aren't counted are nought. `cast`: see `token_loss`."""
    counted = targets >= 0
    batch = Batch(inputs, targets.clamp_min(0), counted.long(), None)
    return token_loss(model, batch, cast=cast)[1].view(targets.shape)


if __name__ == "__main__":
    main()
