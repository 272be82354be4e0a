"""Drives nanochat's own scripts/base_train.py, unchanged, from its checkout; prints JSON.

In: a tokens artifact of ours, held-out windows, base_train's own arguments. Its reading of Parquet
and tokenizing are replaced by rows of ready tokens (BOS first, packed by best fit, as its loader
packs), so that no side pays for tokenizing; wandb, sampling and CORE are left out. The first steps,
which torch.compile delays, are left out of the clock and charged at the later steps' mean.
"""

import argparse
import json
import os
import runpy
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.benchmarks.train_peers import (
    HeldOut,
    bits_per_byte,
    mean_nats,
    measure,
    now,
    synchronize,
)

WARM = 3  # steps before the clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--tokens", type=Path, required=True, help="a tokens artifact")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--nats", type=Path, help="write the nats a window here")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="order of the documents")
    parser.add_argument("--rows", type=int, default=32, help="windows measured at once")
    given, rest = parser.parse_known_args()
    torch.set_num_threads(given.threads)
    held_out = HeldOut.load(given.held_out)
    tokens = given.tokens.absolute()
    from pipeline.training.data_loader import PretrainData

    ends: list[float] = []  # of each step, on a clock
    said: dict[str, Any] = {}

    def loader(
        tokenizer: Any, rows: int, length: int, split: str, device: Any, **_: Any
    ) -> Iterator[Any]:
        data = PretrainData(tokens, length, rows, given.seed)
        for step in range(1 << 60):
            batch = data.batch(step)
            targets = torch.where(batch.loss_mask.bool(), batch.targets, -1)
            state = {"epoch": 0, "pq_idx": 0, "rg_idx": 0}
            yield batch.tokens.to(device), targets.to(device), state

    def finished(folder: str, step: int, weights: Any, optimizer: Any, meta: Any, **_: Any) -> None:
        seconds = (ends[-1] - ends[WARM - 1]) / (step - WARM) * step
        network = observed[0]
        nats = measure(
            lambda x, y: network(x, y, loss_reduction="none").view(y.shape),
            held_out,
            network.get_device(),
            given.rows,
        )
        if given.nats:
            np.save(given.nats, nats)
        counts = network.num_scaling_params()
        said.update(
            step=step,
            steps=step,
            seconds=seconds,
            nats=mean_nats(nats, held_out),
            bits_per_byte=bits_per_byte(nats, held_out),
            parameters=counts["total"],
            matrix_parameters=network.num_matmul_params(),
            batch_tokens=meta["total_batch_size"],
            counts=counts,
            settings=meta["user_config"],
        )

    stand_in(loader, finished, given.vocabulary)
    os.chdir(given.checkout)
    sys.path.insert(0, str(Path.cwd()))
    import nanochat.gpt as peer

    observed: list[Any] = []

    class Observed(peer.GPT):
        def init_weights(self) -> None:
            super().init_weights()
            observed.append(self)

        def setup_optimizer(self, **rates: Any) -> Any:
            optimizer = super().setup_optimizer(**rates)
            optimizer.register_step_post_hook(stepped)
            return optimizer

    def stepped(*_: Any) -> None:
        synchronize()
        ends.append(now())

    peer.GPT = Observed
    sys.argv = ["base_train", *rest]
    for name in ("eval-every", "core-metric-every", "sample-every", "save-every"):
        sys.argv.append(f"--{name}=-1")
    runpy.run_path("scripts/base_train.py", run_name="__main__")
    print("\n" + json.dumps(said))


def stand_in(loader: Any, finished: Any, vocabulary: int) -> None:
    """Modules of nanochat and wandb that the run has no use for, or gets from us."""
    names = types.SimpleNamespace(get_vocab_size=lambda: vocabulary)

    def module(name: str, **members: Any) -> None:
        made = types.ModuleType(name)
        made.__dict__.update(members)
        sys.modules[name] = made

    def unused(*_: Any, **__: Any) -> None:
        raise RuntimeError("left out of this benchmark")

    module("wandb", init=unused)
    module(
        "nanochat.dataloader",
        tokenizing_distributed_data_loader_bos_bestfit=loader,
        tokenizing_distributed_data_loader_with_state_bos_bestfit=loader,
    )
    module("nanochat.tokenizer", get_tokenizer=lambda: names, get_token_bytes=lambda device: None)
    module("nanochat.checkpoint_manager", save_checkpoint=finished, load_checkpoint=unused)
    module("nanochat.loss_eval", evaluate_bpb=unused)
    module("nanochat.engine", Engine=unused)
    module("scripts.base_eval", evaluate_core=unused)


if __name__ == "__main__":
    main()
