"""A tiny training run whose batches upset it: NaN, or a head that shouts.

As a program (under torchrun, say) it trains through both, and the first process prints its losses.
"""

import io
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from pipeline.model import ModelConfig, Transformer
from pipeline.stage import Progress
from pipeline.training import distribution
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data_loader import Batch
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer

STEPS = 40
GUARDED = LoopConfig(
    steps=STEPS,
    rows_per_step=4,
    warmup_steps=2,
    checkpoint_seconds=1e9,
    rollback_steps=8,
    spike_window=6,
    spike_patience=2,
    spike_nats=1.0,
)


class Killed(Exception):
    """Stands for SIGKILL: nothing in the loop knows it."""


class Run:
    """A tiny model whose batches upset it; `upsets` maps the number of a batch to what it does."""

    def __init__(self, model: Transformer, upsets: dict[int, str]) -> None:
        self.model, self.upsets = model, upsets
        self.drawn: list[int] = []
        self.events: list[dict] = []
        self.notes: list[str] = []

    def batch_of(self, number: int) -> Batch:
        self.drawn.append(number)
        generator = torch.Generator().manual_seed(number)
        tokens = torch.randint(300, (4, 17), generator=generator)
        with torch.no_grad():
            if self.upsets.get(number) == "nan":
                self.model.norm.weight[3] = math.nan
            elif self.upsets.get(number) == "shout":
                self.model.norm.weight.mul_(60.0)
        return Batch(tokens[:, :-1], tokens[:, 1:], torch.ones(4, 16, dtype=torch.long), None)

    def train(
        self, scratch: Path, kill_at: int | None = None, **changes: Any
    ) -> tuple[pa.Table, pa.Table]:
        draws = 0

        def batch_of(number: int) -> Batch:
            nonlocal draws
            draws += 1
            if draws == kill_at:
                raise Killed
            return self.batch_of(number)

        stream = io.StringIO()
        config = LoopConfig(**{**vars(GUARDED), **changes})
        try:
            return train(
                self.model,
                build_optimizer(self.model, OptimizerConfig()),
                batch_of,
                config,
                stage="pretrain",
                scratch=scratch,
                progress=Progress(stream),
                validate=lambda: float(self.model.norm.weight.detach().sum()),
            )
        finally:
            events = [json.loads(line) for line in stream.getvalue().splitlines()]
            self.events += events
            self.notes += [event["text"] for event in events if event["event"] == "note"]

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}


def main(scratch: str) -> None:
    torch.set_num_threads(1)
    distribution.init(torch.device("cpu"))
    shape = ModelConfig(
        vocab_size=310,
        layers=2,
        width=32,
        heads=2,
        kv_heads=1,
        head_dim=16,
        ffn_width=64,
        max_context=32,
    )
    run = Run(Transformer(shape).init_weights(0), {20: "nan", 37: "shout"})
    metrics, _ = run.train(Path(scratch))
    if distribution.rank() == 0:
        rows = {name: metrics[name].to_pylist() for name in ("loss", "rollbacks")}
        print(json.dumps(rows | {"notes": run.notes}))
    distribution.close()


if __name__ == "__main__":
    main(sys.argv[1])
    # as pipeline.worker.child ends: gloo's threads, torn down at a usual exit, abort now and then
    sys.stdout.flush()
    os._exit(0)
