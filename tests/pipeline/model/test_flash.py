"""Packed documents as one line of borders; the kernel itself exists on GPUs alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import flash
from pipeline.model.attention import attend_fused, document_spans, packed_mask


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=5),
)
def test_borders_are_the_spans_of_documents(numbers: list[list[int]]) -> None:
    ids = torch.tensor([sorted(row) for row in numbers])
    found = flash.borders(ids)
    spans = document_spans(ids)
    count = ids.shape[1]
    assert found.starts[: len(spans)].tolist() == [row * count + start for row, start, _ in spans]
    assert set(found.starts[len(spans) :].tolist()) == {ids.numel()}
    assert found.longest == count
    assert found.starts.dtype == torch.int32


def test_many_documents_have_room() -> None:
    ids = torch.arange(700)[None]
    found = flash.borders(ids)
    assert len(found.starts) == 1024
    assert found.starts[:701].tolist() == list(range(701))


def reference(q, k, v, starts, same, longest, _, *, scale, window_size, enable_gqa):
    """What the kernel is documented to compute, a document at a time."""
    assert (starts is same, scale, window_size) == (True, 1.0, (-1, 0))
    parts = []
    for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist()):
        assert end - begin <= longest
        queries, keys, values = (t[begin:end].transpose(0, 1)[None] for t in (q, k, v))
        y = torch.nn.functional.scaled_dot_product_attention(
            queries, keys, values, is_causal=True, scale=scale, enable_gqa=enable_gqa
        )
        parts.append(y[0].transpose(0, 1))
    return torch.cat(parts)


@pytest.mark.parametrize("kv_heads", [4, 2])
def test_the_kernel_is_asked_for_what_the_mask_says(
    monkeypatch: pytest.MonkeyPatch, kv_heads: int
) -> None:
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", reference)
    generator = torch.Generator().manual_seed(0)
    qk = torch.randn(3, 10, 4 + kv_heads, 8, generator=generator)
    v = torch.randn(3, 10, kv_heads, 8, generator=generator)
    ids = torch.tensor([[0] * 10, [0] * 4 + [1] * 6, [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]])
    found = flash.attend_documents(qk, v, flash.borders(ids))
    expected = attend_fused(qk, v, packed_mask(ids, ids, torch.float32))
    torch.testing.assert_close(found, expected)


def test_a_cpu_is_not_asked() -> None:
    assert not flash.is_supported(torch.bfloat16, torch.device("cpu"), 64)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU: the kernel is for GPUs")
def test_on_a_gpu_it_equals_the_masked_kernel() -> None:
    generator = torch.Generator().manual_seed(0)
    qk = torch.randn(3, 64, 6, 64, generator=generator).to("cuda", torch.bfloat16) * 0.3
    v = torch.randn(3, 64, 2, 64, generator=generator).to("cuda", torch.bfloat16)
    ids = (torch.arange(64)[None] // torch.tensor([[13], [40], [64]])).to("cuda")
    found = flash.attend_documents(qk, v, flash.borders(ids))
    expected = attend_fused(qk, v, packed_mask(ids, ids, torch.bfloat16))
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize(
    ("dtype", "head_dim", "capability", "taken"),
    [
        (torch.bfloat16, 64, (8, 0), True),  # A100
        (torch.float16, 256, (9, 0), True),
        (torch.bfloat16, 64, (7, 5), False),
        (torch.bfloat16, 264, (8, 0), False),
        (torch.bfloat16, 60, (8, 0), False),
        (torch.float32, 64, (8, 0), False),
    ],
)
def test_which_tensors_the_kernel_takes(monkeypatch, dtype, head_dim, capability, taken):
    """FlashAttention 2: Ampere or newer, half precision, heads up to 256 in multiples of 8."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert flash.is_supported(dtype, torch.device("cuda"), head_dim) is taken
    assert not flash.is_supported(dtype, torch.device("cpu"), head_dim)
