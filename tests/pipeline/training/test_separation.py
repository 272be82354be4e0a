"""Documents packed into one row: kept apart from the shards to the loss, by every attention."""

import dataclasses
from typing import Any

import pytest
import torch

from pipeline.model import attention, fused
from pipeline.stage import SILENT
from pipeline.training import pretrain
from pipeline.training.config import LoopConfig, ModelShape, OptimizerConfig, PretrainConfig
from pipeline.training.data_loader import PretrainData
from pipeline.training.loss import token_loss

SHAPE = ModelShape(layers=2, width=32, heads=2, kv_heads=1, head_dim=16, ffn_width=64, context=32)
LOOP = LoopConfig(steps=3, rows_per_step=4, validation_rows=2)
CONFIG = PretrainConfig(SHAPE, LOOP, OptimizerConfig(), "float32", threads=1, device="cpu")


class HandedOver(Exception):
    """Ends a build where it begins to train."""


@pytest.mark.parametrize("apart", [True, False])
def test_what_pretraining_is_handed(artifacts, tmp_path, monkeypatch, apart):
    handed: dict[str, Any] = {}

    def train(model, optimizer, batch_of, loop, **rest):
        handed.update(optimizer=optimizer, batches=[batch_of(0), batch_of(7)], loop=loop)
        raise HandedOver

    monkeypatch.setattr(pretrain, "train", train)
    rates = OptimizerConfig(matrix_lr=0.013)
    config = dataclasses.replace(CONFIG, separate_documents=apart, seed=2, optimizer=rates)
    inputs = pretrain.PretrainInputs(
        tokens=[artifacts["tokens"]], tokenizer=[artifacts["tokenizer"]]
    )
    with pytest.raises(HandedOver):
        pretrain.build(tmp_path, inputs, config, SILENT, tmp_path)
    assert handed["loop"] is LOOP
    assert handed["optimizer"].config is rates
    data = PretrainData(artifacts["tokens"], 32, 4, 2)
    for step, batch in zip((0, 7), handed["batches"]):
        assert torch.equal(batch.tokens, data.batch(step).tokens)
        if not apart:
            assert batch.document_ids is None
            continue
        for row in range(4):
            lengths = data.pieces(4 * step + row)[:, 2].tolist()
            ids = [number for number, length in enumerate(lengths) for _ in range(length)]
            assert batch.document_ids[row].tolist() == ids[:32]


def changed_first_piece(batch):
    """The same batch, but other tokens in each row's first document; and where that ends."""
    first = batch.document_ids == 0
    return batch._replace(tokens=torch.where(first, (batch.tokens + 7) % 300, batch.tokens)), first


@pytest.mark.parametrize("way", ["whole", "fused", "spans"])
def test_a_document_never_feels_the_one_before_it(artifacts, make_model, monkeypatch, way):
    model = make_model()
    if way == "fused":
        model.compute_dtype = torch.bfloat16
        if not fused.ready(torch.bfloat16, torch.device("cpu")):
            pytest.skip("this processor has no C rows")
    if way == "spans":
        monkeypatch.setattr("pipeline.model.transformer.MAX_SCORES", 0)
    assert attention.MAX_SCORES > 0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    batch = PretrainData(artifacts["tokens"], 32, 60, 0).batch(0)
    other, first = changed_first_piece(batch)
    later = ~first & (batch.loss_mask == 1)
    assert later.sum() > 40
    _, nats = token_loss(model, batch)
    _, others = token_loss(model, other)
    assert torch.equal(nats[later], others[later])
    # The check can fail: in one document what comes first is felt.
    _, nats = token_loss(model, batch._replace(document_ids=None))
    _, others = token_loss(model, other._replace(document_ids=None))
    assert (nats[later] - others[later]).abs().max() > 1e-3


def test_no_slope_runs_from_a_document_to_the_one_before(artifacts, make_model):
    """The loss of later documents has no slope by the embedding of a token they don't hold."""
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    batch = PretrainData(artifacts["tokens"], 32, 60, 0).batch(0)
    assert batch.document_ids is not None
    first = batch.document_ids == 0
    assert 10 < (~first).any(dim=1).sum() < 60
    unused = min(set(range(300)) - set(batch.tokens.flatten().tolist()))
    tokens = torch.where(first, unused, batch.tokens)
    total, _ = token_loss(
        model, batch._replace(tokens=tokens), weights=(batch.loss_mask * ~first).float()
    )
    total.backward()
    assert model.embed_tokens.weight.grad[unused].abs().max() == 0
    assert model.embed_tokens.weight.grad.abs().max() > 0
