"""Hand-written backwards against numerical gradients in float64, forwards against torch's."""

import math

import pytest
import torch
import torch.nn.functional as F

from pipeline.model.attention import (
    attend_fused,
    attend_spans,
    attend_whole,
    document_spans,
    grouped_mask,
    packed_mask,
)
from pipeline.model.functions import activate, norm_rotate, rms_norm, swiglu
from pipeline.model.rope import rotary_tables

EPS = 1e-6


def doubles(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def tables(count: int, heads: int, head_dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    cos, sin = (
        t[:, None].expand(count, heads, head_dim).contiguous().double()
        for t in rotary_tables(count, head_dim, 100.0, torch.device("cpu"))
    )
    return cos, sin


def causal(count: int) -> torch.Tensor:
    hidden = torch.ones(count, count, dtype=torch.bool).triu(1)
    return torch.zeros(1, 1, count, count, dtype=torch.float64).masked_fill(hidden, float("-inf"))


def test_rms_norm_equals_torch():
    x = doubles(3, 5, 16)
    torch.testing.assert_close(rms_norm(x, EPS), F.rms_norm(x, (16,), None, EPS))
    assert torch.autograd.gradcheck(lambda x: rms_norm(x, EPS), (x,))


def test_norm_rotate_is_norm_then_half_rotation():
    x, gains = doubles(2, 5, 3, 8), doubles(3, 8, seed=1)
    cos, sin = tables(5, 3, 8)
    normed = F.rms_norm(x, (8,), None, EPS) * gains
    first, second = normed.chunk(2, dim=-1)
    true_sin = torch.cat([-sin[..., :4], sin[..., 4:]], dim=-1)
    expected = normed * cos + torch.cat([-second, first], dim=-1) * true_sin
    torch.testing.assert_close(norm_rotate(x, gains, cos, sin, EPS), expected)
    assert torch.autograd.gradcheck(lambda x, g: norm_rotate(x, g, cos, sin, EPS), (x, gains))


def test_rotation_keeps_length_and_depends_on_distance_only():
    head = doubles(1, 1, 1, 16).detach()
    cos, sin = tables(12, 1, 16)
    ones = torch.ones(1, 16, dtype=torch.float64)
    turned = norm_rotate(head.expand(1, 12, 1, 16), ones, cos, sin, EPS)[0, :, 0]
    lengths = turned.norm(dim=-1)
    torch.testing.assert_close(lengths, lengths[:1].expand(12), atol=1e-5, rtol=0)
    products = turned @ turned.T
    torch.testing.assert_close(products[0, 3], products[7, 10], atol=1e-5, rtol=0)
    assert (products[0, 3] - products[0, 4]).abs() > 1e-2


def test_swiglu():
    x = doubles(4, 12)
    torch.testing.assert_close(swiglu(x), F.silu(x[:, :6]) * x[:, 6:])
    assert torch.autograd.gradcheck(swiglu, (x,))


def test_attention_kept_whole_equals_torch_kernel_and_its_gradient():
    rows, count, heads, kv_heads, head_dim = 2, 6, 4, 2, 4
    qk = doubles(rows, count, heads + kv_heads, head_dim)
    v = doubles(rows, count, kv_heads, head_dim, seed=1)
    mask = causal(count)
    grouped = grouped_mask(mask, rows, heads, kv_heads)
    torch.testing.assert_close(attend_whole(qk, v, grouped), attend_fused(qk, v, mask))
    torch.testing.assert_close(attend_whole(qk, v, grouped), attend_fused(qk, v, None))
    assert torch.autograd.gradcheck(lambda qk, v: attend_whole(qk, v, grouped), (qk, v))


def test_spans_are_the_runs_of_equal_ids():
    ids = torch.tensor([[0, 0, 1, 1, 1], [4, 5, 5, 7, 7], [2, 2, 2, 2, 2]])
    expected = [(0, 0, 2), (0, 2, 5), (1, 0, 1), (1, 1, 3), (1, 3, 5), (2, 0, 5)]
    assert document_spans(ids) == expected


def test_attention_by_spans_equals_the_masked_kernel():
    ids = torch.tensor([[0] * 3 + [1] * 8 + [2], [0] * 12])
    results = []
    for by_spans in (True, False):
        qk, v = doubles(2, 12, 6, 4), doubles(2, 12, 2, 4, seed=1)
        if by_spans:
            y = attend_spans(qk, v, document_spans(ids))
        else:
            y = attend_fused(qk, v, packed_mask(ids, ids, torch.float64))
        (y * doubles(2, 12, 16, seed=2).detach()).sum().backward()
        results.append((y, qk.grad, v.grad))
    for mine, expected in zip(*results):
        torch.testing.assert_close(mine, expected)


def test_rms_norm_is_the_same_while_the_compiler_looks(monkeypatch):
    """It is given torch's own, over the last dimension alone: x / sqrt(mean(x^2) + eps)."""
    x = doubles(3, 5, 16)
    expected = x / (x.square().mean(-1, keepdim=True) + EPS).sqrt()
    torch.testing.assert_close(rms_norm(x, EPS), expected)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(rms_norm(x, EPS), expected)


def test_activations_by_their_names():
    """gelu_tanh as its paper has it: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))."""
    x = torch.linspace(-3, 3, 8, dtype=torch.float64)
    torch.testing.assert_close(activate(x, "relu2"), torch.where(x > 0, x * x, 0.0))
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    torch.testing.assert_close(activate(x, "gelu_tanh"), 0.5 * x * (1 + inner.tanh()))
    gate, up = x.chunk(2)
    torch.testing.assert_close(activate(x, "swiglu"), gate / (1 + (-gate).exp()) * up)
    with pytest.raises(ValueError, match="unknown activation 'gelu'"):
        activate(x, "gelu")
