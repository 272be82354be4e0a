"""Compiled layers compute what plain ones do; 8 bits only where there are; batches made ahead."""

import threading

import pytest
import torch
from leaf_gradients import gradient_of
from torch._dynamo.utils import counters

from pipeline.model import ModelConfig, Transformer
from pipeline.training.compiling import Ahead, compile_layers, multiply_in_8_bits
from pipeline.training.data_loader import Batch
from pipeline.training.loss import softmax_slopes, token_loss
from storage.errors import UserError


def small(family: str) -> Transformer:
    config = ModelConfig(
        vocab_size=67,
        layers=3,
        width=32,
        heads=2,
        kv_heads=2 if family == "gpt2" else 1,
        head_dim=16,
        ffn_width=64,
        max_context=16,
        family=family,
    )
    model = Transformer(config).init_weights(0)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in model.blocks:  # fresh ones are zero: a layer would add nothing
            layer.self_attn.o_proj.weight.normal_(0, 0.1, generator=generator)
            layer.mlp.down_proj.weight.normal_(0, 0.1, generator=generator)
    return model.train()


def batch(length: int = 16) -> Batch:
    tokens = torch.randint(0, 67, (4, length + 1), generator=torch.Generator().manual_seed(1))
    ones = torch.ones(4, length, dtype=torch.int64)
    documents = (torch.arange(length) > length // 3).long().expand(4, length).contiguous()
    return Batch(tokens[:, :-1], tokens[:, 1:], ones, documents)


def loss_and_gradients(model: Transformer) -> tuple[float, list[torch.Tensor]]:
    model.zero_grad(set_to_none=True)
    total, _ = token_loss(model, batch())
    total.backward()
    return float(total.detach()), [gradient_of(p).clone() for p in model.parameters()]


@pytest.mark.parametrize("family", ["qwen3", "llama", "gpt2", "speedrun"])
def test_compiled_layers_equal_plain_ones(family: str) -> None:
    torch._dynamo.reset()
    model = small(family)
    loss, gradients = loss_and_gradients(model)
    compile_layers(model, backend="aot_eager")  # all but the generated kernels
    counters.clear()
    compiled_loss, compiled = loss_and_gradients(model)
    assert compiled_loss == pytest.approx(loss, rel=1e-6)
    for mine, theirs in zip(compiled, gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-4, rtol=1e-4)
    assert not counters["graph_break"]
    loss_and_gradients(model)
    graphs = counters["stats"]["unique_graphs"]
    loss_and_gradients(model)
    assert counters["stats"]["unique_graphs"] == graphs <= 4  # for 3 layers: some are shared
    model.eval()
    for length in (9, 12, 15):
        with torch.no_grad():
            token_loss(model, batch(length), cast=model.cast_weights())
    # Only the cast once more, without gradients: reading in other shapes compiles nothing.
    assert counters["stats"]["unique_graphs"] == graphs + 1


def test_softmax_slopes_are_the_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 11, generator=generator, requires_grad=True)
    targets = torch.randint(0, 11, (7, 1), generator=generator)
    weights = torch.rand(7, generator=generator)
    nats = torch.nn.functional.cross_entropy(logits, targets.squeeze(1), reduction="none")
    (nats * weights).sum().backward()
    found, _, slopes = softmax_slopes(logits.detach(), targets, weights)
    torch.testing.assert_close(found, nats.detach())
    torch.testing.assert_close(slopes, logits.grad)


def test_8_bits_need_their_hardware() -> None:
    model = small("qwen3")
    with pytest.raises(UserError, match=r"pretrain\.fp8 needs a GPU with 8-bit products"):
        multiply_in_8_bits(model)


def test_batches_ahead_are_the_same_batches() -> None:
    asked: list[tuple[int, bool]] = []
    main = threading.get_ident()

    def make(number: int) -> Batch:
        asked.append((number, threading.get_ident() == main))
        return batch()._replace(tokens=torch.tensor([[number]]))

    ahead = Ahead(make)
    order = [0, 1, 2, 7, 8, 3]  # a rollback jumps
    assert [int(ahead(number).tokens) for number in order] == order
    here = [number for number, is_main in asked if is_main]
    assert here == [0, 7, 3]  # the others were ready


def test_a_mistake_in_making_a_batch_is_raised_where_it_is_asked_for() -> None:
    def make(number: int) -> Batch:
        if number == 1:
            raise UserError("no such batch")
        return batch()

    ahead = Ahead(make)
    ahead(0)
    with pytest.raises(UserError, match="no such batch"):
        ahead(1)
