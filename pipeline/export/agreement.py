"""How far another form of a model is from the model: measured when it is written, not assumed.

In: the model and something that gives logits for the same tokens (the exported file read back, or
transformers running the exported folder). Out: the largest and mean difference of logits, how often
both would choose the same next token, and the information lost in bits a token, over text that the
model itself writes, since on random ids nothing is learned about the words it would choose.
"""

import dataclasses
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from pipeline.model import Transformer
from pipeline.model.engine import Engine

ROWS = 8
MOST_TOKENS = 128  # a row
CONDITION_ON = 16  # first tokens drawn at random, so that the rows differ

Logits = Callable[[Tensor], Tensor]


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Of two sets of logits."""

    tokens: int
    max_error: float  # in logits
    mean_error: float
    same_choice: float  # share of positions with the same likeliest token
    bits_lost: float  # Kullback-Leibler divergence, bits a token


@torch.no_grad()
def probe(model: Transformer) -> Tensor:
    """Rows of the model's own writing, the same for the same weights; int64 (ROWS, tokens)."""
    length = min(MOST_TOKENS, model.config.max_context)
    generator = torch.Generator().manual_seed(0)
    first = min(CONDITION_ON, length)
    starts = torch.randint(model.config.vocab_size, (ROWS, first), generator=generator)
    if length == first:
        return starts
    drawn = Engine(model).generate(starts.tolist(), max_new_tokens=length - first, temperature=1.0)
    rows = [[*start.tolist(), *one[0].tokens] for start, one in zip(starts, drawn)]
    shortest = min(len(row) for row in rows)
    return torch.tensor([row[:shortest] for row in rows])


@torch.no_grad()
def agreement(ours: Logits, theirs: Logits, tokens: Tensor) -> Agreement:
    """Row by row, so that a large vocabulary's logits are never held for all."""
    most = total = same = bits = 0.0
    for row in tokens:
        mine, other = ours(row[None])[0].double(), theirs(row[None])[0].double()
        gap = (mine - other).abs()
        most = max(most, float(gap.max()))
        total += float(gap.mean(-1).sum())
        same += float((mine.argmax(-1) == other.argmax(-1)).sum())
        mine, other = mine.log_softmax(-1), other.log_softmax(-1)
        bits += float((mine.exp() * (mine - other)).sum()) / math.log(2)
    count = tokens.numel()
    return Agreement(count, most, total / count, same / count, bits / count)


def transformers_logits(folder: Path) -> Logits | None:
    """The folder run by transformers in float32; None where that isn't installed."""
    if importlib.util.find_spec("transformers") is None:
        return None
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return lambda tokens: theirs(tokens).logits
