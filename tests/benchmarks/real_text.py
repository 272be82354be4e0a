"""Equal seconds on real text: four sides, one table.

In: tokens and held-out windows (`Setting`). Each side is first run for a few steps, which gives the
time of one, then for as many as fit into the seconds, so that its schedule ends when the time ends.
Every side has 4 layers of width 192 and the same head, hence about as many multiplications a token;
what it adds in tables that are looked up is its own design and stands in the table.
"""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.train_peers import HeldOut, bits_per_byte, document_nats, last_line

CONTEXT = 256
HERE = "tests.benchmarks"
PROBE_STEPS = 24
RESAMPLES = 2_000

SHAPE = {
    "layers": 4,
    "width": 192,
    "heads": 6,
    "kv_heads": 6,
    "head_dim": 32,
    "ffn_width": 512,  # three matrices of it: as many weights as two of 768
    "context": CONTEXT,
}
LOOP = {"rows_per_step": 16, "warmup_steps": 5, "warmdown_fraction": 0.6, "final_fraction": 0.0}
OPTIMIZER = {
    "matrix_lr": 0.04,
    "embedding_lr": 0.1,
    "table_lr": 0.05,  # of the speedrun shape's tables
    "initial_momentum": 0.95,
    "momentum_warmup_steps": 0,
    "weight_decay": 0.0,
}
PORTABLE = {"shape": SHAPE, "loop": LOOP, "optimizer": OPTIMIZER}
TABLES = {"ngram_rows": [32_768, 32_768], "ngram_width": 16}
SPEEDRUN = {**PORTABLE, "shape": {**SHAPE, "family": "speedrun", "ffn_width": 768, **TABLES}}
NANOGPT = {"batch_size": 8, "learning_rate": 0.003, "min_lr": 0.0003}
# Its law shrinks all rates by 8 for so small a batch, which costs it 0.12 bits per byte in 256
# steps: here they are eight times the defaults, so that the defaults come out.
NANOCHAT = {
    "device-batch-size": 32,
    "total-batch-size": 32 * CONTEXT,
    "matrix-lr": 0.16,
    "embedding-lr": 2.4,
    "unembedding-lr": 0.064,
    "scalar-lr": 4.0,
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """Where things are, and how long."""

    tokens: Path  # a tokens artifact
    data: Path  # train.bin, val.bin, held_out.npz, few.npz
    vocabulary: int
    peers: Path
    threads: int
    seconds: float
    held_out: HeldOut


@dataclasses.dataclass(frozen=True)
class Side:
    name: str
    rows: int  # of CONTEXT tokens a step
    run: Callable[[Setting, int, Path, Path], dict[str, Any]]  # steps, held-out file, nats file


def ours(settings: dict[str, Any]) -> Callable[[Setting, int, Path, Path], dict[str, Any]]:
    def run(setting: Setting, steps: int, held_out: Path, nats: Path) -> dict[str, Any]:
        laid = json.dumps({**settings, "threads": setting.threads, "device": "cpu"})
        command = ["-m", f"{HERE}.our_training", "--tokens", setting.tokens, "--steps", steps]
        command += ["--vocabulary", setting.vocabulary, "--held-out", held_out, "--nats", nats]
        return last_line([*command, "--settings", laid], setting.threads)

    return run


def nanogpt(setting: Setting, steps: int, held_out: Path, nats: Path) -> dict[str, Any]:
    """config/train_shakespeare_char.py, its smallest model's setting, in bf16, compiled."""
    command = ["-m", f"{HERE}.peers.nanogpt_train", "--checkout", setting.peers / "nanoGPT"]
    command += ["--data", setting.data, "--vocabulary", setting.vocabulary, "--skip", 4]
    command += ["--held-out", held_out, "--nats", nats, "--threads", setting.threads]
    command += ["--autocast", "config/train_shakespeare_char.py", "--device=cpu"]
    command += ["--compile=True", f"--block_size={CONTEXT}", "--n_layer=4", "--n_head=6"]
    command += ["--n_embd=192", "--dropout=0.0", f"--max_iters={steps}", f"--eval_interval={steps}"]
    command += [f"--lr_decay_iters={max(steps, 101)}", "--eval_iters=1"]
    said = last_line([*command, *(f"--{k}={v}" for k, v in NANOGPT.items())], setting.threads)
    # the first steps are charged as the others
    seconds = said["seconds"] / said["clocked_steps"] * said["steps"]
    return {**said, "seconds": seconds, "bits_per_byte": said["points"][-1]["bits_per_byte"]}


def nanochat(setting: Setting, steps: int, held_out: Path, nats: Path) -> dict[str, Any]:
    """scripts/base_train.py at depth 4, NANOCHAT_DTYPE=bfloat16, compiled, as it comes."""
    command = ["-m", f"{HERE}.peers.nanochat_train", "--checkout", setting.peers / "nanochat"]
    command += ["--tokens", setting.tokens, "--vocabulary", setting.vocabulary]
    command += ["--held-out", held_out, "--nats", nats, "--threads", setting.threads]
    command += ["--device-type=cpu", "--depth=4", "--aspect-ratio=48", "--head-dim=32"]
    command += [f"--max-seq-len={CONTEXT}", "--window-pattern=L", f"--num-iterations={steps}"]
    return last_line(
        [*command, *(f"--{k}={v}" for k, v in NANOCHAT.items())],
        setting.threads,
        {"NANOCHAT_DTYPE": "bfloat16"},
    )


SIDES = (
    Side("nanoGPT", int(NANOGPT["batch_size"]), nanogpt),
    Side("nanochat", int(NANOCHAT["device-batch-size"]), nanochat),
    Side("crawl2chat, portable shape", int(LOOP["rows_per_step"]), ours(PORTABLE)),
    Side("crawl2chat, speedrun shape", int(LOOP["rows_per_step"]), ours(SPEEDRUN)),
)


def table(setting: Setting, corpus: str) -> str:
    """Run every side; the table and what was set."""
    results = {side.name: timed(setting, side) for side in SIDES}
    against = results["nanochat"]["nats"]
    rows = [
        f"| {setting.seconds:.0f} seconds on real text | bits per byte | less than nanochat"
        " | tokens/s | tokens seen | steps × tokens | parameters in products | all | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for side in SIDES:
        said = results[side.name]
        seen = said["steps"] * side.rows * CONTEXT
        low, high = interval(said["nats"], setting.held_out)
        rows.append(
            f"| {side.name} | {said['bits_per_byte']:.3f} ({low:.3f} to {high:.3f})"
            f" | {gain(said['nats'], against, setting.held_out)}"
            f" | {seen / said['seconds']:,.0f} | {seen / 1e6:.2f}M"
            f" | {said['steps']:,} × {side.rows * CONTEXT:,}"
            f" | {said['matrix_parameters'] / 1e6:.2f}M | {said['parameters'] / 1e6:.2f}M"
            f" | {said['seconds']:.0f} |"
        )
    return "\n".join([*rows, "", note(setting, corpus)])


def timed(setting: Setting, side: Side) -> dict[str, Any]:
    """A few steps for the time of one, then as many as fit."""
    nats = setting.data / "nats.npy"
    probe = side.run(setting, PROBE_STEPS, setting.data / "few.npz", nats)
    steps = max(PROBE_STEPS, math.floor(setting.seconds / (probe["seconds"] / PROBE_STEPS)))
    said = side.run(setting, steps, setting.data / "held_out.npz", nats)
    found = np.load(nats)
    reported, here = said["bits_per_byte"], bits_per_byte(found, setting.held_out)
    if not math.isclose(reported, here, rel_tol=1e-6):
        raise SystemExit(f"{side.name} reports {reported} bits per byte, its nats give {here}")
    return {**said, "nats": found}


def resampled(held_out: HeldOut) -> np.ndarray:
    """Documents drawn with replacement, (resamples, documents); the same for every side."""
    count = len(held_out.document_bytes)
    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))


