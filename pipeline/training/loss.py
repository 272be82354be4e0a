"""Masked cross entropy with the head fused in: logits exist for a chunk of tokens at a time.

Softmax is float32 whatever the matrix products run in. The gradients of hidden states and head are
made in the forward pass, while the chunk's logits are still in the cache (as Liger kernels do), so
a large vocabulary costs neither memory nor a second product. Positions of weight zero are left out
before the head: fine-tuning pays for the tokens it learns from only.
"""

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import device as devices
from pipeline.model import fused
from pipeline.training.data import Batch


def token_loss(
    model: Any,
    batch: Batch,
    *,
    weights: Tensor | None = None,
    chunk_tokens: int = 1024,
    cast: Any = None,
) -> tuple[Tensor, Tensor]:
    """(sum of weight * nats over all positions, nats of each position (B, T), detached).

    `weights` (B, T) default to the loss mask; policy gradients pass mask * advantage. The caller
    divides by what it normalises with. Positions of weight zero get 0 nats. `cast`: from
    `Transformer.cast_weights`, where many batches are read with the same weights.
    """
    if cast is None:
        hidden, head, bias = model.read(batch.tokens, batch.document_ids)
    else:
        hidden = model.hidden(batch.tokens, document_ids=batch.document_ids, weights=cast)
        head, bias = cast.head, cast.head_bias
    if weights is None:
        weights = batch.loss_mask
    total, nats = fused_cross_entropy(
        hidden.flatten(0, 1), head, batch.targets.flatten(), weights.flatten(), chunk_tokens, bias
    )
    return total, nats.view(batch.targets.shape)


def fused_cross_entropy(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    weights: Tensor,
    chunk_tokens: int = 1024,
    bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The same on flat tensors: hidden (N, D), head (V, D) and its bias (V,), in hidden's dtype."""
    weights = weights.to(torch.float32)
    if devices.on_cuda(weights.device):  # to know which are zero, one would wait for the GPU
        return _FusedCrossEntropy.apply(hidden, head, bias, targets, weights, chunk_tokens)
    used = weights.nonzero().squeeze(1)
    if len(used) == len(weights):
        return _FusedCrossEntropy.apply(hidden, head, bias, targets, weights, chunk_tokens)
    total, part = _FusedCrossEntropy.apply(
        hidden[used], head, bias, targets[used], weights[used], chunk_tokens
    )
    nats = torch.zeros_like(weights)
    nats[used] = part
    return total, nats


def softmax_slopes(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Nats of each target (N, 1) under logits (N, V), and the slopes of weight * nats by logits.

    Compiled for a GPU these are two passes over the logits, where single operations take ten.
    """
    wide = logits.float()
    total = wide.logsumexp(1, keepdim=True)
    nats = (total - wide.gather(1, targets)).squeeze(1)
    hit = torch.arange(logits.shape[1], device=logits.device) == targets
    slopes = ((wide - total).exp() - hit.float()) * weights[:, None]
    return nats, slopes.to(logits.dtype)


@functools.cache
def _compiled_slopes() -> Any:
    return torch.compile(softmax_slopes, dynamic=True)


class _FusedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        weights: Tensor,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        needs_hidden, needs_head, needs_bias = ctx.needs_input_grad[:3]
        cast = head.to(hidden.dtype)
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        grad_head = torch.zeros_like(head, dtype=torch.float32) if needs_head else None
        grad_bias = torch.zeros_like(head[:, 0], dtype=torch.float32) if needs_bias else None
        nats = torch.empty_like(weights)
        gpu = devices.on_cuda(hidden.device)
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            inputs, goal = hidden[part], targets[part].unsqueeze(1)
            logits = F.linear(inputs, cast, bias)
            in_place = fused.ready(logits.dtype, logits.device)
            if gpu:
                nats[part], slopes = _compiled_slopes()(logits, goal, weights[part])
            elif in_place:
                wanted = needs_hidden or needs_head or needs_bias
                nats[part] = fused.cross_entropy_(logits, targets[part], weights[part], wanted)
                slopes = logits
            else:
                log_probs = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
                nats[part] = -log_probs.gather(1, goal).squeeze(1)
            if not (needs_hidden or needs_head or needs_bias):
                continue
            if not (gpu or in_place):
                # d nats / d logits = softmax - one_hot, times the token's weight
                slopes = log_probs.exp_()
                slopes[torch.arange(len(goal)), goal.squeeze(1)] -= 1.0
                slopes = slopes.mul_(weights[part].unsqueeze(1)).to(hidden.dtype)
            if grad_hidden is not None:
                torch.mm(slopes, cast, out=grad_hidden[part])
            if grad_head is not None:
                grad_head += slopes.T @ inputs
            if grad_bias is not None:
                grad_bias += slopes.sum(0, dtype=torch.float32)
        grads = (grad_hidden, grad_head, grad_bias)
        ctx.save_for_backward(*(g for g in grads if g is not None))
        ctx.head_dtype = head.dtype
        ctx.mark_non_differentiable(nats)
        nats.masked_fill_(weights == 0, 0.0)  # on a GPU those of weight zero were read as well
        return (nats.double() * weights).sum().float(), nats

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        saved = iter(ctx.saved_tensors)
        grad_hidden = next(saved) if ctx.needs_input_grad[0] else None
        grad_head = next(saved) if ctx.needs_input_grad[1] else None
        grad_bias = next(saved) if ctx.needs_input_grad[2] else None
        return (
            None if grad_hidden is None else grad_hidden * upstream.to(grad_hidden.dtype),
            None if grad_head is None else (grad_head * upstream).to(ctx.head_dtype),
            None if grad_bias is None else (grad_bias * upstream).to(ctx.head_dtype),
            None,
            None,
            None,
        )
