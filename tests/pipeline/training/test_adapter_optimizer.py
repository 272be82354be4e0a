"""AdamW over adapters alone, at rates that follow from width and from the rows' own size."""

import pytest
import torch
import torch.nn.functional as F
from lora_models import model_of

from pipeline.lora_config import LoraConfig
from pipeline.model import Transformer, lora
from pipeline.training.adapter_optimizer import adapter_optimizer
from pipeline.training.config import OptimizerConfig
from pipeline.training.optimizers import Optimizer


def test_all_that_has_a_gradient_is_in_it_at_its_rate_and_nothing_else():
    model = model_of("qwen3")
    with torch.no_grad():
        model.embed_tokens.weight[:, ::2] = 1.0
        model.embed_tokens.weight[:, 1::2] = -7.0  # root mean square: 5
        model.lm_head.weight.fill_(-0.5)
    lora.attach(model, LoraConfig(rank=2), [11, 12], 0)
    settings = LoraConfig(rank=2, lr=1e-3, row_lr=0.1)
    optimizer = adapter_optimizer(model, OptimizerConfig(), settings)
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {name: group.lr for group in optimizer.adam for name in group.names}
    for group in optimizer.adam:
        assert [named[id(parameter)] for parameter in group.parameters] == group.names
    assert set(rates) == {name for name, p in model.named_parameters() if p.requires_grad}
    assert optimizer.muon == []
    assert rates.pop("embed_tokens.adapter.values") == pytest.approx(0.5)
    assert rates.pop("lm_head.adapter.values") == pytest.approx(0.05)
    expected = 1e-3 * (2000 / 16) ** 0.781
    assert list(rates.values()) == pytest.approx([expected] * len(rates))
    assert optimizer.config.matrix_lr == pytest.approx(expected)  # what the metrics show


def trained(model: Transformer, optimizer: Optimizer, steps: int) -> float:
    tokens = torch.randint(0, 13, (12, 16), generator=torch.Generator().manual_seed(3))
    losses = []
    for _ in range(steps):
        logits = model(tokens)[:, :-1].flatten(0, 1)
        loss = F.cross_entropy(logits, tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.clear_gradients()
        losses.append(loss.item())
    return losses[-1]


def test_full_rank_learns_about_what_training_the_matrices_learns():
    targets = ("q_proj", "o_proj", "gate_proj", "up_proj", "down_proj")  # of rank 16
    steps, lr = 60, 0.003
    start = trained(model_of("qwen3"), Optimizer({}, [], OptimizerConfig()), 1)
    whole = model_of("qwen3")
    matrices = {n: p for n, p in whole.named_parameters() if n.split(".")[-2] in targets}
    full = trained(whole, Optimizer({}, [(lr, matrices)], OptimizerConfig()), steps)
    model = model_of("qwen3")
    config = LoraConfig(rank=16, alpha=16.0, targets=targets, lr=lr / (2000 / 16) ** 0.781)
    lora.attach(model, config, [], 0)
    found = trained(model, adapter_optimizer(model, OptimizerConfig(), config), steps)
    assert full < 0.6 * start
    assert found == pytest.approx(full, rel=0.15)
