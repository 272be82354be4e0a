"""Equal seconds on real text: four sides on each kind of CPU, one table.

In: tokens and held-out windows (`Setting`). Each side is first run for a few steps, which gives the
time of one, then for as many as fit into the seconds, so that its schedule ends when the time ends.
Every side has 4 layers of width 192 and the same head, hence about as many multiplications a token;
what it adds in tables that are looked up is its own design and stands in the table. Batches and
rates are those of tuned.json, which `tests.benchmarks.tuning` finds on other documents.
"""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import kinds
from tests.benchmarks.kinds import Kind
from tests.benchmarks.train_peers import (
    BUSY_NOTE,
    HeldOut,
    bits_per_byte,
    document_nats,
    is_busy,
    last_line,
)

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
LOOP = {"warmup_steps": 5, "warmdown_fraction": 0.6, "final_fraction": 0.0}
OPTIMIZER = {"initial_momentum": 0.95, "momentum_warmup_steps": 0, "weight_decay": 0.0}
TABLES = {"ngram_rows": [32_768, 32_768], "ngram_width": 16}
SHAPES = {
    "portable": SHAPE,
    "speedrun": {**SHAPE, "family": "speedrun", "ffn_width": 768, **TABLES},
}
# nanochat's default rates, which its own law then scales by the root of the batch over 2^19 tokens.
NANOCHAT_RATES = {"matrix-lr": 0.02, "embedding-lr": 0.3, "unembedding-lr": 0.008, "scalar-lr": 0.5}
TUNED = Path(__file__).with_name("tuned.json")

Settings = dict[str, Any]  # of a side, as in tuned.json: rows, and numbers of its own


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
    """`run` takes settings, the kind of CPU, steps, a held-out file and a file for its nats."""

    key: str  # in tuned.json
    name: str
    run: Callable[[Setting, Settings, Kind, int, Path, Path], dict[str, Any]]


def ours(family: str) -> Callable[[Setting, Settings, Kind, int, Path, Path], dict[str, Any]]:
    def run(
        setting: Setting, tuned: Settings, kind: Kind, steps: int, held_out: Path, nats: Path
    ) -> dict[str, Any]:
        rates = {name: value for name, value in tuned.items() if name != "rows"}
        laid = {
            "shape": SHAPES[family],
            "loop": {**LOOP, "rows_per_step": tuned["rows"]},
            "optimizer": {**OPTIMIZER, **rates},
            "precision": kind.precision,
            "threads": setting.threads,
            "device": "cpu",
        }
        command = ["-m", f"{HERE}.our_training", "--tokens", setting.tokens, "--steps", steps]
        command += ["--vocabulary", setting.vocabulary, "--held-out", held_out, "--nats", nats]
        command += ["--settings", json.dumps(laid)]
        return last_line(command, setting.threads, kind.environment)

    return run


def nanogpt(
    setting: Setting, tuned: Settings, kind: Kind, steps: int, held_out: Path, nats: Path
) -> dict[str, Any]:
    """config/train_shakespeare_char.py, its smallest model's setting, compiled."""
    command = ["-m", f"{HERE}.peers.nanogpt_train", "--checkout", setting.peers / "nanoGPT"]
    command += ["--data", setting.data, "--vocabulary", setting.vocabulary, "--skip", 4]
    command += ["--held-out", held_out, "--nats", nats, "--threads", setting.threads]
    command += ["--autocast"] if kind.bf16 else []
    command += ["config/train_shakespeare_char.py", "--device=cpu"]
    command += ["--compile=True", f"--block_size={CONTEXT}", "--n_layer=4", "--n_head=6"]
    command += ["--n_embd=192", "--dropout=0.0", f"--max_iters={steps}", f"--eval_interval={steps}"]
    command += [f"--lr_decay_iters={max(steps, 101)}", "--eval_iters=1"]
    command += [f"--batch_size={tuned['rows']}", f"--learning_rate={tuned['learning_rate']}"]
    command += [f"--min_lr={tuned['learning_rate'] / 10}"]
    said = last_line(command, setting.threads, kind.environment)
    # the first steps are charged as the others
    seconds = said["seconds"] / said["clocked_steps"] * said["steps"]
    return {**said, "seconds": seconds, "bits_per_byte": said["points"][-1]["bits_per_byte"]}


def nanochat(
    setting: Setting, tuned: Settings, kind: Kind, steps: int, held_out: Path, nats: Path
) -> dict[str, Any]:
    """scripts/base_train.py at depth 4, compiled, its own schedules and laws."""
    command = ["-m", f"{HERE}.peers.nanochat_train", "--checkout", setting.peers / "nanochat"]
    command += ["--tokens", setting.tokens, "--vocabulary", setting.vocabulary]
    command += ["--held-out", held_out, "--nats", nats, "--threads", setting.threads]
    command += ["--device-type=cpu", "--depth=4", "--aspect-ratio=48", "--head-dim=32"]
    command += [f"--max-seq-len={CONTEXT}", "--window-pattern=L", f"--num-iterations={steps}"]
    command += [f"--device-batch-size={tuned['rows']}"]
    command += [f"--total-batch-size={tuned['rows'] * CONTEXT}"]
    command += [f"--warmup-steps={tuned['warmup_steps']}"]
    command += [f"--{k}={v * tuned['rate_factor']:g}" for k, v in NANOCHAT_RATES.items()]
    environment = {**kind.environment, "NANOCHAT_DTYPE": kind.precision}
    return last_line(command, setting.threads, environment)


