"""Weights between two models: by hand, and with adapters the same as without."""

import copy

import pytest
import torch
from random_models import FAMILIES, random_model

from pipeline.lora_config import LoraConfig
from pipeline.model import lora
from pipeline.sft.interpolation import interpolate


@pytest.mark.parametrize("alpha", [0.25, 1.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_each_weight_is_the_weighted_mean(family, alpha):
    start, model = random_model(family, seed=1), random_model(family, seed=2)
    tuned = copy.deepcopy(model.state_dict())
    kept = copy.deepcopy(start.state_dict())
    interpolate(model, start, alpha)
    for name, weight in model.state_dict().items():
        expected = (1 - alpha) * kept[name] + alpha * tuned[name]
        torch.testing.assert_close(weight, expected, rtol=1e-6, atol=1e-7)
        assert torch.equal(start.state_dict()[name], kept[name])


def test_the_outputs_are_those_of_the_new_weights():
    """Nothing that was cast or folded before is read again."""
    start, model = random_model("qwen3", seed=1), random_model("qwen3", seed=2)
    tokens = torch.arange(9)[None]
    before = model(tokens)
    interpolate(model, start, 0.5)
    other = random_model("qwen3", seed=3)
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(model(tokens), other(tokens))
    assert not torch.allclose(model(tokens), before)


def test_adapters_are_scaled_and_their_rows_move():
    start = random_model("qwen3", seed=1)
    model = copy.deepcopy(start)
    lora.attach(model, LoraConfig(rank=2), [3, 5], seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    merged = copy.deepcopy(model)
    lora.merge(merged)
    interpolate(merged, start, 0.6)
    interpolate(model, start, 0.6)
    lora.merge(model)
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, merged.state_dict()[name], rtol=1e-5, atol=1e-6)
