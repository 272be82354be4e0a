"""LoRA: nothing changes at the start, the change is the paper's, merged equals unmerged."""

import pytest
import torch
import torch.nn.functional as F
from lora_models import FAMILIES, TOKENS, model_of, moved

from pipeline.lora_config import LoraConfig
from pipeline.model import lora
from pipeline.ranges import OutOfRange
from storage.errors import UserError


@pytest.mark.parametrize("family", FAMILIES)
def test_merged_and_unmerged_logits_are_equal(family):
    model = model_of(family)
    before = model(TOKENS)
    lora.attach(model, LoraConfig(rank=3), [11, 12], seed=1)
    assert torch.equal(model(TOKENS), before)
    unmerged = moved(model)(TOKENS)
    assert (unmerged - before).abs().max() > 0.1
    names = model_of(family).state_dict().keys()
    assert model.state_dict().keys() > names
    lora.merge(model)
    assert model.state_dict().keys() == names
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert torch.allclose(model(TOKENS), unmerged, atol=1e-5)


def test_a_change_is_alpha_by_rank_times_b_a_beside_the_frozen_product():
    """As PEFT computes it: W x + alpha / rank * B (A x)."""
    linear = torch.nn.Linear(6, 5, bias=False)
    adapter = lora.LowRank(linear.weight, rank=2, alpha=7.0)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(4, 6)
    expected = linear(x) + 7.0 / 2 * F.linear(F.linear(x, adapter.a), adapter.b)
    linear.add_module(lora.ADAPTER, adapter)
    assert torch.allclose(F.linear(x, lora.weight_of(linear)), expected, atol=1e-5)


def test_only_changes_and_named_rows_have_a_gradient_and_it_is_that_of_the_whole_matrix():
    model = model_of("qwen3")
    lora.attach(model, LoraConfig(rank=2, alpha=6.0, targets=("k_proj", "down_proj")), [12], 0)
    moved(model)
    F.cross_entropy(model(TOKENS)[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten()).backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None}
    parts = [f"layers.{n}.{m}" for n in (0, 1) for m in ("self_attn.k_proj", "mlp.down_proj")]
    expected = {f"{part}.adapter.{factor}" for part in parts for factor in "ab"}
    expected |= {"embed_tokens.adapter.values", "lm_head.adapter.values"}
    assert trained == expected
    whole = model_of("qwen3")
    lora.attach(whole, LoraConfig(rank=2, alpha=6.0, targets=("k_proj", "down_proj")), [12], 0)
    lora.merge(moved(whole))
    F.cross_entropy(whole(TOKENS)[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten()).backward()
    for name, _, adapter in lora.adapters(model):
        gradient = whole.get_submodule(name).weight.grad
        assert gradient is not None
        if isinstance(adapter, lora.TrainedRows):
            assert adapter.values.grad is not None
            assert torch.allclose(adapter.values.grad, gradient[[12]], atol=1e-6)
            continue
        assert adapter.a.grad is not None
        assert adapter.b.grad is not None
        assert torch.allclose(adapter.a.grad, 3.0 * adapter.b.T @ gradient, atol=1e-5)
        assert torch.allclose(adapter.b.grad, 3.0 * gradient @ adapter.a.T, atol=1e-5)


def test_first_factors_are_drawn_from_the_seed_and_bounded_by_their_inputs():
    one, same, other = (model_of("qwen3") for _ in range(3))
    for model, seed in ((one, 1), (same, 1), (other, 2)):
        lora.attach(model, LoraConfig(rank=4), [], seed)
    first, second, third = (
        torch.cat([a.a.flatten() for _, _, a in lora.adapters(m) if isinstance(a, lora.LowRank)])
        for m in (one, same, other)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    down = one.blocks[0].mlp.down_proj.get_submodule(lora.ADAPTER)
    assert isinstance(down, lora.LowRank)
    bound = 24**-0.5
    assert 0.9 * bound < down.a.max() <= bound
    assert -bound <= down.a.min() < -0.9 * bound
    assert not any(isinstance(adapter, lora.TrainedRows) for _, _, adapter in lora.adapters(one))


def test_what_can_not_be_attached_is_one_line():
    with pytest.raises(UserError, match=r"rank is 9: .*k_proj is a matrix of rank 8 at most"):
        lora.attach(model_of("qwen3"), LoraConfig(rank=9), [], 0)
    with pytest.raises(UserError, match="no gate_proj"):
        lora.attach(model_of("gpt2"), LoraConfig(rank=1, targets=("gate_proj",)), [], 0)
    with pytest.raises(OutOfRange, match="targets: unknown 'lm_head'"):
        LoraConfig(targets=("lm_head",))
    with pytest.raises(OutOfRange, match="one is there twice"):
        LoraConfig(targets=("q_proj", "q_proj"))
    with pytest.raises(OutOfRange, match="name one of"):
        LoraConfig(targets=())
