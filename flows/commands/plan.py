"""`crawl2chat plan`: what a run will cost before it runs, from what earlier runs have cost.

The corpus half is extrapolated from the lake's own measured parts; the training half is counted
from the preset (parameters, tokens, FLOPs), its time taken from a measured model of the same shape.
"""

import argparse
import math
from typing import Any

from flows.commands import show
from flows.config import RunConfig, load
from pipeline.corpus.plan import Joined, Part, Target, extrapolate
from storage import Lake
from storage.lineage import reachable
from storage.manifest import Manifest

JOINING = ("selection", "duplicates", "corpus")


def plan(chosen: argparse.Namespace) -> int:
    """Print the table."""
    config = load(chosen.preset or "demo", chosen.set)
    lake = Lake(chosen.lake)
    manifests = reachable(lake.list(), lake.heads())
    target = Target(
        files=chosen.files,
        gigabytes_per_file=chosen.gigabytes_per_file,
        cores=chosen.cores,
        price_per_core_hour=chosen.price_per_core_hour,
        download_megabytes_per_second=chosen.megabytes_per_second,
    )
    parts = [_part(m) for m in manifests if m.kind == "corpus_part"]
    rows = extrapolate(parts, joined(manifests), target)
    training = training_rows(config, manifests)
    if chosen.json:
        measured = {"files": len(parts), "bytes": sum(p.warc_bytes for p in parts)}
        show.document({"measured": measured, "corpus": rows, "training": training})
        return 0
    size = sum(p.warc_bytes for p in parts) / 1e9
    title = f"{target.files:,} files, from {len(parts)} measured ({size:.2f} GB, 95% over files)"
    show.rows(["corpus", "value", "95%", "unit"], map(_cells, rows), title)
    name = f"training, preset {config.preset}"
    show.rows([name, "value", "95%", "unit"], map(_cells, training))
    return 0


def joined(manifests: list[Manifest]) -> Joined | None:
    """The newest run's selection, dedup and corpus together; None if it has none."""
    corpus = [m for m in manifests if m.kind == "corpus"]
    if not corpus:
        return None
    said = corpus[-1].statistics
    joining = [m for m in manifests if m.kind in JOINING]
    return Joined(
        warc_bytes=said["warc_bytes"],
        documents=said["documents"],
        compared=said["documents"] + said["exact_duplicates"] + said["minhash_duplicates"],
        text_bytes=said["bytes"],
        stored_bytes=sum(m.total_bytes for m in joining),
        cpu_seconds=sum(m.provenance.get("cpu_seconds", 0.0) for m in joining),
        peak_memory_bytes=max(m.provenance.get("peak_memory_bytes", 0) for m in joining),
    )


def training_rows(config: RunConfig, manifests: list[Manifest]) -> list[dict[str, Any]]:
    """Parameters, tokens and FLOPs of pretraining; hours where such a model was trained here.

    FLOPs a token: 6 for each parameter of a matrix product, and 12 x layers x width of attention x
    half the context (Kaplan et al. 2020, appendix B; Chowdhery et al. 2022, appendix B).
    """
    shape, loop = config.pretrain.shape, config.pretrain.loop
    attention = shape.heads * shape.head_dim
    layer = shape.width * (2 * attention + 2 * shape.kv_heads * shape.head_dim)
    layer += 3 * shape.width * shape.ffn_width
    head = config.tokenizer.vocab_size * shape.width
    tokens = loop.steps * loop.rows_per_step * shape.context
    flops_per_token = 6 * (shape.layers * layer + head)
    flops_per_token += 12 * shape.layers * attention * shape.context // 2
    rows = [
        _row("parameters", shape.layers * layer + 2 * head, ""),
        _row("tokens", tokens, ""),
        _row("floating-point operations", float(flops_per_token) * tokens, ""),
    ]
    same = [m for m in manifests if m.kind == "base" and _is_shape(m, config)]
    if same:
        seconds = same[-1].provenance["seconds"]
        rows.append(_row("hours, as measured on this lake's machine", seconds / 3600, "h"))
        rows.append(_row("energy", same[-1].provenance["energy_kwh"], "kWh"))
    else:
        rows.append(_row("hours: not measured, no such model in this lake", math.nan, "h"))
    return rows


def _is_shape(manifest: Manifest, config: RunConfig) -> bool:
    from pipeline.config import to_dict

    recipe, wanted = manifest.recipe, to_dict(config.pretrain)
    return all(recipe.get(key) == wanted[key] for key in ("shape", "loop"))


def _part(manifest: Manifest) -> Part:
    said, cost = manifest.statistics, manifest.provenance
    return Part(
        warc_bytes=said["warc_bytes"],
        records=said["records"],
        documents=said["kept"],
        text_bytes=said["text_bytes"],
        stored_bytes=manifest.total_bytes,
        cpu_seconds=cost["cpu_seconds"],
        peak_memory_bytes=cost["peak_memory_bytes"],
        energy_kwh=cost["energy_kwh"],
    )


def _row(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": name, "value": value, "low": None, "high": None, "unit": unit}


def _cells(row: dict[str, Any]) -> list[str]:
    between = "" if row["low"] is None else f"{_figure(row['low'])} to {_figure(row['high'])}"
    return [row["name"], _figure(row["value"]), between, row["unit"]]


def _figure(value: float) -> str:
    if math.isnan(value):
        return "–"
    if abs(value) >= 1e12:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
