"""`crawl2chat plan`: what a run will cost before it runs, from what earlier runs have cost.

The corpus half is extrapolated from the lake's own measured parts; the training half is counted
from the preset (parameters, tokens, FLOPs), its time taken from a measured model of the same shape.
"""

import argparse
import math

import pyarrow.compute as pc

from flows.cli import output
from flows.config import RunConfig, load
from pipeline.corpus import assemble
from pipeline.corpus.costing import CostRow, Joined, MeasuredPart, Target, extrapolate
from pipeline.scan import stage as scan
from pipeline.sft.teacher import stage as teacher
from pipeline.sft.teacher.budget import NOTHING, Cost, exceeded
from pipeline.sft.teacher.estimate import estimate
from pipeline.training import scaling
from pipeline.training.batch_sizes import seen_rows
from pipeline.training.power_law import predict
from pipeline.training.shape import model_config
from storage import Lake
from storage.lineage import reachable
from storage.manifest import Manifest

JOINING = ("selection", "duplicates", "corpus")  # and their groups
GPU_TERAFLOPS = 400.0  # sustained in bf16 by an H100: 40% of its peak, as good trainers reach


def plan(chosen: argparse.Namespace) -> int:
    """Print the table."""
    config = load(chosen.preset or "demo", chosen.set)
    lake = Lake(chosen.lake)
    current = reachable(lake.glance(), lake.heads())
    is_part = pc.equal(current["kind"], "scan")
    manifests = [*lake.manifests(current.filter(pc.invert(is_part)))]
    target = Target(
        files=chosen.files,
        gigabytes_per_file=chosen.gigabytes_per_file,
        cores=chosen.cores,
        price_per_core_hour=chosen.price_per_core_hour,
        download_megabytes_per_second=chosen.megabytes_per_second,
    )
    parts = [_part(m) for m in lake.manifests(current.filter(is_part))]
    # Training is counted from the preset alone, so it is shown to whoever has no corpus yet.
    rows = extrapolate(parts, joined(manifests), target) if parts else []
    training = training_rows(config, manifests, chosen.gpu_teraflops)
    taught = teacher_rows(config, manifests)
    if chosen.json:
        measured = {"files": len(parts), "bytes": sum(p.warc_bytes for p in parts)}
        tables = {"corpus": rows, "training": training, "teacher": taught}
        output.document({"measured": measured, **tables})
        return 0
    if not parts:
        print(
            "corpus: nothing to extrapolate from, run `crawl2chat run corpus` on a few WARC files"
        )
    size = sum(p.warc_bytes for p in parts) / 1e9
    title = f"{target.files:,} files, from {len(parts)} measured ({size:.2f} GB, 95% over files)"
    if parts:
        output.rows(["corpus", "value", "95%", "unit"], map(_cells, rows), title)
    name = f"training, preset {config.preset}"
    output.rows([name, "value", "95%", "unit"], map(_cells, training))
    if taught:
        name = f"teacher {config.teacher.model}"
        output.rows([name, "value", "at most", "unit"], map(_bounded_cells, taught))
    return 0


def joined(manifests: list[Manifest]) -> Joined | None:
    """The newest run's selection, dedup and corpus together; None if it has none."""
    corpus = [m for m in manifests if m.kind == "corpus"]
    if not corpus:
        return None
    said = assemble.STAGE.statistics_of(corpus[-1])
    joining = [m for m in manifests if m.kind.startswith(JOINING)]
    return Joined(
        warc_bytes=said["warc_bytes"],
        documents=said["documents"],
        compared=said["documents"] + said["exact_duplicates"] + said["minhash_duplicates"],
        text_bytes=said["bytes"],
        stored_bytes=sum(m.total_bytes for m in joining),
        cpu_seconds=sum(m.provenance.get("cpu_seconds", 0.0) for m in joining),
        peak_memory_bytes=max(m.provenance.get("peak_memory_bytes", 0) for m in joining),
    )


def training_rows(
    config: RunConfig, manifests: list[Manifest], gpu_teraflops: float = GPU_TERAFLOPS
) -> list[CostRow]:
    """What the dial has set, parameters, tokens and FLOPs of pretraining, and hours.

    FLOPs are counted as a finished base model records its own (pipeline.model.config), so a law of
    such models may be asked about them. Hours are measured where such a model was trained in this
    lake, else counted for GPUs of a stated speed.
    """
    shape, loop = config.pretrain.shape, config.pretrain.loop
    model = model_config(shape, config.tokenizer.vocab_size)
    products = model.matrix_parameters
    embedding = 0 if shape.tie_embeddings else config.tokenizer.vocab_size * shape.width
    tokens = seen_rows(loop) * shape.context
    flops = float(model.flops_per_token(shape.context) * tokens)
    rows = dial_rows(config) if config.pretrain.depth else []
    rows += [
        _row("parameters", products + embedding, ""),
        _row("tokens", tokens, ""),
        _row("tokens for each parameter of a matrix product", tokens / products, ""),
        _row("floating-point operations", flops, ""),
    ]
    laws = [m for m in manifests if m.kind == "scaling"]
    if laws:
        rows.append(_predicted(laws[-1], flops))
    same = [m for m in manifests if m.kind == "base" and _is_shape(m, config)]
    if same:
        seconds = same[-1].provenance["seconds"]
        rows.append(_row("hours, as measured on this lake's machine", seconds / 3600, "h"))
        rows.append(_row("energy", same[-1].provenance["energy_kwh"], "kWh"))
    else:
        rows.append(_row("hours: not measured, no such model in this lake", math.nan, "h"))
    if config.pretrain.device == "cuda":
        hours, cards = (
            flops / (gpu_teraflops * 1e12) / 3600,
            config.input.processes * config.input.nodes,
        )
        rows.append(_row(f"GPU hours, at {gpu_teraflops:,.0f} TFLOP/s a card", hours, "h"))
        rows.append(_row(f"hours on {cards} card{'s' * (cards > 1)}", hours / cards, "h"))
    return rows


