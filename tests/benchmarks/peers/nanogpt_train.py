"""Drives nanoGPT's own train.py, unchanged, from its checkout; prints what it reached as JSON.

In: token streams train.bin and val.bin (uint16), windows of the held-out text, train.py's own
arguments. Whenever train.py evaluates (its `eval_interval`) the windows are measured instead, with
the clock stopped. `--autocast` wraps its model's forward, since train.py has bf16 on GPUs only.
"""

import argparse
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from tests.benchmarks.train_peers import (
    Clock,
    HeldOut,
    bits_per_byte,
    mean_nats,
    measure,
    start_up,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.bin, val.bin")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--nats", type=Path, help="write the last measure's nats a window here")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--autocast", action="store_true", help="bf16 on a CPU")
    parser.add_argument("--skip", type=int, default=0, help="steps before the clock (compiling)")
    parser.add_argument("--rows", type=int, default=32, help="windows measured at once")
    given, rest = parser.parse_known_args()
    torch.set_num_threads(given.threads)
    held_out = HeldOut.load(given.held_out)
    data = given.data.absolute()
    os.chdir(given.checkout)
    sys.path.insert(0, str(Path.cwd()))
    import model as peer

    made: list[Any] = []
    steps: list[int] = []
    clock = Clock()
    began: list[float] = []  # seconds of start-up, its evaluation at step 0 included
    points: list[dict[str, float]] = []

    class Observed(peer.GPT):
        """train.py evaluates between eval() and the checkpoint, or train() at the start."""

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            made.append(self)

        def configure_optimizers(self, *settings: Any) -> Any:
            optimizer = super().configure_optimizers(*settings)
            optimizer.register_step_post_hook(stepped)
            return optimizer

        def train(self, mode: bool = True) -> Any:
            if mode and not began:
                began.append(start_up())
            clock.run() if mode and len(steps) >= given.skip else clock.pause()
            return super().train(mode)

    class Autocast(Observed):
        def forward(self, idx: Any, targets: Any = None) -> Any:
            with torch.autocast("cpu", torch.bfloat16):
                return super().forward(idx, targets)

    def stepped(*_: Any) -> None:
        steps.append(len(steps))
        if len(steps) == given.skip:
            clock.pause()
            clock.seconds = 0.0
            clock.run()

    def saved(checkpoint: Any, path: Any, *rest: Any, **named: Any) -> None:
        if not (isinstance(checkpoint, dict) and "iter_num" in checkpoint):
            write(checkpoint, path, *rest, **named)  # somebody else's
            return
        (network,) = made
        network.eval()  # stops the clock
        nats = measure(nats_of, held_out, next(network.parameters()).device, given.rows)
        points.append(
            {
                "step": checkpoint["iter_num"],
                "seconds": clock.seconds,
                "nats": mean_nats(nats, held_out),
                "bits_per_byte": bits_per_byte(nats, held_out),
                "own_estimate": float(checkpoint["best_val_loss"]),
            }
        )
        if given.nats:
            np.save(given.nats, nats)
        network.train()

    def nats_of(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=inputs.is_cuda):
            logits, _ = made[0](inputs, targets)
        flat = logits.float().flatten(0, 1)
        nats = F.cross_entropy(flat, targets.flatten(), ignore_index=-1, reduction="none")
        return nats.view(targets.shape)

    shape = peer.GPTConfig
    peer.GPTConfig = lambda **kw: shape(**{**kw, "vocab_size": given.vocabulary})
    peer.GPT = Autocast if given.autocast else Observed
    write = torch.save
    torch.save = saved  # type: ignore[assignment]
    sys.argv = ["train.py", *rest, f"--dataset={data}", f"--out_dir={data / 'nanogpt-out'}"]
    sys.argv.append("--always_save_checkpoint=True")
    runpy.run_path("train.py", run_name="__main__")

    network = made[0]
    total = sum(p.numel() for p in network.parameters())
    positions = network.transformer.wpe.weight.numel()
    blocks = sum(p.numel() for p in network.transformer.h.parameters() if p.ndim == 2)
    said = {
        "points": points,
        "parameters": total,
        "matrix_parameters": blocks + network.lm_head.weight.numel(),
        "position_parameters": positions,
        "steps": points[-1]["step"],
        "clocked_steps": points[-1]["step"] - given.skip,
        "seconds": points[-1]["seconds"],
        "start_up": began[0],
    }
    print("\n" + json.dumps(said))


if __name__ == "__main__":
    main()
