"""`make bench-engine`: our engine beside transformers' `generate` and nanochat's.

Random weights of a tiny and a small Qwen3, exported by `pipeline.model.save` and read by
transformers: both sides multiply the same matrices, sample at temperature 1 and make the same
number of tokens. Every side makes a few tokens before the clock, and counts with the faster of
float32 and, on a CPU that multiplies it, bf16. nanochat's engine runs its own GPT of the same
depth, width and heads. Each kind of CPU (`tests.benchmarks.kinds`) has a process of its own.
"""

import argparse
import functools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pipeline.model import (
    ModelConfig,
    Transformer,
    instructions,
    load,
    native,
    precision,
    save,
)
from pipeline.model.engine import Engine
from pipeline.model.scoring import score
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train
from tests.benchmarks import kinds
from tests.benchmarks.tables import add_option, write_table
from tests.benchmarks.train_peers import ROOT, last_line

TABLE = "engine-table"
SHAPES = {
    "0.95M": ModelConfig(1024, 4, 128, 4, 2, 32, 320, 256),
    "15.7M": ModelConfig(4096, 8, 384, 6, 2, 64, 1024, 256),
}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
PROMPT, SYSTEM = 32, 64  # tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="folder of the checkouts")
    add_option(parser)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--new", type=int, default=128, help="tokens a row")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    parser.add_argument("--quick", action="store_true", help="a trial: one repeat, fewer tokens")
    parser.add_argument("--shape", choices=SHAPES, help="one of the models")
    parser.add_argument("--model", type=Path, help="a trained model: what int8 costs in bits")
    parser.add_argument("--text", type=Path, help="… on this text, a document a line")
    parser.add_argument("--kind", help="this kind of CPU in this process (the parent says it)")
    given = parser.parse_args()
    if given.quick:
        given.new, given.repeats = 32, 1
    torch.set_num_threads(given.threads)
    shown = kinds.kinds()
    if given.kind:
        print(json.dumps(of_kind(given.kind, given)))
        return
    lines = [
        "| model | rows | CPU | transformers, s | nanochat, s | crawl2chat, s | int8, s | tokens/s "
        "| times transformers | times nanochat |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    notes = []
    for kind in shown:
        said = last_line(
            ["-m", "tests.benchmarks.engine", *sys.argv[1:], "--kind", kind.name],
            given.threads,
            kind.environment,
        )
        lines += said["lines"]
        notes += said["notes"]
    notes += [
        f"Every side made a few tokens before the clock; the fastest of {given.repeats} counts."
        f" {kinds.note(shown)}",
        bits_lost(given),
        gpu_line(given),
    ]
    text = "\n".join([*lines, "", *(note for note in notes if note)])
    print(text)
    if given.write:
        write_table(given.write, kinds.marker(TABLE), text)


def of_kind(kind: str, given: argparse.Namespace) -> dict[str, list[str]]:
    """The table's lines and notes for the CPU that this process may use."""
    lines, notes = [], []
    for name in [given.shape] if given.shape else SHAPES:
        rows, note = compare(name, kind, given)
        lines += rows
        notes.append(note)
    return {"lines": lines, "notes": notes}


def precisions() -> dict[str, torch.dtype]:
    """Those that count here: bf16 where the CPU multiplies it."""
    best = precision.resolve("auto", "cpu")
    return {kind: dtype for kind, dtype in PRECISIONS.items() if kind in ("float32", best)}


def build(config: ModelConfig) -> Transformer:
    """Random weights whose logits are about as wide as a trained model's."""
    model = Transformer(config).init_weights(0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.blocks:
            for weight in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                weight.copy_(torch.randn(weight.shape, generator=generator) * config.width**-0.5)
        if model.lm_head is not None:
            weight = model.lm_head.weight
            weight.copy_(torch.randn(weight.shape, generator=generator) * config.width**-0.5)
    return model


def fastest(call: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(name: str, cpu: str, given: argparse.Namespace) -> tuple[list[str], str]:
    """The table's lines for one model, and what else there is to say of it."""
    from transformers import AutoModelForCausalLM

    config = SHAPES[name]
    model = build(config)
    chance = random.Random(0)

    def prompts(count: int, length: int) -> list[list[int]]:
        return [[chance.randrange(1000) for _ in range(length)] for _ in range(count)]

    system = prompts(1, SYSTEM)[0]
    cases = [(f"{n} x 1", prompts(n, PROMPT), 1) for n in (1, 16, 128)]
    cases.append(("1 x 128", prompts(1, PROMPT), 128))
    cases.append((f"16 x 8, {SYSTEM} tokens shared", [system + p for p in prompts(16, PROMPT)], 8))
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as scratch:
        words = train(
            iter(["a tokenizer only to be saved beside the weights"]), TokenizerConfig(258)
        )
        save(model, words, scratch)
        theirs = {
            kind: AutoModelForCausalLM.from_pretrained(scratch, dtype=dtype).eval()
            for kind, dtype in precisions().items()
        }
    for net in theirs.values():  # as ours and nanochat's
        by_transformers(net, prompts(1, PROMPT), 1, 4)
    nanochat = nanochat_seconds(config, given)
    lines = []
    for label, batch, samples in cases:
        peer = {
            kind: fastest(
                functools.partial(by_transformers, net, batch, samples, given.new), given.repeats
            )
            for kind, net in theirs.items()
        }
        ours = {kind: our_seconds(model, kind, batch, samples, given) for kind in precisions()}
        int8 = our_seconds(model, "int8", batch, samples, given)
        best = min(ours, key=lambda kind: ours[kind])
        slow = min(peer, key=lambda kind: peer[kind])
        figures = ", ".join(f"{ours[k]:.4f} ({k})" for k in sorted(ours, key=lambda k: ours[k]))
        tokens = len(batch) * samples * given.new
        other = nanochat[str(samples)] if len(batch) == 1 else None
        lines.append(
            f"| {name} | {label} | {cpu} | {peer[slow]:.3f} ({slow}) "
            f"| {f'{other:.3f}' if other else ''} | {figures} "
            f"| {f'{int8:.4f}' if int8 else ''} | {tokens / ours[best]:,.0f} "
            f"| **{peer[slow] / ours[best]:.1f}** "
            f"| {f'**{other / ours[best]:.1f}**' if other else ''} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return lines, bandwidth_line(name, cpu, model, given)


def our_seconds(
    model: Transformer, kind: str, batch: list[list[int]], samples: int, given: argparse.Namespace
) -> float:
    """0 where this machine has no such kernel."""
    model.compute_dtype = PRECISIONS.get(kind, torch.float32)
    if kind == "int8" and native.kernels(model) is None:
        return 0.0
    engine = Engine(model, int8=kind == "int8")
    engine.generate(batch[:1], max_new_tokens=4)
    return fastest(
        lambda: engine.generate(batch, samples=samples, max_new_tokens=given.new), given.repeats
    )


def by_transformers(net: Any, batch: list[list[int]], samples: int, new: int) -> Any:
    ids = torch.tensor(batch)
    return net.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=True,
        top_k=0,
        num_return_sequences=samples,
        max_new_tokens=new,
        min_new_tokens=new,
        pad_token_id=0,
    )


def nanochat_seconds(config: ModelConfig, given: argparse.Namespace) -> dict[str, float]:
    """By number of samples, in its faster precision."""
    best: dict[str, float] = {}
    for kind in precisions():
        command = [sys.executable, "-m", "tests.benchmarks.peers.nanochat_engine"]
        for option, value in {
            "checkout": given.peers / "nanochat",
            "vocabulary": config.vocab_size,
            "layers": config.layers,
            "width": config.width,
            "heads": config.heads,
            "kv-heads": config.kv_heads,
            "context": config.max_context,
            "prompt": PROMPT,
            "new": given.new,
            "repeats": given.repeats,
            "threads": given.threads,
        }.items():
            command += [f"--{option}", str(value)]
        environment = os.environ | {"NANOCHAT_DTYPE": kind, "OMP_WAIT_POLICY": "PASSIVE"}
        found = subprocess.run(
            [*command, "--samples", "1", "128"],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        for samples, seconds in json.loads(found.stdout.splitlines()[-1])["seconds"].items():
            best[samples] = min(seconds, best.get(samples, seconds))
    return best


def bandwidth_line(name: str, cpu: str, model: Transformer, given: argparse.Namespace) -> str:
    """At one row, decoding is reading the matrices: how near to the machine's reading speed."""
    model.compute_dtype = torch.bfloat16
    kind = precision.resolve("auto", "cpu")
    packed = native.pack(model, kind, 16)
    if packed is None:
        return ""
    model.compute_dtype = PRECISIONS[kind]
    engine = Engine(model, frozen=True)
    few, many = 8, 8 + given.new
    engine.generate([[1]], max_new_tokens=few)
    spent = [
        fastest(functools.partial(engine.generate, [[1]], max_new_tokens=n), given.repeats + 2)
        for n in (few, many)
    ]
    rate = packed.bytes * given.new / max(spent[1] - spent[0], 1e-9)
    block = torch.ones(packed.bytes // 4)
    block.sum()
    reading = packed.bytes / fastest(lambda: block.sum(), 20)
    return (
        f"{cpu}: {name} at one row reads its {packed.bytes / 1e6:.1f} MB of matrices ({kind}) at "
        f"{rate / 1e9:.0f} GB/s; torch sums as many bytes at {reading / 1e9:.0f} GB/s "
        f"({rate / reading:.0%})."
    )


def bits_lost(given: argparse.Namespace) -> str:
    """Bits per byte of a trained model in each format."""
    if given.model is None or given.text is None:
        return ""
    model, tokenizer = load(given.model)
    documents = [d for d in given.text.read_text(encoding="utf-8").splitlines() if d]
    ids = [tokenizer.encode(d)[: model.config.max_context - 1] for d in documents]
    size = sum(len(tokenizer.decode_bytes(i)) for i in ids)
    contexts = [[tokenizer.document_token]] * len(ids)
    found = {}
    for kind in ("float32", "bfloat16", "int8"):
        model.compute_dtype = PRECISIONS.get(kind, torch.float32)
        fast = kind == "float32" or instructions.has_instruction(kind)
        if fast and native.kernels(model) is not None:
            total = sum(nats for nats, _ in score(model, contexts, ids, int8=kind == "int8"))
            found[kind] = -total / size / 0.6931471805599453
    figures = ", ".join(f"{kind} {bits:.4f}" for kind, bits in found.items())
    return f"Bits per byte of a trained model on {size:,} bytes: {figures}."


def gpu_line(given: argparse.Namespace) -> str:
    """The larger model on a GPU; empty where there is none."""
    if not torch.cuda.is_available():
        return ""
    model = build(SHAPES["15.7M"]).to("cuda")
    model.compute_dtype = torch.bfloat16
    prompts = [[token % 1000 for token in range(row, row + PROMPT)] for row in range(128)]
    engine = Engine(model)
    engine.generate(prompts, max_new_tokens=4)
    seconds = fastest(lambda: engine.generate(prompts, max_new_tokens=given.new), given.repeats)
    block = torch.ones(1 << 28, device="cuda")

    def copy() -> None:
        block.clone()
        torch.cuda.synchronize()

    copy()
    speed = 2 * block.nbytes / fastest(copy, 10)
    read = sum(p.numel() for p in model.parameters()) * 2 * given.new / seconds
    return (
        f"GPU ({torch.cuda.get_device_name()}): 128 rows of the 15.7M model, "
        f"{128 * given.new / seconds:,.0f} tokens/s, weights read at {read / speed:.1%} of the "
        "measured memory bandwidth."
    )


if __name__ == "__main__":
    main()
