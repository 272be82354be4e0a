"""The hidden states of whole texts: what log-probabilities of prompts and embeddings are made of.

In: texts as token ids. Out, one text after another: a hidden state for each of its tokens. What
texts share is read once: by the C kernels, else by torch. Only so many texts are read ahead that
their hidden states fit in memory.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pipeline.model import native
from pipeline.model.shared_reading import hidden_states
from pipeline.model.transformer import Transformer, Weights
from storage.errors import UserError

TOKENS_AT_ONCE = 8192  # read before the first of them is handed on, or one longer text


@torch.no_grad()
def states(
    model: Transformer, weights: native.PackedWeights | Weights, texts: list[list[int]]
) -> Iterator[Tensor]:
    """Of each text [tokens, width], normalised; the last norm's gain is not in it.

    On the C kernels they are the same to the bit whatever the other texts are.

    Args:
        model: the model.
        weights: its weights, packed for the kernels or for torch.
        texts: token ids, at least one each.
    """
    for group in _groups(texts):
        counts = list(map(len, group))
        if isinstance(weights, native.PackedWeights):
            found, indices = native.read(weights, group, counts)
            hidden = torch.from_numpy(found)
        else:
            hidden, indices = hidden_states(
                model, weights, group, counts, TOKENS_AT_ONCE, lambda _: None
            )
        for own in indices:
            yield hidden[torch.tensor(own, device=hidden.device)]


def check(model: Transformer, texts: list[list[int]], longest: int) -> None:
    """Refuse texts that can't be read.

    Raises:
        UserError: a text is empty, has more than `longest` tokens or one that isn't the model's.
    """
    vocab_size = model.config.vocab_size
    for text in texts:
        if not text:
            raise UserError("a text is empty: start it with the document token")
        if len(text) > longest:
            raise UserError(
                f"a text of {len(text)} tokens exceeds the model's context of "
                f"{model.config.max_context}: shorten it"
            )
        if not 0 <= min(text) <= max(text) < vocab_size:
            raise UserError(
                f"a text holds token ids {min(text)} to {max(text)}, the model's end at "
                f"{vocab_size - 1}: use the model's own tokenizer"
            )


def _groups(texts: list[list[int]]) -> Iterator[list[list[int]]]:
    group: list[list[int]] = []
    for text in texts:
        if group and sum(map(len, group)) + len(text) > TOKENS_AT_ONCE:
            yield group
            group = []
        group.append(text)
    if group:
        yield group
