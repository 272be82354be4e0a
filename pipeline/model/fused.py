"""The row-wise parts of a training step in C, one pass each, and attention in float32.

The same functions as in `functions`, `attention` and the loss, which ask `is_supported` first and
use torch for everything else. Rows are float32 or bf16; sums are float32, and only the number of
threads can change their order. Attention in bf16 keeps torch's products (which have instructions of
their own) and has its softmax here; in float32 it is one kernel that computes only the scores that
the mask lets through. Measured on two cores, processor time of a whole step (its other products
stay torch's): demo preset in bf16 232 -> 184 ms, cpu preset 802 -> 690; demo preset in float32 on
a busy machine 650 -> 510, of which the matrix products are 330.
"""

import functools
import os
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from pipeline.model import device as devices
from pipeline.model import instructions

LANES = 16  # floats of a vector: rows and heads must be a multiple of it
SUFFIXES = {torch.bfloat16: "_bf16", torch.float32: "_f32"}


def _kernels() -> ModuleType | None:
    """The C module, if it was built."""
    return _build(os.environ.get(instructions.VARIABLE))


@functools.cache
def _build(_: str | None) -> ModuleType | None:
    return instructions.build_of("_fused")


def ready(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether the kernels work on this type here.

    Never under torch.compile, which must see torch's operations.
    """
    return (
        dtype in SUFFIXES
        and devices.on_cpu(device)
        and not torch.compiler.is_compiling()
        and _kernels() is not None
    )


def is_attention_supported(dtype: torch.dtype, device: torch.device, head_dim: int) -> bool:
    """Whether `attend` works on this type and head size here."""
    return dtype == torch.float32 and head_dim % LANES == 0 and ready(dtype, device)


def is_supported(x: Tensor, multiple_of: int) -> bool:
    """Whether the kernels can work on x, whose last axis must be a multiple of `multiple_of`."""
    return ready(x.dtype, x.device) and x.shape[-1] % multiple_of == 0 and x.numel() > 0


def _call(name: str, *arguments: Any) -> None:
    """Call a kernel: tensors are passed as addresses, None as zero, integers as they are."""
    kernel = getattr(_kernels(), name)
    kernel(*(a.data_ptr() if isinstance(a, Tensor) else 0 if a is None else a for a in arguments))


def _scratch(length: int) -> tuple[int, Tensor]:
    """The number of threads, and memory of `length` floats for each: [threads, length or more]."""
    threads = torch.get_num_threads()
    return threads, torch.empty(threads, -(-length // LANES) * LANES)


def cross_entropy_(
    logits: Tensor,  # [rows, vocab]
    targets: Tensor,  # [rows] int64
    weights: Tensor,  # [rows]
    slopes: bool = True,
) -> Tensor:  # [rows] float32, nats
    """Cross-entropy of each row; in place, the logits become their gradients.

    Args:
        logits: become weight * (softmax - one-hot) where `slopes`.
        targets: the right token of each row.
        weights: what each row's gradient is multiplied by.
        slopes: whether gradients are wanted.
    """
    threads, scratch = _scratch(logits.shape[1])
    nats = torch.empty(len(logits))
    goals, shares = targets.contiguous(), weights.float().contiguous()
    count, vocabulary = logits.shape
    _call(
        "cross_entropy" + SUFFIXES[logits.dtype],
        *(count, threads, logits, goals, shares, nats, vocabulary, int(slopes), scratch),
    )
    return nats


def softmax_(
    scores: Tensor,  # [batch * kv_heads, group * seq, seq]
    first: Tensor,  # [batch, seq] int32, from `attention.first_keys`
    kv_heads: int,
) -> Tensor:  # the scores' memory
    """Causal softmax in place, from the first key that each query may see."""
    return _softmax(scores, None, first, kv_heads)


def softmax_backward_(
    grad: Tensor,  # [batch * kv_heads, group * seq, seq]
    p: Tensor,  # [batch * kv_heads, group * seq, seq]
    first: Tensor,  # [batch, seq] int32
    kv_heads: int,
) -> Tensor:  # grad's memory
    """Turn the gradient of the probabilities p into that of the scores, in place."""
    return _softmax(grad, p, first, kv_heads)


def _softmax(x: Tensor, p: Tensor | None, first: Tensor, kv_heads: int) -> Tensor:
    blocks, queries, count = x.shape
    threads, scratch = _scratch(count)
    group = queries // count
    _call("softmax", blocks * queries, threads, x, p, first, kv_heads, group, count, scratch)
    return x


class _Attend(Function):
    @staticmethod
    def forward(ctx: Any, qk: Tensor, v: Tensor, first: Tensor) -> Tensor:
        rows, count, kv_heads, dim = v.shape
        heads = qk.shape[2] - kv_heads
        qk = qk.contiguous()
        if v.stride()[2:] != (dim, 1):
            v = v.contiguous()
        first = first.expand(rows, count).contiguous()
        y, logs = qk.new_empty(rows, count, heads * dim), torch.empty(rows, heads, count)
        sizes = (count, heads, kv_heads, dim, v.stride(1), v.stride(0))
        threads, scratch = _attention_scratch(count, dim, backward=False)
        _call("attention", rows * kv_heads, threads, qk, v, first, y, logs, scratch, *sizes)
        ctx.save_for_backward(qk, v, first, y, logs)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        qk, v, first, y, logs = ctx.saved_tensors
        rows, count, kv_heads, dim = v.shape
        grad, to_qk, to_v = grads[0].contiguous(), torch.empty_like(qk), v.new_empty(v.shape)
        sizes = (count, qk.shape[2] - kv_heads, kv_heads, dim, v.stride(1), v.stride(0))
        threads, scratch = _attention_scratch(count, dim, backward=True)
        inputs = (qk, v, first, y, logs, scratch)
        _call("attention_back", rows * kv_heads, threads, *inputs, *sizes, grad, to_qk, to_v)
        return to_qk, to_v, None


def _attention_scratch(count: int, dim: int, backward: bool) -> tuple[int, Tensor]:
    """The number of threads, and the memory they need together."""
    kernels, threads = _kernels(), torch.get_num_threads()
    assert kernels is not None
    return threads, torch.empty(threads * kernels.attention_scratch(count, dim, int(backward)))


class _SwiGLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.contiguous()
        ffn = x.shape[-1] // 2
        y = x.new_empty(*x.shape[:-1], ffn)
        _call(
            "swiglu" + SUFFIXES[x.dtype], y.numel() // ffn, torch.get_num_threads(), x, None, y, ffn
        )
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        grad, out, ffn = grads[0].contiguous(), torch.empty_like(x), x.shape[-1] // 2
        _call(
            "swiglu" + SUFFIXES[x.dtype],
            grad.numel() // ffn,
            torch.get_num_threads(),
            x,
            grad,
            out,
            ffn,
        )
        return out


class _RmsNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        x, width = x.contiguous(), x.shape[-1]
        y, scale = torch.empty_like(x), torch.empty(x.numel() // width)
        _call(
            "norm" + SUFFIXES[x.dtype],
            eps,
            len(scale),
            torch.get_num_threads(),
            x,
            y,
            None,
            scale,
            width,
        )
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        normed, scale = ctx.saved_tensors
        grad, out, threads = (
            grads[0].contiguous(),
            torch.empty_like(normed),
            torch.get_num_threads(),
        )
        _call(
            "norm" + SUFFIXES[normed.dtype],
            0.0,
            len(scale),
            threads,
            grad,
            out,
            normed,
            scale,
            normed.shape[-1],
        )
        return out, None


class _NormRotate(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gains: Tensor, cos: Tensor, sin: Tensor, eps: float) -> Tensor:
        rows, count, heads, dim = x.shape
        if x.stride() != (count * x.stride(1), x.stride(1), dim, 1):
            x = x.contiguous()
        gains, cos, sin = (t.detach().float().contiguous() for t in (gains, cos, sin))
        y, normed = (x.new_empty(x.shape) for _ in range(2))
        scale = torch.empty(rows * count, heads)
        sizes = (heads, dim, x.stride(1), cos.numel() // (heads * dim))
        threads = torch.get_num_threads()
        tables = (cos, sin, gains, None, scale)
        _call(
            "rotate" + SUFFIXES[x.dtype],
            eps,
            rows * count,
            threads,
            x,
            y,
            normed,
            None,
            *tables,
            *sizes,
        )
        ctx.save_for_backward(normed, scale, gains, cos, sin)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        normed, scale, gains, cos, sin = ctx.saved_tensors
        rows, count, heads, dim = normed.shape
        grad, out = grads[0].contiguous(), torch.empty_like(normed)
        threads = torch.get_num_threads()
        to_gains = torch.zeros(threads, heads, dim)
        sizes = (heads, dim, heads * dim, cos.numel() // (heads * dim))
        tables = (cos, sin, gains, to_gains, scale)
        _call(
            "rotate" + SUFFIXES[normed.dtype],
            0.0,
            rows * count,
            threads,
            None,
            out,
            normed,
            grad,
            *tables,
            *sizes,
        )
        return out, to_gains.sum(0), None, None, None


def rms_norm(x: Tensor, eps: float) -> Tensor:
    """x / rms(x) over a last axis that is a multiple of 16."""
    return _RmsNorm.apply(x, eps)


def norm_rotate(x: Tensor, gains: Tensor, cos: Tensor, sin: Tensor, eps: float) -> Tensor:
    """As `functions.norm_rotate`, for a head_dim that is a multiple of 32."""
    return _NormRotate.apply(x, gains, cos, sin, eps)


def swiglu(x: Tensor) -> Tensor:
    """silu(gate) * up of [..., 2 * ffn], the gate first, ffn a multiple of 16: [..., ffn]."""
    return _SwiGLU.apply(x)


def attend(
    qk: Tensor,  # [batch, seq, heads + kv_heads, head_dim], head_dim a multiple of 16
    v: Tensor,  # [batch, seq, kv_heads, head_dim]
    first: Tensor,  # [batch, seq] int32, from `attention.first_keys`
) -> Tensor:  # [batch, seq, heads * head_dim]
    """Causal attention in float32, from the first key that each query may see."""
    return _Attend.apply(qk, v, first)
