"""Training on one card: tokens/s, MFU and bits per byte beside nanoGPT and nanochat.

In: a tokens artifact (`--tokens`; any vocabulary up to the models, which is GPT-2's padded) and
peers' checkouts. Out: results.json, grown by each call (device time comes in slices), and a table.
Needs torch, numpy, pyarrow, safetensors and tokenizers. Without a card it writes that nothing was
measured; `--dry-run` goes the same way on the CPU at toy size.

    python -m tests.benchmarks.gpu_training --tokens LAKE/tokens/ID --tokenizer LAKE/tokenizer/ID \\
        --peers .peers --out RESULTS [--sizes 124M --contexts 1024 --sides nanochat] [--write …]
"""

import argparse
import dataclasses
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.model.config import training_flops
from pipeline.tokenizer import Tokenizer
from pipeline.training.data_loader import TokenShards
from pipeline.training.depth import dial
from pipeline.training.runtime import measured_peak_flops
from tests.benchmarks.tables import add_option, write_table
from tests.benchmarks.train_peers import HeldOut, document_windows, last_line

TABLE = "gpu-table"
HERE = "tests.benchmarks"
SIDES = ("nanoGPT", "nanochat", "portable", "speedrun")
WARM = 4  # steps before the clock, on every side
HELD_OUT_TOKENS = 2_048  # of each held-out document


@dataclasses.dataclass(frozen=True)
class Size:
    """GPT-2's numbers; nanochat and ours take their own heads (128 wide) for the same width."""

    layers: int
    width: int
    heads: int
    micro_tokens: int  # through the model at once; halved where the card's memory ends


@dataclasses.dataclass(frozen=True)
class Bench:
    """One call's setting."""

    device: str
    vocabulary: int
    tokens: Path
    data: Path  # train.bin, val.bin and the windows
    peers: Path
    head_dim: int
    step_tokens: int
    steps: int
    compile: bool


SIZES = {"124M": Size(12, 768, 12, 2**15), "350M": Size(24, 1024, 16, 2**14)}
TOY = {"toy": Size(2, 64, 2, 2**9)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=Path, help="a tokens artifact, with its validation split")
    parser.add_argument("--tokenizer", type=Path, help="the artifact it was made with")
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of results.json, table.md")
    add_option(parser)
    parser.add_argument("--sizes", nargs="+", choices=sorted(SIZES), default=sorted(SIZES))
    parser.add_argument("--contexts", nargs="+", type=int, default=[1024, 2048])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--vocabulary", type=int, default=50_304)
    parser.add_argument("--steps", type=int, default=20, help="of a speed measurement")
    parser.add_argument("--step-tokens", type=int, default=2**19, help="of a speed measurement")
    parser.add_argument("--seconds", type=float, default=0.0, help="equal-seconds runs; 0 = none")
    parser.add_argument("--text-step-tokens", type=int, default=2**17, help="of those runs")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--dry-run", action="store_true", help="on the CPU, toy size")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.dry_run:
        given.contexts, given.vocabulary = [64], 1 << 12
        given.steps, given.step_tokens, given.text_step_tokens = 8, 1024, 1024
    elif not torch.cuda.is_available():
        raise SystemExit("no GPU here: nothing to measure (--dry-run: on the CPU, at toy size)")
    if not (given.tokens and given.tokenizer and given.peers):
        raise SystemExit("give --tokens, --tokenizer and --peers")
    sizes = TOY if given.dry_run else {name: SIZES[name] for name in given.sizes}
    store = given.out / "results.json"
    found: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    device = "cpu" if given.dry_run else "cuda"
    peak = measured_peak_flops(torch.device(device), torch.bfloat16)
    torch.cuda.empty_cache()
    where = "this CPU (a dry run)" if given.dry_run else torch.cuda.get_device_name()
    for name, size in sizes.items():
        for context in given.contexts:
            bench = Bench(
                device,
                given.vocabulary,
                given.tokens.absolute(),
                prepared(given, context),
                given.peers.absolute(),
                32 if given.dry_run else 128,
                given.step_tokens,
                given.steps,
                not (given.no_compile or given.dry_run),
            )
            for side in given.sides:
                speed = fitting(bench, side, size, context)
                row = {"speed": speed, "peak": peak, "device": where}
                if given.seconds:
                    row["text"] = equal_seconds(bench, side, size, context, given, speed)
                found[f"{name} {context} {side}"] = row
                store.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
                print(f"{name} T={context} {side}: {json.dumps(row)}", file=sys.stderr, flush=True)
    finish(given, table(found))


