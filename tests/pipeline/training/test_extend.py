"""The stage that lengthens a context: what it stretches, what it measures, what it refuses."""

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from pipeline import model as models
from pipeline.model import ModelConfig
from pipeline.model.rope import RopeScaling, frequencies
from pipeline.stage import SILENT
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train as train_tokenizer
from pipeline.training import bits_per_byte, extend, pretrain
from pipeline.training.config import (
    SCALINGS,
    ExtendConfig,
    LoopConfig,
    ModelShape,
    OptimizerConfig,
    PretrainConfig,
)
from pipeline.training.data_loader import TokenShards
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import validation_subset
from storage.errors import UserError
from storage.tables import read_table

BASE = ModelConfig(100, 2, 32, 2, 2, 16, 64, 64)
LOOP = LoopConfig(steps=120, rows_per_step=6, warmup_steps=4, validate_every=20, validation_rows=4)
CONFIG = ExtendConfig(
    context=96, loop=LOOP, rate_factor=1.0, precision="float32", device="cpu", threads=1
)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """Pages that say the alphabet over and over, each time with the page's own mark after it.

    In windows of 24 tokens the last mark is out of sight and the next a guess; in 96 it is not.
    """
    root = tmp_path_factory.mktemp("marked")
    tokenizer = train_tokenizer(iter(["0 1"] * 4), TokenizerConfig(vocab_size=257))
    tokenizer.save(root / "tokenizer")
    (root / "tokens").mkdir()
    cycle, marks = list(range(40, 66)), list(range(70, 86))
    draw = random.Random(0)
    for name, count in (("train", 300), ("validation", 30)):
        documents = []
        for _ in range(count):
            page = [*cycle, draw.choice(marks)] * 5
            turn = draw.randrange(27)
            documents.append([tokenizer.document_token, *page[turn : turn + 95]])
        flat = np.array(documents, dtype=np.uint16).reshape(-1)
        offsets = np.arange(count + 1, dtype=np.int64) * 96
        file = root / "tokens" / f"{name}-00000.safetensors"
        save_file({"tokens": flat, "offsets": offsets}, file)
    return {"tokens": root / "tokens", "tokenizer": root / "tokenizer"}


@pytest.fixture(scope="module")
def base(artifacts, tmp_path_factory):
    """A base model that reads 24 tokens and has learned something."""
    out, scratch = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("scratch")
    shape = ModelShape(
        layers=2, width=32, heads=2, kv_heads=2, head_dim=16, ffn_width=64, context=24
    )
    loop = dataclasses.replace(LOOP, steps=150, rows_per_step=16, validate_every=0)
    config = PretrainConfig(shape=shape, loop=loop, precision="float32", device="cpu", threads=1)
    inputs = pretrain.PretrainInputs(
        tokens=[artifacts["tokens"]], tokenizer=[artifacts["tokenizer"]]
    )
    pretrain.build(out, inputs, config, SILENT, scratch)
    return out


def run(base, artifacts, folder, config):
    out, scratch = folder / "out", folder / "scratch"
    out.mkdir(parents=True)
    scratch.mkdir()
    inputs = extend.ExtendInputs(base=[base], tokens=[artifacts["tokens"]])
    return out, extend.build(out, inputs, config, SILENT, scratch)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_longer_context_is_learned(base, artifacts, tmp_path, scaling):
    config = dataclasses.replace(CONFIG, scaling=scaling)
    out, said = run(base, artifacts, tmp_path, config)
    assert said["context_before"] == 24
    assert said["context"] == 96
    # Of three or four marks a page all but the first can be known; in windows of 24 none.
    assert said["bits_per_byte"] < said["bits_per_byte_before"] - 0.01
    assert said["bits_per_byte"] < said["bits_per_byte_short"] - 0.01
    assert said["long_documents"] == 300
    model, _ = models.load(out)
    untrained, tokenizer = models.load(base)
    assert model.config == extend.stretched(untrained.config, config)
    untrained.stretch(96, model.config.rope_theta, model.config.rope_scaling)
    shards = TokenShards(artifacts["tokens"], "validation")
    documents = [shards.document(index) for index in range(len(shards))]
    measured = bits_per_byte.measure(untrained, documents, tokenizer.token_bytes, 96)
    assert said["bits_per_byte_untrained"] == pytest.approx(measured.bits_per_byte, rel=1e-6)
    assert model(torch.zeros(1, 96, dtype=torch.int64)).isfinite().all()
    metrics = read_table(out / "metrics.parquet")
    assert metrics["stage"].to_pylist() == ["extend"] * 120
    assert (out / "provenance" / "timing.parquet").is_file()


