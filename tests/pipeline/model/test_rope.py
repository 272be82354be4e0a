"""Rotary frequencies against transformers' own, to the bit, and the rules' defining properties."""

import dataclasses
import math

import pytest
import torch

from pipeline.model.rope import RopeScaling, frequencies, rotary_tables
from storage.errors import UserError

LLAMA31 = RopeScaling("llama3", 8.0, 8192)
RULES = {
    "llama 3.1": (128, 500_000.0, LLAMA31),
    "llama 3.2": (64, 500_000.0, dataclasses.replace(LLAMA31, factor=32.0)),
    "qwen3 yarn": (128, 1_000_000.0, RopeScaling("yarn", 4.0, 32_768)),
    "yarn, given factor": (32, 10_000.0, RopeScaling("yarn", 8.0, 256, attention_factor=0.9)),
    "yarn, fractional ramp": (32, 10_000.0, RopeScaling("yarn", 8.0, 256, truncate=False)),
    "linear": (64, 10_000.0, RopeScaling("linear", 4.0, 2_048)),
    "none": (64, 10_000.0, None),
}


@pytest.mark.parametrize("name", RULES)
def test_tables_equal_transformers_at_far_positions(name):
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    head_dim, theta, scaling = RULES[name]
    context = 131_072 if scaling is None else int(scaling.factor * scaling.original_context)
    rule = {"rope_type": "default"} if scaling is None else scaling.to_hf()
    config = LlamaConfig(
        hidden_size=4 * head_dim,
        num_attention_heads=4,
        head_dim=head_dim,
        max_position_embeddings=context,
        rope_parameters=rule | {"rope_theta": theta},
    )
    theirs = LlamaRotaryEmbedding(config)
    assert torch.equal(frequencies(head_dim, theta, scaling), theirs.inv_freq)
    cos, sin = rotary_tables(context, head_dim, theta, torch.device("cpu"), scaling)
    positions = torch.tensor([[0, 1, context // 3, context - 1]])
    expected_cos, expected_sin = theirs(torch.zeros(1), positions)
    assert torch.equal(cos[positions], expected_cos)
    assert torch.equal(sin[positions][..., head_dim // 2 :], expected_sin[..., head_dim // 2 :])
    assert torch.equal(-sin[..., : head_dim // 2], sin[..., head_dim // 2 :])


def test_fast_waves_stay_and_slow_ones_are_slowed():
    plain = frequencies(128, 500_000.0, None)
    for scaling in (LLAMA31, RopeScaling("yarn", 8.0, 8192)):
        scaled = frequencies(128, 500_000.0, scaling)
        assert torch.equal(scaled[:8], plain[:8])
        torch.testing.assert_close(scaled[-8:], plain[-8:] / 8.0)
        assert ((scaled <= plain) & (scaled >= plain / 8.0 * 0.9999)).all()
    assert torch.equal(frequencies(128, 500_000.0, RopeScaling("linear", 8.0, 8192)), plain / 8.0)


def test_yarn_sharpens_attention_by_the_papers_factor():
    assert RopeScaling("yarn", 4.0, 64).magnitude == pytest.approx(0.1 * math.log(4.0) + 1.0)
    assert RopeScaling("yarn", 4.0, 64, attention_factor=1.0).magnitude == 1.0
    assert LLAMA31.magnitude == 1.0
    cos, sin = rotary_tables(64, 8, 100.0, torch.device("cpu"), RopeScaling("yarn", 4.0, 16))
    length = (cos.square() + sin.square()).sqrt()
    torch.testing.assert_close(length, torch.full_like(length, 0.1 * math.log(4.0) + 1.0))


@pytest.mark.parametrize("scaling", [rule for _, _, rule in RULES.values() if rule is not None])
def test_config_round_trip(scaling):
    context = int(scaling.factor * scaling.original_context)
    assert RopeScaling.from_hf(scaling.to_hf(), context) == scaling
    assert RopeScaling.from_hf({"rope_type": "default"}, context) is None


def test_deepseek_style_magnitudes_are_a_quotient():
    data = {"type": "yarn", "factor": 40.0, "mscale": 1.0, "mscale_all_dim": 0.5}
    scaling = RopeScaling.from_hf(data, 4_096)
    assert scaling is not None
    parts = (0.1 * math.log(40.0) + 1.0, 0.05 * math.log(40.0) + 1.0)
    assert scaling.magnitude == pytest.approx(parts[0] / parts[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "ntk"}, "'ntk' is unknown"),
        ({"factor": 0.5}, "factor >= 1"),
        ({"original_context": 0}, "original context"),
        ({"high_freq_factor": 1.0}, "high_freq_factor > low_freq_factor"),
    ],
)
def test_impossible_rules_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        dataclasses.replace(LLAMA31, **change)
