"""Causal attention: packed documents kept apart, cached keys, grouped queries.

On a CPU the scores are kept whole (batched products, softmax, a backward by hand): four times
faster, forward and backward, than torch's CPU flash kernel at a context of 192. Beyond
`MAX_SCORES` scores, and on a GPU, `F.scaled_dot_product_attention` does the work, a document at a
time on the CPU: a row of 32,768 tokens then needs no more memory than its activations. Queries come
already scaled by head_dim ** -0.5 (folded into the q norm's gain).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from pipeline.model import fused
from pipeline.model.kv_cache import KVCache

MAX_SCORES = 1 << 25  # scores held per layer, 64 MiB in bf16


def additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """A boolean mask as one that is added to the scores: 0 where a query may look, else -inf."""
    zeros = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return zeros.masked_fill_(~visible, float("-inf"))


def packed_mask(
    tokens: Tensor,  # [batch, seq]
    document_ids: Tensor | None,  # [batch, seq]
    dtype: torch.dtype,
) -> Tensor:  # [batch or 1, 1, seq, seq]
    """The additive mask that is causal and, where ids are given, stays within a document."""
    count = tokens.shape[1]
    visible = torch.ones(1, 1, count, count, dtype=torch.bool, device=tokens.device).tril()
    if document_ids is not None:
        visible = visible & (document_ids[:, None, :, None] == document_ids[:, None, None, :])
    return additive(visible, dtype)


def cached_mask(
    cache: KVCache,
    count: int,
    group: int,
) -> Tensor:  # [rows, 1, group * count, keys]
    """The additive mask of each row's new tokens over its own cached ones.

    Args:
        cache: holds `rows` rows.
        count: new tokens a row.
        group: query heads that share a key/value head.
    """
    device = cache.lengths.device
    last = cache.lengths[:, None] + torch.arange(count, device=device)  # [rows, count]
    length = cache.capacity
    if not cache.fixed:
        length = min(int(cache.lengths.max()) + count, length)
    visible = torch.arange(length, device=device) <= last.repeat(1, group)[:, None, :, None]
    return additive(visible, cache.dtype)


def grouped_mask(
    mask: Tensor,  # [batch or 1, 1, seq, keys]
    rows: int,
    heads: int,
    kv_heads: int,
) -> Tensor:  # [batch * kv_heads, group * seq, keys]
    """The mask as `attend_whole` takes it; a group is the query heads of one key/value head."""
    count, length = mask.shape[-2:]
    expanded = mask.expand(rows, heads, count, length)
    return expanded.reshape(rows * kv_heads, heads // kv_heads * count, length)


def first_keys(
    tokens: Tensor,  # [batch, seq]
    document_ids: Tensor | None,  # [batch, seq]
) -> Tensor:  # [batch, seq] int32
    """The position at which each token's document begins in its row.

    The tokens of a document must be contiguous in its row.
    """
    if document_ids is None:
        return torch.zeros(tokens.shape, dtype=torch.int32, device=tokens.device)
    positions = torch.arange(tokens.shape[1], device=tokens.device).expand(tokens.shape)
    begins = F.pad(document_ids[:, 1:] != document_ids[:, :-1], (1, 0), value=True)
    return torch.cummax(positions * begins, dim=1).values.to(torch.int32)


class _AttendWhole(Function):
    """softmax(q k^T + mask) v with the probabilities kept for the backward."""

    @staticmethod
    def forward(ctx: Any, qk: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        rows, count, kv_heads, head_dim = v.shape
        heads = qk.shape[2] - kv_heads
        flat = qk.transpose(1, 2)  # [batch, heads + kv_heads, seq, head_dim]
        # q: [batch * kv_heads, group * seq, head_dim]; k, values: [batch * kv_heads, seq, head_dim]
        q = flat[:, :heads].reshape(rows * kv_heads, -1, head_dim)
        k = flat[:, heads:].reshape(rows * kv_heads, count, head_dim)
        values = v.transpose(1, 2).reshape(rows * kv_heads, count, head_dim)
        # p: [batch * kv_heads, group * seq, seq]
        if mask.dtype == torch.int32:
            p = fused.softmax_(torch.bmm(q, k.transpose(1, 2)), mask, kv_heads)
        else:
            p = torch.softmax(torch.baddbmm(mask, q, k.transpose(1, 2)), dim=-1)
        ctx.save_for_backward(q, k, values, p, mask if mask.dtype == torch.int32 else None)
        y = torch.bmm(p, values)  # [batch * kv_heads, group * seq, head_dim]
        # [batch, seq, heads * head_dim]
        return y.view(rows, heads, count, head_dim).transpose(1, 2).flatten(-2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        q, k, values, p, first = ctx.saved_tensors
        head_dim = q.shape[-1]
        rows, count, width = grads[0].shape
        heads = width // head_dim
        kv_heads = k.shape[0] // rows
        # As q: [batch * kv_heads, group * seq, head_dim]
        grad = grads[0].view(rows, count, heads, head_dim).transpose(1, 2).reshape(q.shape)
        grad_v = torch.bmm(p.transpose(1, 2), grad)  # [batch * kv_heads, seq, head_dim]
        grad_p = torch.bmm(grad, values.transpose(1, 2))  # [batch * kv_heads, group * seq, seq]
        if first is not None:
            grad_scores = fused.softmax_backward_(grad_p, p, first, kv_heads)
        else:
            grad_scores = torch.ops.aten._softmax_backward_data(grad_p, p, -1, p.dtype)
        grad_qk = q.new_empty(rows, count, heads + kv_heads, head_dim)
        grad_q = torch.bmm(grad_scores, k).view(rows, heads, count, head_dim)
        grad_k = torch.bmm(grad_scores.transpose(1, 2), q).view(rows, kv_heads, count, head_dim)
        grad_qk[:, :, :heads] = grad_q.transpose(1, 2)
        grad_qk[:, :, heads:] = grad_k.transpose(1, 2)
        return grad_qk, grad_v.view(rows, kv_heads, count, head_dim).transpose(1, 2), None


def attend_whole(
    qk: Tensor,  # [batch, seq, heads + kv_heads, head_dim]
    v: Tensor,  # [batch, seq, kv_heads, head_dim]
    mask: Tensor,
) -> Tensor:  # [batch, seq, heads * head_dim]
    """Attention that keeps all scores in memory.

    Args:
        qk: queries (already scaled), then keys.
        v: values.
        mask: from `grouped_mask`; or, where `fused.ready`, the int32 result of `first_keys`.
    """
    return _AttendWhole.apply(qk, v, mask)


def attend_fused(
    qk: Tensor,  # [batch, seq, heads + kv_heads, head_dim]
    v: Tensor,  # [batch, seq, kv_heads, head_dim]
    mask: Tensor | None,  # [batch or 1, 1, seq, seq]
) -> Tensor:  # [batch, seq, heads * head_dim]
    """The same by torch's kernel, with the mask of `packed_mask`, or None for plain causal."""
    heads = qk.shape[2] - v.shape[2]
    # [batch, heads, seq, head_dim] and [batch, kv_heads, seq, head_dim]
    q, k = qk.transpose(1, 2).split([heads, v.shape[2]], dim=1)
    y = F.scaled_dot_product_attention(
        q,
        k,
        v.transpose(1, 2),
        attn_mask=mask,
        is_causal=mask is None,
        scale=1.0,
        enable_gqa=heads != v.shape[2],
    )
    return y.transpose(1, 2).flatten(-2)