def teacher_rows(config: RunConfig, manifests: list[Manifest]) -> list[CostRow]:
    """Requests, tokens and money that the teacher will cost; none without a teacher.

    By the newest artifact of the same models, else by characters. `high` is the most that can be:
    a cap, where one is lower than what bytes allow.
    """
    settings = config.teacher
    if not settings.requests:
        return []
    named = ("model", "judge_model", "min_score")
    wanted = [getattr(settings, name) for name in named]
    same = [
        m for m in manifests if m.kind == "teacher" and [m.recipe.get(n) for n in named] == wanted
    ]
    spent = NOTHING
    if same:
        said = teacher.STAGE.statistics_of(same[-1])
        spent = Cost(said["requests"], said["prompt_tokens"], said["answer_tokens"])
    found = estimate(settings, spent)
    how = "as measured in this lake" if found.measured else "by characters"
    expected, highest = found.expected, found.most
    costs = [
        ("requests", expected.requests, highest.requests, settings.max_requests, ""),
        (
            f"tokens, {how}",
            expected.prompt_tokens + expected.answer_tokens,
            highest.prompt_tokens + highest.answer_tokens,
            settings.max_total_tokens,
            "",
        ),
        ("of these of prompts", expected.prompt_tokens, highest.prompt_tokens, 0, ""),
        ("of these of answers", expected.answer_tokens, highest.answer_tokens, 0, ""),
    ]
    rows = [_bounded(*cost) for cost in costs]
    if highest.money(settings):
        money = expected.money(settings), highest.money(settings), settings.max_money
        rows.append(_bounded("money", *money, "as prices"))
    else:
        rows.append(_row("money: no prices are set", math.nan, "teacher.price_per_million_…"))
    if cap := exceeded(expected, settings):
        rows.append(_row(f"teacher.{cap} ends it before", math.nan, ""))
    return rows


def _bounded(name: str, expected: float, highest: float, cap: float, unit: str) -> CostRow:
    row = _row(name, expected, unit)
    row["high"] = min(highest, cap) if cap else highest
    return row


def _bounded_cells(row: CostRow) -> list[str]:
    high = row["high"]
    return [row["name"], _figure(row["value"]), "" if high is None else _figure(high), row["unit"]]


def dial_rows(config: RunConfig) -> list[CostRow]:
    """What pretrain.depth has set, or somebody instead of it."""
    shape, loop, rates = config.pretrain.shape, config.pretrain.loop, config.pretrain.optimizer
    return [
        _row("layers", shape.layers, ""),
        _row("width", shape.width, ""),
        _row(f"attention heads of {shape.head_dim}", shape.heads, ""),
        _row("feed-forward width", shape.ffn_width, ""),
        _row("steps", loop.steps, ""),
        _row("tokens a step", loop.rows_per_step * shape.context, ""),
        _row("learning rate of matrices", rates.matrix_lr, ""),
        _row("learning rate of the embedding", rates.embedding_lr, ""),
        _row("learning rate of the head", rates.head_lr, ""),
        _row("weight decay", rates.weight_decay, ""),
    ]


def _predicted(law: Manifest, flops: float) -> CostRow:
    """What this lake's ladder of sizes predicts for so much compute, on its validation pages."""
    points = scaling.STAGE.statistics_of(law)["points"]
    found = predict([p[0] for p in points], [p[1] for p in points], flops)
    row = _row(f"bits per byte, predicted by a ladder of {len(points)} runs", found.value, "")
    row["low"], row["high"] = found.low, found.high
    return row


def _is_shape(manifest: Manifest, config: RunConfig) -> bool:
    from pipeline.config import to_dict

    recipe, wanted = manifest.recipe, to_dict(config.pretrain)
    return all(recipe.get(key) == wanted[key] for key in ("shape", "loop"))


def _part(manifest: Manifest) -> MeasuredPart:
    said, cost = scan.STAGE.statistics_of(manifest), manifest.provenance
    return MeasuredPart(
        warc_bytes=said["warc_bytes"],
        records=said["records"],
        documents=said["kept"],
        text_bytes=said["text_bytes"],
        stored_bytes=manifest.total_bytes,
        cpu_seconds=cost["cpu_seconds"],
        peak_memory_bytes=cost["peak_memory_bytes"],
        energy_kwh=cost["energy_kwh"],
    )


def _row(name: str, value: float, unit: str) -> CostRow:
    return {"name": name, "value": value, "low": None, "high": None, "unit": unit}


def _cells(row: CostRow) -> list[str]:
    low, high = row["low"], row["high"]
    between = "" if low is None or high is None else f"{_figure(low)} to {_figure(high)}"
    return [row["name"], _figure(row["value"]), between, row["unit"]]


def _figure(value: float) -> str:
    if math.isnan(value):
        return "–"
    if abs(value) >= 1e12:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