def prepared(given: argparse.Namespace, context: int) -> Path:
    """nanoGPT's streams and the held-out windows of a row length."""
    data = Path(given.out / f"data-{context}").absolute()
    data.mkdir(exist_ok=True)
    pieces = Tokenizer.load(given.tokenizer).token_bytes
    for name, split in (("train", "train"), ("val", "validation")):
        shards = TokenShards(given.tokens, split)
        order = np.random.default_rng(0).permutation(len(shards))
        stream = np.concatenate([shards.document(index) for index in order])
        stream.astype(np.uint16).tofile(data / f"{name}.bin")
    documents = [shards.document(index) for index in range(len(shards))]
    lengths = np.array([len(piece) for piece in pieces])
    held_out = document_windows(documents, lengths, context, HELD_OUT_TOKENS)
    held_out.save(data / "held_out.npz")
    HeldOut(
        held_out.inputs[:4], held_out.targets[:4], held_out.document[:4], held_out.document_bytes
    ).save(data / "few.npz")
    return data


def fitting(bench: Bench, side: str, size: Size, context: int) -> dict[str, Any]:
    """`run`, with half as many tokens at once as long as the card's memory is too small."""
    micro = size.micro_tokens
    while True:
        try:
            said = run(bench, side, size, context, micro, bench.data / "few.npz")
        except SystemExit as error:
            if "out of memory" not in str(error) or micro <= context:
                raise
            micro //= 2
            continue
        speed = said["steps"] * bench.step_tokens / said["seconds"]
        return {**said, "micro_tokens": micro, "tokens_per_second": speed}


def equal_seconds(
    bench: Bench,
    side: str,
    size: Size,
    context: int,
    given: argparse.Namespace,
    speed: dict[str, Any],
) -> dict[str, Any]:
    """As many steps as the speed says fit, so that the schedule ends with the time."""
    steps = math.floor(given.seconds * speed["tokens_per_second"] / given.text_step_tokens)
    micro = min(speed["micro_tokens"], given.text_step_tokens)
    longer = dataclasses.replace(
        bench, step_tokens=given.text_step_tokens, steps=max(steps, WARM + 1)
    )
    return run(longer, side, size, context, micro, bench.data / "held_out.npz")


def run(
    bench: Bench, side: str, size: Size, context: int, micro: int, held_out: Path
) -> dict[str, Any]:
    """One side in a process of its own; what it prints."""
    common = ["--held-out", held_out, "--vocabulary", bench.vocabulary, "--rows", 4]
    if side == "nanoGPT":
        return nanogpt(bench, size, context, micro, common)
    if side == "nanochat":
        return nanochat(bench, size, context, micro, common)
    return ours(bench, side, size, context, micro, common)


def nanogpt(
    bench: Bench, size: Size, context: int, micro: int, common: list[Any]
) -> dict[str, Any]:
    """train.py's own rates (GPT-2's), the schedule over this run's steps."""
    rows = micro // context
    said = last_line(
        [
            *("-m", f"{HERE}.peers.nanogpt_train", "--checkout", bench.peers / "nanoGPT"),
            *("--data", bench.data, "--skip", WARM, "--threads", threads(), *common),
            *(f"--device={bench.device}", "--dtype=bfloat16", f"--compile={bench.compile}"),
            *(f"--n_layer={size.layers}", f"--n_embd={size.width}", f"--n_head={size.heads}"),
            *(f"--block_size={context}", f"--batch_size={rows}", "--log_interval=1"),
            f"--gradient_accumulation_steps={bench.step_tokens // micro}",
            *(f"--max_iters={bench.steps}", f"--lr_decay_iters={bench.steps}"),
            *(f"--eval_interval={bench.steps}", "--eval_iters=1"),
            f"--warmup_iters={min(40, bench.steps // 4)}",
        ],
        threads(),
    )
    seconds = said["seconds"] / said["clocked_steps"] * said["steps"]
    return {**said, "seconds": seconds, "bits_per_byte": said["points"][-1]["bits_per_byte"]}


