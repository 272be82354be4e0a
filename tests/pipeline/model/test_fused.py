"""The C kernels against torch in float32: results and gradients to bf16's rounding."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import fused
from pipeline.model.attention import attend_whole, first_keys, grouped_mask, packed_mask

pytestmark = pytest.mark.skipif(
    not fused.ready(torch.bfloat16, torch.device("cpu")),
    reason="kernels not built, or no AVX-512 with bf16",
)
ROUNDING = 0.006  # of the largest value: bf16 keeps 8 bits, and sums of several rounded ones


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).bfloat16()


def close(ours: Tensor, reference: Tensor) -> None:
    scale = float(reference.detach().abs().max())
    torch.testing.assert_close(ours.float(), reference.float(), rtol=0, atol=ROUNDING * scale)


def compare(ours: Callable[..., Tensor], reference: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Results, and the gradients of all inputs."""
    mine = [x.clone().requires_grad_() for x in inputs]
    theirs = [x.float().requires_grad_() for x in inputs]
    y, z = ours(*mine), reference(*theirs)
    close(y, z)
    upstream = draw(*y.shape, seed=1)
    y.backward(upstream)
    z.backward(upstream.float())
    for a, b in zip(mine, theirs):
        assert a.grad is not None
        assert b.grad is not None
        close(a.grad, b.grad)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_norm(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compare(
            lambda x: fused.rms_norm(x, 1e-6),
            lambda x: F.rms_norm(x, (48,), eps=1e-6),
            draw(5, 7, 48),
        )
    finally:
        torch.set_num_threads(before)


def test_swiglu() -> None:
    compare(fused.swiglu, lambda x: F.silu(x[..., :32]) * x[..., 32:], draw(3, 7, 64))


@pytest.mark.parametrize("tables", [(7,), (3, 7)])
def test_norm_and_rotation_of_a_part_of_qkv(tables: tuple[int, ...]) -> None:
    cos, sin = draw(*tables, 3, 32).float(), draw(*tables, 3, 32, seed=2).float()

    def reference(qkv: Tensor, gains: Tensor) -> Tensor:
        normed = F.rms_norm(qkv[:, :, :3], (32,), eps=1e-6) * gains
        return normed * cos + normed.roll(16, -1) * sin

    gains = torch.rand(3, 32, generator=torch.Generator().manual_seed(0)) + 0.5
    compare(
        lambda qkv, gains: fused.norm_rotate(qkv[:, :, :3], gains, cos, sin, 1e-6),
        reference,
        draw(3, 7, 5, 32),
        gains,
    )


@pytest.mark.parametrize("vocabulary", [7, 65, 1024])
def test_cross_entropy(vocabulary: int) -> None:
    logits = draw(9, vocabulary) * 3
    targets = torch.arange(9) * 5 % vocabulary
    weights = torch.tensor([0.0, 1, 2, -1, 1, 0.5, 1, 1, 3])
    exact = logits.float().requires_grad_()
    nats = F.cross_entropy(exact, targets, reduction="none")
    (nats * weights).sum().backward()
    untouched = logits.clone()
    alone = fused.cross_entropy_(untouched, targets, weights, slopes=False)
    assert torch.equal(untouched, logits)
    ours = fused.cross_entropy_(logits, targets, weights)
    torch.testing.assert_close(ours, nats.detach(), rtol=1e-5, atol=1e-5)
    assert torch.equal(alone, ours)
    assert exact.grad is not None
    close(logits, exact.grad)


def test_an_impossible_target_costs_what_it_should() -> None:
    logits = torch.tensor([[200.0, 0.0, -100.0]]).bfloat16()
    nats = fused.cross_entropy_(logits, torch.tensor([2]), torch.ones(1))
    torch.testing.assert_close(nats, torch.tensor([300.0]))
    torch.testing.assert_close(logits.float(), torch.tensor([[1.0, 0.0, -1.0]]))


@pytest.mark.parametrize(("count", "kv_heads"), [(7, 2), (40, 4), (64, 1)])
def test_attention_with_documents(count: int, kv_heads: int) -> None:
    heads, rows, dim = 4, 3, 32
    ids = torch.cumsum(torch.arange(count).repeat(rows, 1) % torch.tensor([[5], [9], [99]]) == 0, 1)
    tokens = torch.zeros(rows, count, dtype=torch.int64)
    mask = grouped_mask(packed_mask(tokens, ids, torch.float32), rows, heads, kv_heads)
    first = first_keys(tokens, ids)
    compare(
        lambda qk, v: attend_whole(qk, v, first),
        lambda qk, v: attend_whole(qk, v, mask),
        draw(rows, count, heads + kv_heads, dim) * 0.5,
        draw(rows, count, kv_heads, dim, seed=3),
    )
