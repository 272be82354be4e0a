"""The C kernels against torch in float64: results and gradients to the type's rounding, in every
build that this processor runs (the others are refused by name, and skipped here)."""

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import fused, instructions
from pipeline.model.attention import attend_whole, first_keys, grouped_mask, packed_mask
from storage.errors import UserError

# Of the largest value: bf16 keeps 8 bits, float32 24, and sums of several rounded ones.
ROUNDING = {torch.bfloat16: 0.006, torch.float32: 2e-6}
BUILDS = {"portable": ("portable", "neon"), "avx2": ("avx2",), "avx512": ("avx512",)}


@pytest.fixture(params=BUILDS, autouse=True)
def build(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(instructions.VARIABLE, request.param)
    try:
        module = fused._kernels()
    except UserError as error:
        pytest.skip(str(error))
    if module is None:
        pytest.skip("kernels not built")
    assert module.INSTRUCTIONS in BUILDS[request.param]
    return request.param


@pytest.fixture(params=ROUNDING, ids=lambda dtype: str(dtype).removeprefix("torch."))
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def close(ours: Tensor, reference: Tensor) -> None:
    scale, rounding = float(reference.detach().abs().max()), ROUNDING[ours.dtype]
    torch.testing.assert_close(ours.double(), reference.double(), rtol=0, atol=rounding * scale)


def compare(ours: Callable[..., Tensor], reference: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Results, and the gradients of all inputs."""
    mine = [x.clone().requires_grad_() for x in inputs]
    theirs = [x.double().requires_grad_() for x in inputs]
    y, z = ours(*mine), reference(*theirs)
    close(y, z)
    upstream = draw(*y.shape, seed=1, dtype=y.dtype)
    y.backward(upstream)
    z.backward(upstream.double())
    for a, b in zip(mine, theirs):
        assert a.grad is not None
        assert b.grad is not None
        scale = max(1.0, float(b.grad.abs().max()))  # a lone key's gradient is nothing but rounding
        atol = ROUNDING[y.dtype] * scale
        torch.testing.assert_close(a.grad.double(), b.grad, rtol=0, atol=atol)


def test_norm(threads: int, dtype: torch.dtype) -> None:
    compare(
        lambda x: fused.rms_norm(x, 1e-6),
        lambda x: F.rms_norm(x, (48,), eps=1e-6),
        draw(5, 7, 48, dtype=dtype),
    )


def test_swiglu(dtype: torch.dtype) -> None:
    x = draw(3, 7, 64, dtype=dtype)
    compare(fused.swiglu, lambda x: F.silu(x[..., :32]) * x[..., 32:], x)


@pytest.mark.parametrize("tables", [(7,), (3, 7)])
def test_norm_and_rotation_of_a_part_of_qkv(tables: tuple[int, ...], dtype: torch.dtype) -> None:
    cos, sin = draw(*tables, 3, 32).float(), draw(*tables, 3, 32, seed=2).float()

    def reference(qkv: Tensor, gains: Tensor) -> Tensor:
        normed = F.rms_norm(qkv[:, :, :3], (32,), eps=1e-6) * gains
        return normed * cos.double() + normed.roll(16, -1) * sin.double()

    gains = torch.rand(3, 32, generator=torch.Generator().manual_seed(0)) + 0.5
    compare(
        lambda qkv, gains: fused.norm_rotate(qkv[:, :, :3], gains, cos, sin, 1e-6),
        reference,
        draw(3, 7, 5, 32, dtype=dtype),
        gains,
    )


@pytest.mark.parametrize("vocabulary", [7, 65, 1024])
def test_cross_entropy(vocabulary: int, dtype: torch.dtype) -> None:
    logits = draw(9, vocabulary, dtype=dtype) * 3
    targets = torch.arange(9) * 5 % vocabulary
    weights = torch.tensor([0.0, 1, 2, -1, 1, 0.5, 1, 1, 3])
    exact = logits.double().requires_grad_()
    nats = F.cross_entropy(exact, targets, reduction="none")
    (nats * weights).sum().backward()
    untouched = logits.clone()
    alone = fused.cross_entropy_(untouched, targets, weights, slopes=False)
    assert torch.equal(untouched, logits)
    ours = fused.cross_entropy_(logits, targets, weights)
    torch.testing.assert_close(ours.double(), nats.detach(), rtol=1e-6, atol=1e-6)
    assert torch.equal(alone, ours)
    assert exact.grad is not None
    close(logits, exact.grad)


def test_an_impossible_target_costs_what_it_should(dtype: torch.dtype) -> None:
    logits = torch.tensor([[200.0, 0.0, -100.0]]).to(dtype)
    nats = fused.cross_entropy_(logits, torch.tensor([2]), torch.ones(1))
    torch.testing.assert_close(nats, torch.tensor([300.0]))
    torch.testing.assert_close(logits.float(), torch.tensor([[1.0, 0.0, -1.0]]))


def documents(rows: int, count: int) -> Tensor:
    """Ids of documents of 5, 9 and 99 tokens, a length a row."""
    lengths = torch.tensor([[5], [9], [99]]).repeat(-(-rows // 3), 1)[:rows]
    return torch.cumsum(torch.arange(count).repeat(rows, 1) % lengths == 0, 1)


@pytest.mark.parametrize(("count", "kv_heads"), [(7, 2), (40, 4), (64, 1)])
def test_attention_with_documents(count: int, kv_heads: int) -> None:
    heads, rows, dim = 4, 3, 32
    ids = documents(rows, count)
    tokens = torch.zeros(rows, count, dtype=torch.int64)
    mask = grouped_mask(packed_mask(tokens, ids, torch.float64), rows, heads, kv_heads)
    first = first_keys(tokens, ids)
    compare(
        lambda qk, v: attend_whole(qk, v, first),
        lambda qk, v: attend_whole(qk, v, mask),
        draw(rows, count, heads + kv_heads, dim) * 0.5,
        draw(rows, count, kv_heads, dim, seed=3),
    )


# Counts around the kernel's bands of 6, vectors of 16 and blocks of 48 queries.
@pytest.mark.parametrize("count", [1, 5, 6, 47, 48, 49, 100, 193])
@pytest.mark.parametrize(("heads", "kv_heads", "dim"), [(2, 2, 16), (4, 2, 32), (3, 1, 80)])
@pytest.mark.parametrize("separate", [True, False])
def test_attention_in_float32(
    count: int, heads: int, kv_heads: int, dim: int, separate: bool
) -> None:
    rows = 3
    ids = documents(rows, count) if separate else None
    tokens = torch.zeros(rows, count, dtype=torch.int64)
    mask = packed_mask(tokens, ids, torch.float64).expand(rows, 1, count, count)
    mask = grouped_mask(mask, rows, heads, kv_heads)
    first = first_keys(tokens, ids)
    compare(
        lambda qk, qkv: fused.attend(qk, qkv[:, :, 2:], first),  # values as a part of what qkv is
        lambda qk, qkv: attend_whole(qk, qkv[:, :, 2:], mask),
        draw(rows, count, heads + kv_heads, dim, dtype=torch.float32) * dim**-0.5,
        draw(rows, count, 2 + kv_heads, dim, seed=3, dtype=torch.float32),
    )


def test_attention_is_the_same_to_the_bit_with_any_number_of_threads() -> None:
    first = first_keys(torch.zeros(5, 60, dtype=torch.int64), documents(5, 60))
    qk, v = (draw(5, 60, n, 32, seed=n, dtype=torch.float32) for n in (6, 2))
    results = []
    for count in (1, 2, 3):
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            inputs = qk.clone().requires_grad_(), v.clone().requires_grad_()
            y = fused.attend(*inputs, first)
            y.backward(draw(*y.shape, dtype=torch.float32))
        finally:
            torch.set_num_threads(before)
        assert inputs[0].grad is not None
        assert inputs[1].grad is not None
        results.append((y.detach(), inputs[0].grad, inputs[1].grad))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


def test_scores_that_are_no_numbers_stay_none() -> None:
    """A diverged run must show in its loss, not be healed by a largest score that skips NaN."""
    qk, v = torch.ones(1, 20, 2, 16), torch.ones(1, 20, 1, 16)
    qk[0, 13, 1] = float("nan")  # a key: seen from its own place on
    y = fused.attend(qk, v, torch.zeros(1, 20, dtype=torch.int32))
    assert y[0, :13].isfinite().all()
    assert y[0, 13:].isnan().all()


def test_long_documents_shift_nothing() -> None:
    """Scores of hundreds: the largest is taken off before exp."""
    qk = draw(1, 30, 2, 16, dtype=torch.float32) * 30
    v = draw(1, 30, 1, 16, dtype=torch.float32, seed=5)
    first = torch.zeros(1, 30, dtype=torch.int32)
    mask = packed_mask(torch.zeros(1, 30), None, torch.float64)
    exact = attend_whole(qk.double(), v.double(), grouped_mask(mask, 1, 1, 1))
    torch.testing.assert_close(fused.attend(qk, v, first).double(), exact, atol=2e-4, rtol=0)
