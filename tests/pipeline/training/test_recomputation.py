"""Activation checkpointing: the same numbers to the bit, and of each layer its input alone kept."""

import contextlib

import pytest
import torch
from leaf_gradients import gradient_of
from torch._dynamo.utils import counters

from pipeline.model import ModelConfig, Transformer
from pipeline.stage import SILENT
from pipeline.training.compiling import compile_layers
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data_loader import Batch
from pipeline.training.loss import token_loss
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from storage.errors import UserError

ROWS, CONTEXT, WIDTH = 4, 32, 32


def model_of(
    family: str = "qwen3", layers: int = 2, dtype: torch.dtype = torch.float32
) -> Transformer:
    config = ModelConfig(
        vocab_size=67,
        layers=layers,
        width=WIDTH,
        heads=2,
        kv_heads=2 if family == "gpt2" else 1,
        head_dim=16,
        ffn_width=64,
        max_context=CONTEXT,
        family=family,
    )
    model = Transformer(config).init_weights(0)
    model.compute_dtype = dtype
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.train()


def batch_of(step: int) -> Batch:
    tokens = torch.randint(67, (ROWS, CONTEXT + 1), generator=torch.Generator().manual_seed(step))
    ids = (torch.arange(CONTEXT) > CONTEXT // 3).long().expand(ROWS, CONTEXT).contiguous()
    return Batch(tokens[:, :-1], tokens[:, 1:], torch.ones(ROWS, CONTEXT, dtype=torch.long), ids)


def learned(
    model: Transformer, recompute: bool
) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    model.recompute = recompute
    model.zero_grad(set_to_none=True)
    total, nats = token_loss(model, batch_of(0))
    total.backward()
    slopes = {name: gradient_of(p).clone() for name, p in model.named_parameters()}
    return total.detach(), nats, slopes


@contextlib.contextmanager
def kept_bytes():
    """Of everything that autograd keeps for a backward, each piece of memory once."""
    found: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield found


def kept_by(layers: int, recompute: bool) -> int:
    model = model_of(layers=layers)
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    model.recompute = recompute
    with kept_bytes() as found:
        total, _ = token_loss(model, batch_of(0))  # `total` holds what was kept
    assert total.requires_grad
    return sum(size for place, size in found.items() if place not in parameters)


@pytest.mark.parametrize("family", ["qwen3", "llama", "gpt2", "speedrun"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loss_and_gradients_are_the_same_to_the_bit(family, dtype):
    model = model_of(family, dtype=dtype)
    total, nats, slopes = learned(model, recompute=False)
    again, its_nats, its_slopes = learned(model, recompute=True)
    assert torch.equal(again, total)
    assert torch.equal(its_nats, nats)
    for name, slope in slopes.items():
        assert torch.equal(its_slopes[name], slope), name


def test_of_each_layer_its_input_alone_is_kept():
    """ROWS x CONTEXT x WIDTH floats a layer; without it, many times as much."""
    an_input = ROWS * CONTEXT * WIDTH * 4
    assert kept_by(5, recompute=True) - kept_by(2, recompute=True) == 3 * an_input
    assert kept_by(5, recompute=False) - kept_by(2, recompute=False) > 8 * 3 * an_input


def test_what_learns_nothing_recomputes_nothing(monkeypatch):
    monkeypatch.setattr(
        "torch.utils.checkpoint.checkpoint", lambda *_, **__: pytest.fail("recomputed")
    )
    model = model_of()
    model.recompute = True
    with torch.no_grad():
        token_loss(model, batch_of(0))
        model.eval()
        token_loss(model, batch_of(0), cast=model.cast_weights())


def test_compiled_layers_are_recomputed_too():
    """The checkpoint is around what is compiled: no graph breaks, none is compiled twice."""
    torch._dynamo.reset()
    model = model_of(layers=3)
    total, _, slopes = learned(model, recompute=False)
    compile_layers(model, backend="aot_eager")
    counters.clear()
    again, _, its_slopes = learned(model, recompute=True)
    torch.testing.assert_close(again, total, rtol=1e-6, atol=0)
    for name, slope in slopes.items():
        torch.testing.assert_close(its_slopes[name], slope, atol=2e-4, rtol=1e-4, msg=name)
    assert not counters["graph_break"]
    learned(model, recompute=True)
    graphs = counters["stats"]["unique_graphs"]
    learned(model, recompute=True)
    assert counters["stats"]["unique_graphs"] == graphs <= 4


def test_training_asks_for_it_by_its_config(tmp_path):
    curves = {}
    for setting in ("off", "layers"):
        model = model_of()
        loop = LoopConfig(
            steps=4, rows_per_step=ROWS, warmup_steps=1, activation_checkpointing=setting
        )
        optimizer = build_optimizer(model, OptimizerConfig())
        scratch = tmp_path / setting
        metrics, _ = train(
            model, optimizer, batch_of, loop, stage="pretrain", scratch=scratch, progress=SILENT
        )
        assert model.recompute is (setting == "layers")
        curves[setting] = metrics["loss"].to_pylist()
    assert curves["layers"] == curves["off"]
    with pytest.raises(UserError, match=r"unknown 'some': .* off, layers"):
        LoopConfig(activation_checkpointing="some")
