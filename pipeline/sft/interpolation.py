"""Between a model before and after fine-tuning: what was learned stays, what was forgotten returns.

The weights are (1 - alpha) times those that training began with plus alpha times those that it
ended with (WiSE-FT, Wortsman et al. 2021, arXiv 2109.01903). What is fine-tuned at high rates moves
far in directions that conversations say nothing about; a small step back undoes most of that.
"""

import torch
from torch import nn

from pipeline.model import Transformer, lora


@torch.no_grad()
def interpolate(model: nn.Module, start: Transformer, alpha: float) -> None:
    """Move a tuned model's weights back towards those that it began with, in place.

    Of a model with adapters the changes are scaled, which is the same: its base is frozen.

    Args:
        model: as it was trained; may have adapters.
        start: as training began, with the same vocabulary, without adapters.
        alpha: above 0, at most 1: the share of the tuned weights.
    """
    before = dict(start.named_parameters())
    changes = list(lora.adapters(model))
    for name, _, change in changes:
        if isinstance(change, lora.LowRank):
            change.b.mul_(alpha)
        else:
            first = before[f"{name}.weight"][list(change.ids)]
            change.values.lerp_(first.to(change.values.device), 1 - alpha)
    for name, weight in model.named_parameters() if not changes else ():
        weight.lerp_(before[name].to(weight.device), 1 - alpha)