def document_spans(
    document_ids: Tensor,  # [batch, seq]
) -> list[tuple[int, int, int]]:
    """(row, start, end) of each run of equal ids, row after row; together they cover all tokens."""
    rows, count = document_ids.shape
    borders = document_ids[:, 1:] != document_ids[:, :-1]
    spans = []
    for row in range(rows):
        cuts = (borders[row].nonzero()[:, 0] + 1).tolist()
        spans += [(row, start, end) for start, end in zip([0, *cuts], [*cuts, count])]
    return spans


def attend_spans(
    qk: Tensor,  # [batch, seq, heads + kv_heads, head_dim]
    v: Tensor,  # [batch, seq, kv_heads, head_dim]
    spans: list[tuple[int, int, int]],
) -> Tensor:  # [batch, seq, heads * head_dim]
    """Causal attention of long packed rows, one document at a time.

    It needs no mask of [seq, seq] and makes no scores between documents. On two cores 8,192 tokens
    in documents of 512 take 0.1 of the time of the masked kernel.

    Args:
        qk: queries (already scaled), then keys.
        v: values.
        spans: from `document_spans`.
    """
    parts = [
        attend_fused(qk[None, row, start:end], v[None, row, start:end], None)
        for row, start, end in spans
    ]
    return torch.cat(parts, dim=1).view(*qk.shape[:2], -1)


def attend_cached(
    qk: Tensor,  # [rows, seq, heads + kv_heads, head_dim]
    v: Tensor,  # [rows, seq, kv_heads, head_dim]
    mask: Tensor,  # [rows, 1, group * seq, keys], from `cached_mask`
    cache: KVCache,
    layer: int,
) -> Tensor:  # [rows, seq, heads * head_dim]
    """Attention of new tokens over the cache, into which their keys and values are written.

    Batched products, not the fused kernel: for one query a row and hundreds of rows they are three
    times faster on a CPU. Computes in the cache's type.
    """
    rows, count, kv_heads, head_dim = v.shape
    heads, length = qk.shape[2] - kv_heads, mask.shape[-1]
    cache.write(layer, qk[:, :, heads:], v)
    # q: [rows * kv_heads, group * seq, head_dim]; k and values: [rows * kv_heads, keys, head_dim]
    q = qk[:, :, :heads].transpose(1, 2).reshape(rows * kv_heads, -1, head_dim).to(cache.dtype)
    k = cache.keys[layer].view(rows * kv_heads, -1, head_dim)[:, :length]
    values = cache.values[layer].view(rows * kv_heads, -1, head_dim)[:, :length]
    # [rows, kv_heads, group * seq, keys]
    scores = torch.bmm(q, k.transpose(1, 2)).view(rows, kv_heads, -1, length).add_(mask)
    p = torch.softmax(scores, dim=-1).view(rows * kv_heads, -1, length)
    y = torch.bmm(p, values).to(v.dtype)  # [rows * kv_heads, group * seq, head_dim]
    return y.view(rows, heads, count, head_dim).transpose(1, 2).flatten(-2)
