"""Products in 8 bits: near the wide ones, forward and backward, and never where they can't be."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.model import fp8


def pair(inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 16, inputs, generator=generator).bfloat16().requires_grad_()
    weight = (torch.randn(outputs, inputs, generator=generator) * 0.05).bfloat16()
    return x, weight.requires_grad_()


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    found, expected = found.detach().float(), expected.detach().float()
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("bias", [False, True])
def test_it_is_near_the_wide_product(bias: bool) -> None:
    x, weight = pair(64, 48)
    shift = torch.linspace(-1, 1, 48).bfloat16() if bias else None
    found, expected = fp8.linear(x, weight, shift), F.linear(x, weight, shift)
    # e4m3 keeps 3 bits of mantissa: each factor is off by 2^-4 at most, 2.6% on average
    assert 0 < relative(found, expected) < 0.06
    upstream = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).bfloat16()
    mine = torch.autograd.grad(found, (x, weight), upstream)
    theirs = torch.autograd.grad(expected, (x, weight), upstream)
    for one, other in zip(mine, theirs):
        assert one.dtype == other.dtype
        assert relative(one, other) < 0.1  # e5m2 keeps 2


def test_huge_and_tiny_values_are_scaled_into_range() -> None:
    x, weight = pair(32, 16)
    for factor in (1e-6, 1e4):
        assert relative(fp8.linear(x * factor, weight), F.linear(x * factor, weight)) < 0.06


def test_zeros_stay_zeros() -> None:
    x, weight = pair(32, 16)
    assert torch.equal(fp8.linear(x * 0, weight), torch.zeros(2, 16, 16, dtype=torch.bfloat16))


def test_a_shape_the_kernel_refuses_goes_the_wide_way() -> None:
    x, weight = pair(40, 48)
    assert torch.equal(fp8.linear(x, weight), F.linear(x, weight))


def test_a_cpu_is_no_hardware_for_it() -> None:
    assert not fp8.supported(torch.device("cpu"))
