"""Masked cross entropy with the head fused in: logits exist for a chunk of tokens at a time.

Of pretraining, fine-tuning and policy gradients, whose tokens weigh by what the loss finds out
about them (`Drawn`).

Softmax is float32 whatever the matrix products run in. The gradients of hidden states and head are
made in the forward pass, while the chunk's logits are still in the cache (as Liger kernels do), so
a large vocabulary costs neither memory nor a second product. Positions of weight zero are left out
before the head: fine-tuning pays for the tokens it learns from only.
"""

import functools
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import device as devices
from pipeline.model import fused
from pipeline.model.sampling import kept_scores
from pipeline.training.data_loader import Batch


class Drawn(NamedTuple):
    """Targets that a policy drew: each counts by its importance, a constant for the gradient.

    Importance: how much likelier we find a token than whoever drew it did, cut at `ratio_limit`.
    Temperature and truncation are the sampler's. A token that we would not draw has importance 0.
    """

    logprobs: Tensor  # (N,) float32, each target's when it was drawn
    temperature: float = 1.0  # above 0
    top_k: int = 0  # 0 = all tokens
    ratio_limit: float = 1.0

    def rows(self, which: Any) -> "Drawn":
        """Some of the targets."""
        return self._replace(logprobs=self.logprobs[which])

    def importance(self, nats: Tensor) -> Tensor:
        """Of targets that we give so many nats."""
        return (-nats - self.logprobs).exp().clamp_max(self.ratio_limit)

    @property
    def from_everything(self) -> bool:
        """Whether their distribution is the softmax of the logits as they are."""
        return self.temperature == 1.0 and self.top_k == 0


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
    drawn: Drawn | None = None,
) -> tuple[Tensor, Tensor]:
    """The same on flat tensors: hidden (N, D), head (V, D) and its bias (V,), in hidden's dtype.

    With `drawn` the sum is of weight * importance * nats, and nats are those of what it says.
    """
    weights = weights.to(torch.float32)
    if devices.on_cuda(weights.device):  # to know which are zero, one would wait for the GPU
        return _FusedCrossEntropy.apply(hidden, head, bias, targets, weights, chunk_tokens, drawn)
    used = weights.nonzero().squeeze(1)
    if len(used) == len(weights):
        return _FusedCrossEntropy.apply(hidden, head, bias, targets, weights, chunk_tokens, drawn)
    if drawn is not None:
        drawn = drawn.rows(used)
    total, part = _FusedCrossEntropy.apply(
        hidden[used], head, bias, targets[used], weights[used], chunk_tokens, drawn
    )
    nats = torch.zeros_like(weights)
    nats[used] = part
    return total, nats


def softmax_slopes(
    logits: Tensor, targets: Tensor, weights: Tensor, drawn: Drawn | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Of targets (N, 1) under logits (N, V): nats, weights by importance, slopes by the logits.

    Compiled for a GPU these are two passes over the logits, where single operations take ten.
    """
    wide = logits.float()
    if drawn is not None:
        wide = kept_scores(logits, drawn.temperature, drawn.top_k)
    total = wide.logsumexp(1, keepdim=True)
    nats = (total - wide.gather(1, targets)).squeeze(1)
    by_logits = weights
    if drawn is not None:
        weights = weights * drawn.importance(nats)
        by_logits = weights / drawn.temperature
    hit = torch.arange(logits.shape[1], device=logits.device) == targets
    slopes = ((wide - total).exp() - hit.float()) * by_logits[:, None]
    return nats, weights, slopes.to(logits.dtype)


@functools.cache
def _compiled_slopes() -> Any:
    return torch.compile(softmax_slopes, dynamic=True)


def _slopes(
    logits: Tensor, targets: Tensor, weights: Tensor, drawn: Drawn | None, wanted: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """As `softmax_slopes`, in the machine's own way, over the logits where it can.

    The slopes are anything where they are not wanted.
    """
    if devices.on_cuda(logits.device):
        nats, weights, slopes = _compiled_slopes()(logits, targets.unsqueeze(1), weights, drawn)
        return nats, weights, slopes
    plain = drawn is None or drawn.from_everything
    if plain and fused.ready(logits.dtype, logits.device):
        if drawn is not None:
            nats = fused.cross_entropy_(logits, targets, weights, slopes=False)
            weights = weights * drawn.importance(nats)
        return fused.cross_entropy_(logits, targets, weights, wanted), weights, logits
    scores = logits if drawn is None else kept_scores(logits, drawn.temperature, drawn.top_k)
    log_probs = torch.log_softmax(scores, dim=-1, dtype=torch.float32)
    nats = -log_probs.gather(1, targets.unsqueeze(1)).squeeze(1)
    by_logits = weights
    if drawn is not None:
        weights = weights * drawn.importance(nats)
        by_logits = weights / drawn.temperature
    if not wanted:
        return nats, weights, logits
    # d nats / d logits = softmax - one_hot, times the token's weight
    slopes = log_probs.exp_()
    slopes[torch.arange(len(targets)), targets] -= 1.0
    return nats, weights, slopes.mul_(by_logits.unsqueeze(1)).to(logits.dtype)


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
        drawn: Drawn | None,
    ) -> tuple[Tensor, Tensor]:
        needs_hidden, needs_head, needs_bias = ctx.needs_input_grad[:3]
        wanted = needs_hidden or needs_head or needs_bias
        cast = head.to(hidden.dtype)
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        grad_head = torch.zeros_like(head, dtype=torch.float32) if needs_head else None
        grad_bias = torch.zeros_like(head[:, 0], dtype=torch.float32) if needs_bias else None
        nats, shares = torch.empty_like(weights), torch.empty_like(weights)
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            inputs = hidden[part]
            nats[part], shares[part], slopes = _slopes(
                F.linear(inputs, cast, bias),
                targets[part],
                weights[part],
                None if drawn is None else drawn.rows(part),
                wanted,
            )
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
        # On a GPU those of weight zero were read as well; what we would not draw has infinite nats.
        counted = nats.masked_fill(shares == 0, 0.0)
        nats = nats.masked_fill_(weights == 0, 0.0)
        return (counted.double() * shares).sum().float(), nats

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
            None,
        )