def interval(nats: np.ndarray, held_out: HeldOut) -> tuple[float, float]:
    """95% of the bits per byte over resampled documents."""
    draws = resampled(held_out)
    found = document_nats(nats, held_out)[draws].sum(axis=1)
    bits = found / (math.log(2) * held_out.document_bytes[draws].sum(axis=1))
    low, high = np.quantile(bits, [0.025, 0.975])
    return float(low), float(high)


def gain(nats: np.ndarray, against: np.ndarray, held_out: HeldOut) -> str:
    """Bits per byte below the other side's on the same documents, with the 95% interval."""
    if nats is against:
        return "—"
    low, high = interval(against - nats, held_out)
    return f"{bits_per_byte(against - nats, held_out):+.3f} ({low:+.3f} to {high:+.3f})"


def note(setting: Setting, corpus: str) -> str:
    """Every setting that isn't a side's own default."""
    return (
        f"{corpus}. {setting.threads} threads, one process after the other; the first steps of a"
        " process (compiling, caches) are charged at the later steps' mean; one seed each; 95%"
        " intervals over documents. All: 4 layers of width 192, 6 heads, context"
        f" {CONTEXT}, products in bf16. nanoGPT: train.py with config/train_shakespeare_char.py,"
        " autocast, torch.compile, "
        + ", ".join(f"{k} {v}" for k, v in NANOGPT.items())
        + " (the best of those tried); tied head, so fewer parameters. nanochat:"
        " scripts/base_train.py, depth 4, NANOCHAT_DTYPE=bfloat16, torch.compile, "
        + ", ".join(f"{k} {v}" for k, v in NANOCHAT.items())
        + " (rates that its own law turns back into its defaults: without, 0.12 worse after 256"
        " steps), its own schedule; value embeddings, so more parameters; rows packed as ours."
        " crawl2chat: "
        + ", ".join(f"{k} {v}" for k, v in {**LOOP, **OPTIMIZER}.items())
        + "; speedrun: ffn of 768 with ReLU², "
        + ", ".join(f"{k} {v}" for k, v in TABLES.items())
        + " (looked up, not multiplied)."
    )
