"""Masked cross entropy with the head fused in: logits exist for a chunk of tokens at a time.

Softmax is float32 whatever the matrix products run in. The gradients of hidden states and head are
made in the forward pass, while the chunk's logits are still in the cache (as Liger kernels do), so
a large vocabulary costs neither memory nor a second product. Positions of weight zero are left out
before the head: fine-tuning pays for the tokens it learns from only.
"""

from typing import Any

import torch
from torch import Tensor

from pipeline.training.data import Batch


def token_loss(
    model: Any, batch: Batch, *, weights: Tensor | None = None, chunk_tokens: int = 1024
) -> tuple[Tensor, Tensor]:
    """(sum of weight * nats over all positions, nats of each position (B, T), detached).

    `weights` (B, T) default to the loss mask; policy gradients pass mask * advantage. The caller
    divides by what it normalises with. Positions of weight zero get 0 nats.
    """
    cast = model.cast_weights()
    hidden = model.hidden(batch.tokens, document_ids=batch.document_ids, weights=cast)
    if weights is None:
        weights = batch.loss_mask
    total, nats = fused_cross_entropy(
        hidden.flatten(0, 1),
        cast.head,
        batch.targets.flatten(),
        weights.flatten(),
        chunk_tokens,
    )
    return total, nats.view(batch.targets.shape)


def fused_cross_entropy(
    hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor, chunk_tokens: int = 1024
) -> tuple[Tensor, Tensor]:
    """The same on flat tensors: hidden (N, D) and head (V, D), multiplied in hidden's dtype."""
    weights = weights.to(torch.float32)
    used = weights.nonzero().squeeze(1)
    if len(used) == len(weights):
        return _FusedCrossEntropy.apply(hidden, head, targets, weights, chunk_tokens)
    total, part = _FusedCrossEntropy.apply(
        hidden[used], head, targets[used], weights[used], chunk_tokens
    )
    nats = torch.zeros_like(weights)
    nats[used] = part
    return total, nats


class _FusedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor, chunk: int
    ) -> tuple[Tensor, Tensor]:
        needs_hidden, needs_head = ctx.needs_input_grad[:2]
        cast = head.to(hidden.dtype)
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        grad_head = torch.zeros_like(head, dtype=torch.float32) if needs_head else None
        nats = torch.empty_like(weights)
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            inputs, goal = hidden[part], targets[part].unsqueeze(1)
            log_probs = torch.log_softmax(inputs @ cast.T, dim=-1, dtype=torch.float32)
            nats[part] = -log_probs.gather(1, goal).squeeze(1)
            if not (needs_hidden or needs_head):
                continue
            # d nats / d logits = softmax - one_hot, times the token's weight
            slopes = log_probs.exp_()
            slopes[torch.arange(len(goal), device=goal.device), goal.squeeze(1)] -= 1.0
            slopes = slopes.mul_(weights[part].unsqueeze(1)).to(hidden.dtype)
            if grad_hidden is not None:
                torch.mm(slopes, cast, out=grad_hidden[part])
            if grad_head is not None:
                grad_head += slopes.T @ inputs
        ctx.save_for_backward(*(g for g in (grad_hidden, grad_head) if g is not None))
        ctx.head_dtype = head.dtype
        ctx.mark_non_differentiable(nats)
        return (nats.double() * weights).sum().float(), nats

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        saved = iter(ctx.saved_tensors)
        grad_hidden = next(saved) if ctx.needs_input_grad[0] else None
        grad_head = next(saved) if ctx.needs_input_grad[1] else None
        return (
            None if grad_hidden is None else grad_hidden * upstream.to(grad_hidden.dtype),
            None if grad_head is None else (grad_head * upstream).to(ctx.head_dtype),
            None,
            None,
            None,
        )
