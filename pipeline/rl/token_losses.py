"""The loss of each token by its ratio, and the loss's slope: the formulas of `objectives`.

In: log-probabilities under the trained policy and under the sampler. Out: plain numbers, without a
way back to the model: `policy_gradient` makes its gradient of the slopes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pipeline.rl.objectives import RatioBounds


class TokenLosses(NamedTuple):
    """What `token_losses` gives for each token."""

    values: Tensor  # [tokens] whose sum is the loss
    slopes: Tensor  # [tokens] of the loss by minus log pi of the token
    clipped: Tensor  # [tokens] bool, whether the ratio met its bound


def token_losses(
    kind: str,
    logprobs: Tensor,  # [tokens] under the trained policy; -inf: it can't draw that one
    sampled: Tensor,  # [tokens] under the sampler
    gains: Tensor,  # [tokens] advantage of the answer times `token_weight`
    answers: Tensor,  # [tokens] int64, which answer a token is of, from 0
    bounds: RatioBounds,
) -> TokenLosses:
    """Losses and slopes of tokens; a token that the trained policy can't draw has neither."""
    drawable = logprobs.isfinite()
    differences = torch.where(drawable, logprobs - sampled, 0.0)  # log w
    if kind == "sequence":
        count = int(answers.max()) + 1 if len(answers) else 0
        sums = differences.new_zeros(count).index_add_(0, answers, differences)
        lengths = torch.bincount(answers, minlength=count).clamp_min(1)
        differences = (sums / lengths)[answers]  # log s
    ratios = differences.exp()
    if kind == "truncated":
        clipped = ratios > bounds.limit
        shares = gains * ratios.clamp_max(bounds.limit)
        values = -shares * torch.where(drawable, logprobs, 0.0)
    else:
        kept = gains * ratios
        cut = gains * ratios.clamp(1 - bounds.low, 1 + bounds.high)
        clipped = cut < kept  # the smaller counts, and that one is a constant
        values = -torch.minimum(kept, cut)
        shares = torch.where(clipped, 0.0, kept)
    shares, values = (torch.where(drawable, each, 0.0) for each in (shares, values))
    return TokenLosses(values, shares, clipped & drawable & (gains != 0))
