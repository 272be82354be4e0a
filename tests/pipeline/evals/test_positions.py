"""Bits per byte by position: nothing is lost between buckets, readers differ where they must."""

import json

import numpy as np
import pytest
import torch

from pipeline import model as models
from pipeline.evals import positions
from pipeline.evals.config import PositionsConfig
from pipeline.model import ModelConfig, Transformer
from pipeline.stage import SILENT
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train
from pipeline.training import bits_per_byte
from storage.errors import UserError
from storage.tables import read_table

OLD, NEW = 16, 48
CONFIG = PositionsConfig(
    documents=6, bootstrap_samples=50, precision="float32", device="cpu", threads=1
)


@pytest.fixture(scope="module")
def tokenizer():
    return train(iter(["the cat sat on the mat and the dog"] * 5), TokenizerConfig(vocab_size=270))


def random_model(context: int) -> Transformer:
    model = Transformer(ModelConfig(270, 2, 32, 2, 1, 16, 48, context))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else 0.2 * noise)
    return model


def documents_of(lengths: list[int]) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, size=length).astype(np.int64) for length in lengths]


@pytest.fixture
def inputs(tokenizer, tmp_path):
    from safetensors.numpy import save_file

    for name, context in (("base", OLD), ("extended", NEW)):
        models.save(random_model(context), tokenizer, tmp_path / name)
    lengths = [10, 17, 18, 30, 49, 60, 25, 40, 33]
    flat = np.concatenate(documents_of(lengths)).astype(np.uint16)
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    (tmp_path / "tokens").mkdir()
    save_file(
        {"tokens": flat, "offsets": offsets},
        tmp_path / "tokens" / "validation-00000.safetensors",
    )
    return {name: [tmp_path / name] for name in ("base", "extended", "tokens")}


def test_buckets_cover_every_position_once():
    assert positions.buckets(192, 768)[:5] == [(0, 24), (24, 48), (48, 96), (96, 192), (192, 288)]
    for old, new, edges in ((192, 768, ()), (3, 5, ()), (16, 48, (8, 16, 99))):
        found = positions.buckets(old, new, edges)
        covered = [place for first, end in found for place in range(first, end)]
        assert covered == list(range(new))
        assert old in [first for first, _ in found]


@pytest.mark.parametrize("window", [7, 16, 48])
def test_buckets_add_up_to_the_whole(tokenizer, window):
    model = random_model(NEW)
    documents = documents_of([49, 20, 2, 30])
    sizes = np.array([len(token) for token in tokenizer.token_bytes], dtype=np.int64)
    edges = positions.buckets(OLD, NEW)
    bits, bytes_ = positions.by_position(model, documents, sizes, window, edges)
    whole = bits_per_byte.measure(model, documents, tokenizer.token_bytes, window)
    np.testing.assert_allclose(bits.sum(axis=1), whole.nats / np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(bytes_.sum(axis=1), whole.bytes)


def test_a_bucket_holds_its_own_positions(tokenizer):
    model = random_model(NEW)
    (document,) = documents_of([40])
    sizes = np.array([len(token) for token in tokenizer.token_bytes], dtype=np.int64)
    bits, _ = positions.by_position(model, [document], sizes, NEW, [(0, 5), (5, 20), (20, NEW)])
    with torch.no_grad():
        table = model(torch.from_numpy(document[None, :-1]))[0].log_softmax(-1)
    nats = -table.gather(1, torch.from_numpy(document[1:, None]))[:, 0].double().numpy()
    expected = [nats[:5].sum(), nats[5:20].sum(), nats[20:].sum()]
    np.testing.assert_allclose(bits[0], np.array(expected) / np.log(2), rtol=1e-5)


def test_the_stage_compares_three_readers(inputs, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    said = positions.build(out, inputs, CONFIG, SILENT, tmp_path / "scratch")
    rows = read_table(out / "positions.parquet").to_pylist()
    readers = list(dict.fromkeys(row["reader"] for row in rows))
    assert readers == ["base, windows of 16", "base, read past 16", "extended to 48"]
    assert said["documents"] == 6  # of seven long enough
    by_reader = {r: [row for row in rows if row["reader"] == r] for r in readers}
    windows, past, extended = (by_reader[reader] for reader in readers)
    for a, b, c in zip(windows, past, extended):
        assert (a["first"], a["bytes"]) == (b["first"], b["bytes"]) == (c["first"], c["bytes"])
        assert a["low"] <= a["bits_per_byte"] <= a["high"]
        # Within the base's context all three are one model; past it a window has forgotten.
        assert a["bits_per_byte"] == pytest.approx(b["bits_per_byte"], rel=1e-6) or a["first"] >= 16
        assert b["bits_per_byte"] == pytest.approx(c["bits_per_byte"], rel=1e-6)
    assert windows[-1]["bits_per_byte"] != pytest.approx(past[-1]["bits_per_byte"], rel=1e-6)
    late = [row for row in windows if row["first"] >= 16]
    expected = sum(r["bits_per_byte"] * r["bytes"] for r in late) / sum(r["bytes"] for r in late)
    assert said["beyond"]["base, windows of 16"] == pytest.approx(expected)
    again = tmp_path / "again"
    again.mkdir()
    assert json.dumps(positions.build(again, inputs, CONFIG, SILENT, tmp_path)) == json.dumps(said)
    name = "positions.parquet"
    assert (again / name).read_bytes() == (out / name).read_bytes()


def test_documents_too_short_are_named(inputs, tokenizer, tmp_path):
    models.save(random_model(100), tokenizer, inputs["base"][0])
    models.save(random_model(200), tokenizer, inputs["extended"][0])
    with pytest.raises(UserError, match="longer than 100"):
        positions.build(tmp_path, inputs, CONFIG, SILENT, tmp_path)