def nanochat(
    bench: Bench, size: Size, context: int, micro: int, common: list[Any]
) -> dict[str, Any]:
    """base_train.py's own rates and laws; full attention where Flash Attention 3 isn't at hand."""
    return last_line(
        [
            *("-m", f"{HERE}.peers.nanochat_train", "--checkout", bench.peers / "nanochat"),
            *("--tokens", bench.tokens, "--threads", threads(), *common),
            *(f"--device-type={bench.device}", f"--depth={size.layers}"),
            *(f"--aspect-ratio={size.width // size.layers}", f"--head-dim={bench.head_dim}"),
            *(f"--max-seq-len={context}", "--window-pattern=L"),
            *(f"--device-batch-size={micro // context}", f"--num-iterations={bench.steps}"),
            f"--total-batch-size={bench.step_tokens}",
        ],
        threads(),
        {"NANOCHAT_DTYPE": "bfloat16", "TORCHDYNAMO_DISABLE": "" if bench.compile else "1"},
    )


def ours(
    bench: Bench, side: str, size: Size, context: int, micro: int, common: list[Any]
) -> dict[str, Any]:
    """The dial `depth` at this width, batch and length; nothing else set."""
    shape = {
        "context": context,
        "width": size.width,
        "head_dim": bench.head_dim,
        "family": "speedrun" if side == "speedrun" else "qwen3",
    }
    loop: dict[str, Any] = {
        "rows_per_step": bench.step_tokens // context,
        "micro_rows": micro // context,
    }
    course = {"steps": bench.steps, "warmup_steps": min(40, bench.steps // 4)}
    loop |= {**course, "warmdown_fraction": 0.65}
    fixed: dict[str, dict[str, Any]] = {"shape": shape, "loop": loop}
    turned = dial(size.layers, bench.vocabulary, 12.0, fixed)
    turned["loop"]["loss_chunk_tokens"] = min(micro, 16_384)
    settings = {
        **turned,
        "device": bench.device,
        "precision": "bfloat16",
        "threads": threads(),
        "compile": bench.compile,
    }
    return last_line(
        [
            *("-m", f"{HERE}.our_training", "--tokens", bench.tokens, *common),
            *("--steps", bench.steps, "--settings", json.dumps(settings)),
        ],
        threads(),
    )


def threads() -> int:
    return os.cpu_count() or 1


def table(found: dict[str, Any]) -> str:
    """All that has been measured so far."""
    rows = [
        "| one card, bf16 | layers × width, T | tokens/s | MFU | tokens at once"
        " | bits per byte (seconds) | parameters in products | all |",
        "|---|---|---|---|---|---|---|---|",
    ]
    devices = []
    for key, row in found.items():
        name, context, side = key.split()
        size = {**SIZES, **TOY}[name]
        speed = row["speed"]
        weights = speed["matrix_parameters"]
        flops = training_flops(weights, size.layers, size.width, int(context))
        share = flops * speed["tokens_per_second"] / row["peak"]
        text = row.get("text")
        bits = f"{text['bits_per_byte']:.3f} ({text['seconds']:.0f})" if text else "—"
        title = side if side in ("nanoGPT", "nanochat") else f"crawl2chat, {side}"
        rows.append(
            f"| {title} | {name}: {size.layers} × {size.width}, {context}"
            f" | {speed['tokens_per_second']:,.0f} | {share:.1%} | {speed['micro_tokens']:,}"
            f" | {bits} | {speed['matrix_parameters'] / 1e6:.0f}M"
            f" | {speed['parameters'] / 1e6:.0f}M |"
        )
        said = f"{row['device']}, {row['peak'] / 1e12:.4g} TFLOP/s measured (a large product)"
        devices += [] if said in devices else [said]
    note = (
        f"{'; '.join(devices)}. FLOPs a token: 6 a weight that takes part in a product, and 12 ×"
        " layers × width × T, for every side. nanoGPT: train.py's own rates and heads of 64;"
        " nanochat: base_train.py's own laws, full windows; ours: the dial `depth`."
    )
    return "\n".join([*rows, "", note])


def finish(given: argparse.Namespace, text: str) -> None:
    (given.out / "table.md").write_text(text + "\n")
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


if __name__ == "__main__":
    main()
