"""Products in 8 bits: `linear` in place of `F.linear` inside the layers, for large models on H100s.

Inputs and weights are rounded to e4m3, gradients, which range wider, to e5m2; each tensor is
scaled so that its largest value fits (dynamic, tensorwise scaling: what torchao and nanochat do).
Sums and results stay wide. A shape the kernel refuses goes through the ordinary product.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from pipeline.model import device as devices

E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
MULTIPLE = 16  # all sizes must divide by it
TINY = 1e-12  # instead of the largest value of a tensor of zeros


def linear(
    x: Tensor,  # [..., in]
    weight: Tensor,  # [out, in]
    bias: Tensor | None = None,  # [out]
) -> Tensor:  # [..., out], in x's type
    """As `F.linear`: x times the transposed weight, plus bias."""
    flat = x.flatten(0, -2)  # [rows, in]
    if any(size % MULTIPLE for size in (*flat.shape, weight.shape[0])):
        return F.linear(x, weight, bias)
    y = _Product.apply(flat, weight).view(*x.shape[:-1], -1)
    return y if bias is None else y + bias


def supported(device: torch.device) -> bool:
    """Whether it has 8-bit products in hardware: compute capability 8.9 (Ada) or higher."""
    return devices.on_cuda(device) and torch.cuda.get_device_capability(device) >= (8, 9)


class _Product(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        x8, x_scale = _rounded(x, E4M3)
        w8, w_scale = _rounded(weight, E4M3)
        ctx.save_for_backward(x8, x_scale, w8, w_scale)
        # Fast accumulation costs bits that the forward can spare and gradients can't.
        return _multiply(x8, w8.t(), x_scale, w_scale, x.dtype, fast=True)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x8, x_scale, w8, w_scale = ctx.saved_tensors
        grad = grads[0].contiguous()
        g8, g_scale = _rounded(grad, E5M2)
        # The kernel wants rows of the left and columns of the right operand in one stretch.
        grad_x = _multiply(g8, _by_columns(w8), g_scale, w_scale, grad.dtype)
        grad_w = _multiply(g8.t().contiguous(), _by_columns(x8), g_scale, x_scale, grad.dtype)
        return grad_x, grad_w


def _rounded(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The tensor in 8 bits, and the scale that its values are to be multiplied by."""
    largest = torch.finfo(dtype).max
    scale = largest / x.abs().amax().float().clamp(min=TINY)
    return (x.float() * scale).clamp(-largest, largest).to(dtype), scale.reciprocal()


def _by_columns(x: Tensor) -> Tensor:
    return x.t().contiguous().t()


def _multiply(
    a: Tensor, b: Tensor, a_scale: Tensor, b_scale: Tensor, dtype: torch.dtype, fast: bool = False
) -> Tensor:
    return torch._scaled_mm(
        a, b, scale_a=a_scale, scale_b=b_scale, out_dtype=dtype, use_fast_accum=fast
    )
