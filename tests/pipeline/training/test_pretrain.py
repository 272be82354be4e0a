"""The stage as the flows run it: alone and under torchrun (kills: tests/faults)."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from patience import PATIENCE_SECONDS
from worker_process import start_worker

from pipeline import model as models
from pipeline.config import to_dict
from pipeline.stage import SILENT
from pipeline.training import bits_per_byte
from pipeline.training.config import LoopConfig, ModelShape, OptimizerConfig, PretrainConfig
from pipeline.training.data_loader import TokenShards
from pipeline.training.pretrain import (
    STAGE,
    BaseStatistics,
    PretrainInputs,
    build,
    validation_subset,
)
from storage.tables import read_table

SHAPE = ModelShape(layers=2, width=32, heads=2, kv_heads=2, head_dim=16, ffn_width=64, context=32)
HASHED = ("model.safetensors", "config.json", "metrics.parquet", "tokenizer.json")


def recipe(steps: int, **settings: Any) -> PretrainConfig:
    given: dict[str, Any] = {
        "steps": steps,
        "rows_per_step": 8,
        "warmup_steps": 5,
        "validate_every": 20,
        "validation_rows": 8,
        "checkpoint_seconds": 0.05,
        **settings,
    }
    return PretrainConfig(
        SHAPE, LoopConfig(**given), OptimizerConfig(), "float32", threads=1, device="cpu"
    )


def folders(root: Path) -> tuple[Path, Path]:
    out, scratch = root / "out", root / "scratch"
    out.mkdir(parents=True)
    scratch.mkdir()
    return out, scratch


def build_here(
    artifacts: dict[str, Path], root: Path, config: PretrainConfig
) -> tuple[Path, BaseStatistics]:
    out, scratch = folders(root)
    inputs = PretrainInputs(tokens=[artifacts["tokens"]], tokenizer=[artifacts["tokenizer"]])
    statistics = build(out=out, inputs=inputs, config=config, progress=SILENT, scratch=scratch)
    assert statistics is not None
    return out, statistics


def start_pretraining(
    artifacts: dict[str, Path], root: Path, config: PretrainConfig, processes: int = 1
) -> "subprocess.Popen[str]":
    """The process a flow would start, building below `root`."""
    out, scratch = root / "out", root / "scratch"
    spec = {
        "entry": STAGE.entry,
        "out": str(out),
        "inputs": {key: [str(path)] for key, path in artifacts.items()},
        "config": to_dict(config),
        "scratch": str(scratch),
        "processes": processes,
    }
    return start_worker(root, spec)


def events(process: subprocess.Popen) -> list[dict]:
    stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, stderr
    return [json.loads(line) for line in stdout.splitlines()]


def test_end_to_end(artifacts, tokenizer, tmp_path):
    out, statistics = build_here(artifacts, tmp_path, recipe(120))
    model, saved_tokenizer = models.load(out)
    assert saved_tokenizer.encode("Ada likes old maps.") == tokenizer.encode("Ada likes old maps.")
    validation = TokenShards(artifacts["tokens"], "validation")
    documents = [validation.document(index) for index in range(len(validation))]
    measured = bits_per_byte.measure(model, documents, tokenizer.token_bytes, SHAPE.context)
    assert measured.bits_per_byte == pytest.approx(statistics["bits_per_byte"], rel=1e-4)
    assert statistics["bits_per_byte"] < 1.0  # sentences of few words: nearly all is predictable
    metrics = read_table(out / "metrics.parquet").to_pylist()
    assert [row["step"] for row in metrics] == list(range(1, 121))
    curve = [row["validation_bits_per_byte"] for row in metrics]
    assert [i + 1 for i, value in enumerate(curve) if value is not None] == [
        20,
        40,
        60,
        80,
        100,
        120,
    ]
    assert curve[-1] < curve[19]
    assert metrics[-1]["loss"] == statistics["final_loss"]
    assert statistics["parameters"] == sum(p.numel() for p in model.parameters())
    assert statistics["tokens_seen"] == 120 * 8 * 32 == metrics[-1]["tokens"]
    assert statistics["precision"] == "float32"
    assert (out / "provenance" / "timing.parquet").is_file()
    json.dumps(statistics)


def test_a_ramp_s_tokens_and_operations_are_counted_as_they_were(artifacts, tmp_path):
    # 4 rows for 10 of 20 steps, then 8
    ramp = recipe(20, first_rows=4, ramp_fraction=0.5, validate_every=0)
    out, statistics = build_here(artifacts, tmp_path, ramp)
    metrics = read_table(out / "metrics.parquet").to_pylist()
    seen = (10 * 4 + 10 * 8) * 32
    assert [row["tokens"] for row in metrics][8:12] == [9 * 128, 10 * 128, 1536, 1792]
    assert statistics["tokens_seen"] == seen == metrics[-1]["tokens"]
    model, _ = models.load(out)
    assert statistics["flops"] == model.config.flops_per_token(32) * seen
    whole = build_here(artifacts, tmp_path / "flat", recipe(15, validate_every=0))[1]
    assert statistics["epochs"] == whole["epochs"]  # 15 x 8 rows are as many


def test_two_processes_follow_the_same_curve_as_one(artifacts, tmp_path):
    config = recipe(10, validate_every=5)
    expected, alone = build_here(artifacts, tmp_path / "one", config)
    root = tmp_path / "two"
    out, _ = folders(root)
    process = start_pretraining(artifacts, root, config, processes=2)
    lines = events(process)
    statistics = lines[-1]["statistics"]
    assert statistics["processes"] == 2
    assert sum(event["event"] == "done" for event in lines) == 1
    one = read_table(expected / "metrics.parquet")
    two = read_table(out / "metrics.parquet")
    assert two["loss"].to_pylist() == pytest.approx(one["loss"].to_pylist(), abs=1e-4)
    assert statistics["bits_per_byte"] == pytest.approx(alone["bits_per_byte"], abs=1e-4)
    assert statistics["parameters"] == alone["parameters"]


def test_bfloat16_learns_as_float32_does(artifacts, tmp_path):
    config = recipe(40)
    _, exact = build_here(artifacts, tmp_path / "exact", config)
    rounded = PretrainConfig(SHAPE, config.loop, OptimizerConfig(), "bfloat16", 1, "cpu")
    out, statistics = build_here(artifacts, tmp_path / "rounded", rounded)
    assert statistics["precision"] == "bfloat16"
    assert statistics["bits_per_byte"] == pytest.approx(exact["bits_per_byte"], rel=0.1)
    weights = models.load(out)[0].state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())


def test_validation_takes_whole_documents_until_they_hold_enough(artifacts):
    """The first that reach the number, no more; all where it is more than there is."""
    validation = TokenShards(artifacts["tokens"], "validation")
    order = np.random.default_rng(3).permutation(len(validation)).tolist()
    sizes = [len(validation.document(index)) for index in order]
    for count in (1, 2, 5):
        for tokens in (sum(sizes[:count]), sum(sizes[: count - 1]) + 1):
            chosen = validation_subset(validation, tokens, seed=3)
            assert [len(document) for document in chosen] == sizes[:count]
    assert validation_subset(validation, 0, seed=3) == []
    assert len(validation_subset(validation, 10**9, seed=3)) == len(validation)


def test_the_stage_by_its_name_and_version():
    stage = STAGE
    assert (stage.kind, stage.version, stage.config) == ("base", 5, PretrainConfig)
