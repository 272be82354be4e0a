"""RMSNorm, per-head norm with rotation, rotation alone, activations; most with a backward by hand.

Why by hand: on two CPU cores stock `F.rms_norm` takes three times as long forward and backward, and
a rotation written out in tensor operations costs autograd a dozen passes over memory. The norm
before a linear layer has no gain of its own: `Transformer.cast_weights` folds the gain into the
matrix that follows, which is the same function and saves a pass each way. torch.compile gets plain
operations instead, which it can fuse; it can't look into a backward by hand.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from pipeline.model import fused


def _wide(x: Tensor) -> torch.dtype:
    """The type sums are taken in: float32, or float64 for float64."""
    return torch.promote_types(x.dtype, torch.float32)


def inverse_rms(
    x: Tensor,  # [..., features]
    eps: float,
) -> Tensor:  # [..., 1]
    """1 / sqrt(mean(x^2) + eps) over the last axis, reduced in float32, returned in x's type."""
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


class _Rotate(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        y = x * cos.to(x.dtype)
        return y.addcmul_(x.roll(x.shape[-1] // 2, -1), sin.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        grad = grads[0]
        turned = (grad * sin.to(grad.dtype)).roll(grad.shape[-1] // 2, -1)
        return turned.addcmul_(grad, cos.to(grad.dtype)), None, None


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
    """x / rms(x) over the last axis, without gain."""
    if torch.compiler.is_compiling():
        return F.rms_norm(x, x.shape[-1:], eps=eps)
    if fused.is_supported(x, multiple_of=fused.LANES):
        return fused.rms_norm(x, eps)
    return _RmsNorm.apply(x, eps)


def norm_rotate(
    x: Tensor,  # [batch, seq, heads, head_dim]
    gains: Tensor,  # [heads, head_dim]
    cos: Tensor,  # [seq, heads, head_dim] or [batch, seq, heads, head_dim], float32
    sin: Tensor,  # as cos
    eps: float,
) -> Tensor:  # [batch, seq, heads, head_dim]
    """RMSNorm over each head with its gain, then RoPE.

    `sin` is negative in its first half: rotated = y * cos + (y rolled by half a head) * sin, which
    is Hugging Face's half rotation.
    """
    if torch.compiler.is_compiling():
        normed = F.rms_norm(x.float(), x.shape[-1:], eps=eps) * gains
        return (normed * cos + normed.roll(x.shape[-1] // 2, -1) * sin).to(x.dtype)
    if fused.is_supported(x, multiple_of=2 * fused.LANES):
        return fused.norm_rotate(x, gains, cos, sin, eps)
    return _NormRotate.apply(x, gains, cos, sin, eps)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE alone, for families without a q/k norm; tables as for `norm_rotate`."""
    if torch.compiler.is_compiling():
        return (x * cos + x.roll(x.shape[-1] // 2, -1) * sin).to(x.dtype)
    return _Rotate.apply(x, cos, sin)


def swiglu(x: Tensor) -> Tensor:
    """silu(gate) * up of [..., 2 * ffn], the gate first: [..., ffn]."""
    if torch.compiler.is_compiling():
        gate, up = x.chunk(2, dim=-1)
        return F.silu(gate) * up
    if fused.is_supported(x, multiple_of=2 * fused.LANES):
        return fused.swiglu(x)
    return _SwiGLU.apply(x)


def activate(x: Tensor, kind: str) -> Tensor:
    """Apply the feed-forward layer's activation, by its name in `Family`."""
    if kind == "swiglu":
        return swiglu(x)
    if kind == "gelu_tanh":
        return F.gelu(x, approximate="tanh")
    if kind == "relu2":
        return F.relu(x).square()
    raise ValueError(f"unknown activation {kind!r}")


def norm(x: Tensor, kind: str, eps: float) -> Tensor:
    """Normalise over the last axis, by the norm's name in `Family`.

    Without gain and bias: both are folded into the matrix that follows.
    """
    if kind == "rms":
        return rms_norm(x, eps)
    return F.layer_norm(x, x.shape[-1:], eps=eps)