SIDES = (
    Side("nanogpt", "nanoGPT", nanogpt),
    Side("nanochat", "nanochat", nanochat),
    Side("portable", "crawl2chat, portable shape", ours("portable")),
    Side("speedrun", "crawl2chat, speedrun shape", ours("speedrun")),
)


def tuned() -> dict[str, Any]:
    """By precision of products: `how`, and by side what was `chosen` and all that was `tried`."""
    read: dict[str, Any] = json.loads(TUNED.read_text())
    return read


def table(setting: Setting, shown: list[Kind], corpus: str) -> str:
    """Run every side; the table and what was set."""
    found, rows = tuned(), []
    for kind in shown:
        sides = found[kind.precision]["sides"]
        results = {
            side.key: timed(setting, side, sides[side.key]["chosen"], kind) for side in SIDES
        }
        against = results["nanochat"]["nats"]
        for side in SIDES:
            said = results[side.key]
            size = sides[side.key]["chosen"]["rows"] * CONTEXT
            seen = said["steps"] * size
            low, high = interval(said["nats"], setting.held_out)
            rows.append(
                f"| {side.name} | {kind.name} | {kind.precision}"
                f" | {said['bits_per_byte']:.3f} ({low:.3f} to {high:.3f})"
                f" | {gain(said['nats'], against, setting.held_out)}"
                f" | {seen / said['seconds']:,.0f} | {seen / 1e6:.2f}M"
                f" | {said['steps']:,} × {size:,}"
                f" | {said['matrix_parameters'] / 1e6:.2f}M | {said['parameters'] / 1e6:.2f}M"
                f" | {said['seconds']:.0f} |"
            )
    heading = [
        f"| {setting.seconds:.0f} seconds on real text | CPU | products | bits per byte"
        " | less than nanochat | tokens/s | tokens seen | steps × tokens | parameters in products"
        " | all | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*heading, *rows, "", note(setting, shown, corpus, found)])


def timed(setting: Setting, side: Side, chosen: Settings, kind: Kind) -> dict[str, Any]:
    """A few steps for the time of one, then as many as fit."""
    nats = setting.data / "nats.npy"
    probe = side.run(setting, chosen, kind, PROBE_STEPS, setting.data / "few.npz", nats)
    steps = max(PROBE_STEPS, math.floor(setting.seconds / (probe["seconds"] / PROBE_STEPS)))
    said = side.run(setting, chosen, kind, steps, setting.data / "held_out.npz", nats)
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


def note(setting: Setting, shown: list[Kind], corpus: str, found: dict[str, Any]) -> str:
    """What was equal, what was tried, and every setting that isn't a side's own default."""
    searches = [found[kind.precision] for kind in shown]

    def one(search: dict[str, Any], key: str) -> str:
        tried = len(search["sides"][key]["tried"])
        said = ", ".join(f"{k} {v:g}" for k, v in search["sides"][key]["chosen"].items())
        if tried:
            return f"{said} (the best of {tried} tried)"
        return f"{said} (not searched yet: as in earlier tables, chosen on these same documents)"

    def chosen(key: str) -> str:
        said = [one(search, key) for search in searches]
        return " | ".join(said) if len(set(said)) > 1 else said[0]

    how = " ".join(search["how"] for search in searches)
    return (
        f"{corpus}. Equal: the tokens, {setting.threads} threads, one fresh process after the other"
        " and the same seconds, of which each side's schedule ends with the last; start-up isn't"
        " counted, the first steps (compiling, caches) are charged at the later steps' mean;"
        " products in bf16 on a CPU that multiplies it, for all; 4 layers of width 192, 6 heads,"
        f" context {CONTEXT}. One seed each; 95% intervals over documents. Batches and"
        f" rates: {how} Whose code: nanoGPT's train.py with"
        f" config/train_shakespeare_char.py,"
        f" torch.compile, bf16 by autocast; {chosen('nanogpt')}, min_lr a tenth; tied head, so"
        " fewer parameters. nanochat's scripts/base_train.py, depth 4, torch.compile, its own"
        f" schedules and laws; {chosen('nanochat')}: rate_factor on its default rates before"
        " its own law scales them by the root of the batch over 2^19; value embeddings, so more"
        " parameters; rows packed as ours. crawl2chat: pipeline.training, uncompiled; "
        + ", ".join(f"{k} {v:g}" for k, v in {**LOOP, **OPTIMIZER}.items())
        + f"; portable: {chosen('portable')}; speedrun: {chosen('speedrun')}, ffn of 768"
        " with ReLU², "
        + ", ".join(f"{k} {v}" for k, v in TABLES.items())
        + f" (looked up, not multiplied). {kinds.note(shown)}"
        + (f" {BUSY_NOTE}" if is_busy() else "")
    )