def test_the_same_recipe_gives_the_same_bytes(base, artifacts, tmp_path):
    config = dataclasses.replace(CONFIG, loop=dataclasses.replace(LOOP, steps=4))
    first, said = run(base, artifacts, tmp_path / "a", config)
    second, again = run(base, artifacts, tmp_path / "b", config)
    assert said == again
    for name in ("model.safetensors", "config.json", "metrics.parquet"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_result_loads_in_transformers(base, artifacts, tmp_path):
    from transformers import AutoModelForCausalLM

    config = dataclasses.replace(CONFIG, loop=dataclasses.replace(LOOP, steps=3))
    out, _ = run(base, artifacts, tmp_path, config)
    model, _ = models.load(out)
    tokens = torch.randint(0, 257, (2, 96), generator=torch.Generator().manual_seed(0))
    theirs = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(model(tokens), theirs(tokens).logits, atol=1e-4, rtol=1e-4)


def test_stretching_follows_the_rule():
    yarn = extend.stretched(BASE, ExtendConfig(context=256))
    assert yarn.max_context == 256
    assert yarn.rope_scaling == RopeScaling("yarn", 4.0, 64)
    assert extend.stretched(BASE, ExtendConfig()).max_context == 256  # four times by default
    wide = extend.stretched(BASE, ExtendConfig(context=256, scaling="llama3", factor=8.0))
    assert wide.rope_scaling == RopeScaling("llama3", 8.0, 64)
    theta = extend.stretched(BASE, ExtendConfig(context=256, scaling="theta"))
    assert theta.rope_scaling is None
    before = frequencies(16, BASE.rope_theta, None)
    after = frequencies(16, theta.rope_theta, None)
    assert after[0] == before[0]
    torch.testing.assert_close(after[-1], before[-1] / 4.0)


def test_a_stretched_base_is_stretched_from_where_it_began():
    once = extend.stretched(BASE, ExtendConfig(context=128))
    twice = extend.stretched(once, ExtendConfig(context=512))
    assert twice.rope_scaling == RopeScaling("yarn", 8.0, 64)
    with pytest.raises(UserError, match="stretched by yarn already"):
        extend.stretched(once, ExtendConfig(context=512, scaling="theta"))


@pytest.mark.parametrize(
    ("family", "changes", "said"),
    [
        ("qwen3", {"context": 64}, "already reads 64"),
        ("qwen3", {"scaling": "ntk"}, "'ntk': one of yarn, llama3, theta"),
        ("qwen3", {"factor": 0.5}, "more than 1"),
        ("gpt2", {}, "table of positions"),
    ],
)
def test_what_cannot_be_extended_is_refused(family, changes, said):
    base = dataclasses.replace(BASE, family=family)
    with pytest.raises(UserError, match=said):
        extend.stretched(base, dataclasses.replace(ExtendConfig(context=256), **changes))


def test_batches_that_grow_are_read_and_counted(base, artifacts, tmp_path):
    ramp = dataclasses.replace(LOOP, steps=4, first_rows=2, ramp_fraction=1.0, validate_every=0)
    out, said = run(base, artifacts, tmp_path, dataclasses.replace(CONFIG, loop=ramp))
    # two steps of 2 rows, then two of 4: the next size would come after the end
    seen = [row * 96 for row in (2, 4, 8, 12)]
    assert read_table(out / "metrics.parquet")["tokens"].to_pylist() == seen
    assert said["tokens_seen"] == seen[-1]


class HandedOver(Exception):
    """Ends a build where it begins to train."""


@pytest.mark.parametrize("apart", [True, False])
def test_what_training_is_handed(base, artifacts, tmp_path, monkeypatch, apart):
    rates: list[OptimizerConfig] = []
    handed: dict[str, Any] = {}

    def noting(model, config):
        rates.append(config)
        return build_optimizer(model, config)

    def train(model, optimizer, batch_of, loop, **rest):
        handed.update(model=model, batch=batch_of(0), loop=loop, **rest)
        raise HandedOver

    monkeypatch.setattr(extend, "build_optimizer", noting)
    monkeypatch.setattr(extend, "train", train)
    config = dataclasses.replace(CONFIG, rate_factor=0.25, separate_documents=apart, seed=3)
    with pytest.raises(HandedOver):
        run(base, artifacts, tmp_path, config)
    assert [r.matrix_lr for r in rates] == [0.25 * 0.02]
    assert rates == [config.optimizer.scaled(0.25)]
    assert handed["loop"] is config.loop
    assert handed["model"].config.max_context == 96
    assert handed["batch"].tokens.shape == (6, 96)
    assert (handed["batch"].document_ids is not None) is apart
    shards = TokenShards(artifacts["tokens"], "validation")
    subset = validation_subset(shards, 4 * 96, 3)
    _, tokenizer = models.load(base)
    measured = bits_per_byte.measure(handed["model"], subset, tokenizer.token_bytes, 96)
    assert handed["validate"]() == pytest.approx(measured.bits_per_byte)


def test_the_stage_by_its_name_and_version():
    stage = extend.STAGE
    assert (stage.kind, stage.version, stage.config) == ("extended", 4, ExtendConfig)
