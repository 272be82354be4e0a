"""Gradients of a head that is fused into a loss, made while a chunk's logits exist.

For autograd functions whose forward takes hidden states, the head and its bias first: `forward`
adds each chunk's slopes, `backward` hands on the sums, times what comes from above.
"""

from typing import Any

import torch
from torch import Tensor


class HeadGradients:
    """The sums so far; of what needs none there are none. `head` is in the dtype of `hidden`.

    Args:
        ctx: of the autograd function.
        hidden: [positions, width].
        head: [vocab, width].
    """

    def __init__(self, ctx: Any, hidden: Tensor, head: Tensor) -> None:
        needs_hidden, needs_head, needs_bias = ctx.needs_input_grad[:3]
        self.wanted = needs_hidden or needs_head or needs_bias
        self.head = head.to(hidden.dtype)
        self._inputs, self._dtype = hidden, head.dtype
        self._by_hidden = torch.empty_like(hidden) if needs_hidden else None
        self._by_head = torch.zeros_like(head, dtype=torch.float32) if needs_head else None
        self._by_bias = torch.zeros_like(head[:, 0], dtype=torch.float32) if needs_bias else None

    def add(
        self,
        part: slice,
        slopes: Tensor,  # [part, vocab] of the loss by the logits, in hidden's dtype
    ) -> None:
        """What a chunk of the positions adds."""
        if self._by_hidden is not None:
            torch.mm(slopes, self.head, out=self._by_hidden[part])
        if self._by_head is not None:
            self._by_head += slopes.T @ self._inputs[part]
        if self._by_bias is not None:
            self._by_bias += slopes.sum(0, dtype=torch.float32)

    def keep(self, ctx: Any) -> None:
        """For `handed_on`."""
        found = (self._by_hidden, self._by_head, self._by_bias)
        ctx.save_for_backward(*(gradient for gradient in found if gradient is not None))
        ctx.head_dtype = self._dtype


def handed_on(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients of hidden states, head and bias."""
    saved = iter(ctx.saved_tensors)
    hidden, head, bias = (next(saved) if needed else None for needed in ctx.needs_input_grad[:3])
    return (
        None if hidden is None else hidden * upstream.to(hidden.dtype),
        None if head is None else (head * upstream).to(ctx.head_dtype),
        None if bias is None else (bias * upstream).to(ctx.head_dtype),
    )
