"""The flow extend: from a base model in the lake to a longer one and its figures by position."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from flows.config import load
from flows.extend import extend
from flows.runner.references import Reference, reference
from pipeline import model as models
from pipeline.model import ModelConfig, Transformer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train
from storage import Lake
from storage.digest import artifact_digest
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("prefect")
SMALL = {
    "context": 96,
    "loop": {"steps": 3, "rows_per_step": 2, "warmup_steps": 1, "validate_every": 0},
    "precision": "float32",
    "device": "cpu",
    "threads": 1,
}
AT = {"bootstrap_samples": 20, "precision": "float32", "device": "cpu", "threads": 1}


def commit(lake: Lake, kind: str, source: Path) -> Reference:
    digest = artifact_digest(kind, 1, {}, {})
    staging = lake.staging(kind, digest)
    shutil.copytree(source, staging, dirs_exist_ok=True)
    return reference(lake.commit(staging, kind, digest, 1, {}, {}, {}, {}), lake)


@pytest.fixture
def made(tmp_path):
    tokenizer = train(iter(["0 1"] * 4), TokenizerConfig(vocab_size=257))
    config = ModelConfig(257, 1, 32, 2, 1, 16, 48, max_context=32)
    models.save(Transformer(config).init_weights(0), tokenizer, tmp_path / "base")
    (tmp_path / "tokens").mkdir()
    draw = np.random.default_rng(0)
    for split in ("train", "validation"):
        tokens: dict[str, np.ndarray] = {
            "tokens": draw.integers(0, 257, size=800).astype(np.uint16),
            "offsets": np.arange(0, 801, 80),
        }
        save_file(tokens, tmp_path / "tokens" / f"{split}-00000.safetensors")
    lake = Lake(tmp_path / "lake")
    return lake, {kind: commit(lake, kind, tmp_path / kind) for kind in ("base", "tokens")}


def test_a_longer_model_and_its_positions_become_the_newest(made):
    lake, given = made
    config = load("ci", extend=SMALL, positions=AT)
    found = extend(config, lake.url, given)
    assert {**found, **given} == found
    for slot in ("extended", "positions"):
        assert lake.heads()[slot] == found[slot]["digest"]
    model, _ = models.load(lake.local("extended", found["extended"]["digest"]))
    assert model.config.max_context == 96
    assert model.config.rope_scaling is not None
    assert model.config.rope_scaling.factor == 3.0
    folder = lake.local("positions", found["positions"]["digest"])
    rows = read_table(folder / "positions.parquet").to_pylist()
    assert {row["reader"] for row in rows} == {
        "base, windows of 32",
        "base, read past 32",
        "extended to 96",
    }
    assert extend(config, lake.url, given) == found  # whole already: not made again
