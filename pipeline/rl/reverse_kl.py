"""The divergence of a student from its teacher, token by token, with the heads fused in.

In: hidden states of both models at the same positions. Out: the sum of KL(student || teacher) over
them, from which the student's gradients flow, and the KL of each. It is over the whole vocabulary,
not over the token that was drawn alone: the same in the mean, without the draw's variance. Logits
exist for a chunk of positions at a time, and the student's gradients are made while they do, as in
`pipeline.training.loss`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.training.head_gradients import HeadGradients, handed_on


class Predictions(NamedTuple):
    """What a model predicts at some positions, before its head."""

    hidden: Tensor  # [positions, width]
    head: Tensor  # [vocab, width]
    bias: Tensor | None = None  # [vocab]

    def log_probs(self, part: slice, temperature: float) -> Tensor:  # [part, vocab] float32
        """Of some of the positions."""
        logits = F.linear(self.hidden[part], self.head.to(self.hidden.dtype), self.bias)
        return torch.log_softmax(logits.float() / temperature, dim=-1)


def reverse_kl(
    student: Predictions, teacher: Predictions, temperature: float = 1.0, chunk_tokens: int = 1024
) -> tuple[Tensor, Tensor]:  # [], [positions] float32
    """KL(student || teacher) in nats.

    Args:
        student: gets gradients.
        teacher: gets none. Its width may be another, its vocabulary is the same.
        temperature: of both distributions.
        chunk_tokens: positions whose logits exist at the same time.

    Returns:
        The sum, and each position's, detached.

    Source: the reverse divergence of MiniLLM (arXiv 2306.08543) and GKD (arXiv 2306.13649).
    """
    summed: Callable[..., tuple[Tensor, Tensor]] = _ReverseKl.apply
    return summed(*student, teacher, temperature, chunk_tokens)


class _ReverseKl(torch.autograd.Function):
    """`reverse_kl`, its gradients made in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,  # [positions, width]
        head: Tensor,  # [vocab, width]
        bias: Tensor | None,  # [vocab]
        teacher: Predictions,
        temperature: float,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:  # [], [positions]
        student = Predictions(hidden, head, bias)
        gradients = HeadGradients(ctx, hidden, head)
        each = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            ours = student.log_probs(part, temperature)  # [part, vocab]
            slopes = ours - teacher.log_probs(part, temperature)
            probs = ours.exp()
            each[part] = (probs * slopes).sum(1)
            # d KL / d logits = p (log p - log q - KL) / temperature
            slopes = slopes.sub_(each[part, None]).mul_(probs).div_(temperature).to(hidden.dtype)
            gradients.add(part, slopes)
        gradients.keep(ctx)
        ctx.mark_non_differentiable(each)
        return each.double().sum().float(), each

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        return (*handed_on(ctx, upstream), None, None, None)
