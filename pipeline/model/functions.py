"""RMSNorm, per-head norm with rotation, and SwiGLU, each with a hand-written backward.

Why by hand: on two CPU cores stock `F.rms_norm` takes three times as long forward and backward, and
autograd's record of a rotation written out in tensor operations a dozen passes over memory. The
norm before a linear layer has no gain of its own: `Transformer.cast_weights` folds the gain into
the matrix that follows, which is the same function and saves a pass each way.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function


def _wide(x: Tensor) -> torch.dtype:
    """The type sums are taken in: float32, or float64 for float64."""
    return torch.promote_types(x.dtype, torch.float32)


def inverse_rms(x: Tensor, eps: float) -> Tensor:
    """1 / sqrt(mean(x^2) + eps) over the last axis, reduced in float32, given back in x's type."""
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=_wide(x))
    return norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_().to(x.dtype)


def _norm_backward(grad: Tensor, normed: Tensor, scale: Tensor) -> Tensor:
    """Gradient of x * inverse_rms(x) from the gradient of its result."""
    share = (grad * normed).sum(-1, keepdim=True, dtype=_wide(grad)).div_(normed.shape[-1])
    return torch.addcmul(grad, normed, share.to(grad.dtype), value=-1).mul_(scale)


class _RmsNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        scale = inverse_rms(x, eps)
        normed = x * scale
        ctx.save_for_backward(normed, scale)
        return normed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        normed, scale = ctx.saved_tensors
        return _norm_backward(grads[0], normed, scale), None


class _NormRotate(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gains: Tensor, cos: Tensor, sin: Tensor, eps: float) -> Tensor:
        half = x.shape[-1] // 2
        scale = inverse_rms(x, eps)
        normed = x * scale
        y = normed * (gains * cos).to(x.dtype)
        y.addcmul_(normed.roll(half, -1), (gains.roll(half, -1) * sin).to(x.dtype))
        ctx.save_for_backward(normed, scale, gains, cos, sin)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        normed, scale, gains, cos, sin = ctx.saved_tensors
        grad = grads[0]
        dtype, half = grad.dtype, normed.shape[-1] // 2
        unrotated = (grad * sin.to(dtype)).roll(half, -1).addcmul_(grad, cos.to(dtype))
        by_gain = unrotated * normed
        grad_gains = by_gain.sum(dim=(0, 1), dtype=_wide(grad)).to(gains.dtype)
        grad_x = _norm_backward(unrotated.mul_(gains.to(dtype)), normed, scale)
        return grad_x, grad_gains, None, None, None


class _SwiGLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        gate, up = x.chunk(2, dim=-1)
        activated = F.silu(gate)
        ctx.save_for_backward(x, activated)
        return activated * up

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        x, activated = ctx.saved_tensors
        gate, up = x.chunk(2, dim=-1)
        grad_x = torch.empty_like(x)
        grad_gate, grad_up = grad_x.chunk(2, dim=-1)
        torch.mul(grads[0], activated, out=grad_up)
        torch.ops.aten.silu_backward(grads[0] * up, gate, grad_input=grad_gate)
        return grad_x


def rms_norm(x: Tensor, eps: float) -> Tensor:
    """x / rms(x), without gain."""
    return _RmsNorm.apply(x, eps)


def norm_rotate(x: Tensor, gains: Tensor, cos: Tensor, sin: Tensor, eps: float) -> Tensor:
    """RMSNorm over each head with its gain, then RoPE. x (B, T, heads, d), gains (heads, d).

    cos and sin are (T, heads, d) or (B, T, heads, d) in float32, sin negative in its first half:
    rotated = y * cos + y rolled by half a head * sin (Hugging Face's half rotation).
    """
    return _NormRotate.apply(x, gains, cos, sin, eps)


def swiglu(x: Tensor) -> Tensor:
    """silu(gate) * up of (…, 2 ffn), the gate first."""
    return _SwiGLU.apply(x)
