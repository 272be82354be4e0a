"""Masked cross entropy with the head fused in: logits exist for a chunk of tokens at a time.

The loss of pretraining, of fine-tuning and of policy gradients, whose tokens weigh by their
importance (`Drawn`).

Softmax is float32 whatever the matrix products run in. The gradients of hidden states and head are
made in the forward pass, while the chunk's logits are still in the cache (as Liger kernels do,
arXiv 2410.10989), so a large vocabulary costs neither memory nor a second product. Positions of
weight zero are left out before the head: fine-tuning pays only for the tokens it learns from.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import Transformer, fused
from pipeline.model import device as devices
from pipeline.model.sampling import kept_scores
from pipeline.model.weights import Weights
from pipeline.training.data_loader import Batch
from pipeline.training.head_gradients import HeadGradients, handed_on


class Drawn(NamedTuple):
    """Targets that a policy drew: each counts by its importance, a constant for the gradient.

    Importance is the token's probability under the trained model divided by that under the sampler,
    at most `ratio_limit`. Temperature and truncation are the sampler's. A token that the truncated
    trained model can't draw has importance 0. Where the weights hold the ratio already
    (`weighed`), all others have importance 1.
    """

    logprobs: Tensor  # [targets] float32, each target's when it was drawn
    temperature: float = 1.0  # above 0
    top_k: int = 0  # 0 = all tokens
    ratio_limit: float = 1.0
    weighed: bool = False

    def rows(self, which: Tensor | slice) -> "Drawn":
        """Some of the targets."""
        return self._replace(logprobs=self.logprobs[which])

    def importance(
        self,
        nats: Tensor,  # [targets] of each target under the trained model
    ) -> Tensor:  # [targets]
        """The weight of each target."""
        if self.weighed:
            return nats.isfinite().float()
        return (-nats - self.logprobs).exp().clamp_max(self.ratio_limit)

    @property
    def from_everything(self) -> bool:
        """Whether the sampler's distribution is the softmax of the logits as they are."""
        return self.temperature == 1.0 and self.top_k == 0


def token_loss(
    model: Transformer,
    batch: Batch,  # [batch, seq]
    *,
    weights: Tensor | None = None,  # [batch, seq]
    chunk_tokens: int = 1024,
    cast: Weights | None = None,
) -> tuple[Tensor, Tensor]:  # [], [batch, seq] float32
    """The loss of a batch, and of each of its positions.

    Args:
        model: on the batch's device.
        batch: what is read and predicted.
        weights: of each position; None: the loss mask. The caller divides by what it normalises
            with.
        chunk_tokens: positions whose logits exist at the same time.
        cast: from `Transformer.cast_weights`, where many batches are read with the same weights.

    Returns:
        The sum of weight * nats over all positions, and the nats of each position, detached; 0
        where the weight is 0.
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
    hidden: Tensor,  # [targets, width]
    head: Tensor,  # [vocab, width]
    targets: Tensor,  # [targets] int64
    weights: Tensor,  # [targets]
    chunk_tokens: int = 1024,
    bias: Tensor | None = None,  # [vocab], in hidden's dtype
    drawn: Drawn | None = None,
) -> tuple[Tensor, Tensor]:  # [], [targets] float32
    """`token_loss` on flat tensors.

    With `drawn` the sum is of weight * importance * nats, and nats are those under its temperature
    and truncation.
    """
    summed: Callable[..., tuple[Tensor, Tensor]] = _FusedCrossEntropy.apply
    weights = weights.to(torch.float32)
    if devices.on_cuda(weights.device):  # to know which are zero, one would wait for the GPU
        return summed(hidden, head, bias, targets, weights, chunk_tokens, drawn)
    used = weights.nonzero().squeeze(1)  # [used]
    if len(used) == len(weights):
        return summed(hidden, head, bias, targets, weights, chunk_tokens, drawn)
    if drawn is not None:
        drawn = drawn.rows(used)
    total, part = summed(
        hidden[used], head, bias, targets[used], weights[used], chunk_tokens, drawn
    )
    nats = torch.zeros_like(weights)
    nats[used] = part
    return total, nats


def softmax_slopes(
    logits: Tensor,  # [targets, vocab]
    targets: Tensor,  # [targets, 1]
    weights: Tensor,  # [targets]
    drawn: Drawn | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # [targets], [targets], [targets, vocab]
    """Nats, weights times importance, and the gradient of the loss by the logits.

    Compiled for a GPU these are two passes over the logits, where single operations take ten.
    """
    wide = logits.float()
    if drawn is not None:
        wide = kept_scores(logits, drawn.temperature, drawn.top_k)
    total = wide.logsumexp(1, keepdim=True)  # [targets, 1]
    nats = (total - wide.gather(1, targets)).squeeze(1)
    by_logits = weights
    if drawn is not None:
        weights = weights * drawn.importance(nats)
        by_logits = weights / drawn.temperature
    hit = torch.arange(logits.shape[1], device=logits.device) == targets
    slopes = ((wide - total).exp() - hit.float()) * by_logits[:, None]
    return nats, weights, slopes.to(logits.dtype)


@functools.cache
def _compiled_slopes() -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    return torch.compile(softmax_slopes, dynamic=True)


def _slopes(
    logits: Tensor,  # [targets, vocab]; may be overwritten
    targets: Tensor,  # [targets]
    weights: Tensor,  # [targets]
    drawn: Drawn | None,
    wanted: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # [targets], [targets], [targets, vocab]
    """`softmax_slopes` by the fastest way on this machine; slopes are undefined if not wanted."""
    if devices.on_cuda(logits.device):
        return _compiled_slopes()(logits, targets.unsqueeze(1), weights, drawn)
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
    """`fused_cross_entropy`, its gradients made in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,  # [targets, width]
        head: Tensor,  # [vocab, width]
        bias: Tensor | None,  # [vocab]
        targets: Tensor,  # [targets]
        weights: Tensor,  # [targets] float32
        chunk: int,
        drawn: Drawn | None,
    ) -> tuple[Tensor, Tensor]:  # [], [targets]
        gradients = HeadGradients(ctx, hidden, head)
        # [targets]; shares: weights times importance
        nats, shares = torch.empty_like(weights), torch.empty_like(weights)
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            nats[part], shares[part], slopes = _slopes(
                F.linear(hidden[part], gradients.head, bias),
                targets[part],
                weights[part],
                None if drawn is None else drawn.rows(part),
                gradients.wanted,
            )
            gradients.add(part, slopes)
        gradients.keep(ctx)
        ctx.mark_non_differentiable(nats)
        # On a GPU those of weight zero were read as well; what can't be drawn has infinite nats.
        counted = nats.masked_fill(shares == 0, 0.0)
        nats = nats.masked_fill_(weights == 0, 0.0)
        return (counted.double() * shares).sum().float(), nats

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        return (*handed_on(ctx, upstream), None, None, None, None)
