"""One vector for a text: the mean of its tokens' last hidden states.

In: texts as token ids. Out: [texts, width]. The hidden states are those after the last norm, its
gain included, as transformers' `last_hidden_state`. A language model that was trained for nothing
else gives vectors of modest use: texts alike in wording lie near each other.
"""

import numpy as np
import torch
from torch import nn

from pipeline.model import native, text_states
from pipeline.model.rows import Array
from pipeline.model.transformer import Transformer, Weights


@torch.no_grad()
def embed(
    model: Transformer, weights: native.PackedWeights | Weights, texts: list[list[int]]
) -> Array:  # [texts, width] float32
    """The mean hidden state of each text, of whatever length: nothing is normalised.

    Args:
        model: the model.
        weights: its weights, packed for the kernels or for torch.
        texts: token ids, at least one each, at most the model's context.

    Raises:
        UserError: a text is empty, too long or not the model's.
    """
    text_states.check(model, texts, model.config.max_context)
    found = np.empty((len(texts), model.config.width), np.float32)
    for row, hidden in zip(found, text_states.states(model, weights, texts)):
        mean = hidden.float().mean(0) * model.norm.weight
        if isinstance(model.norm, nn.LayerNorm):
            mean = mean + model.norm.bias
        row[:] = mean.cpu().numpy()
    return found
