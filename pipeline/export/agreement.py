"""How far another form of a model is from the model: measured when it is written, not assumed.

In: the model and something that gives logits for the same tokens (the exported file read back, or
transformers running the exported folder). Out: the largest and mean difference of logits, how often
both choose the same next token, and the information lost in bits a token. They are measured on text
that the model itself generates: random ids would not show the tokens it would choose.
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
    """How far two sets of logits agree."""

    tokens: int
    max_error: float  # in logits
    mean_error: float
    same_choice: float  # share of positions with the same most likely token
    bits_lost: float  # Kullback-Leibler divergence, bits a token


@torch.no_grad()
def probe(model: Transformer) -> Tensor:
    """Text that the model generates, the same for the same weights: [ROWS, tokens] int64."""
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
    """Compare row by row, so that a large vocabulary's logits are never held for all rows.

    Args:
        ours: gives the model's logits, [batch, seq, vocab].
        theirs: gives the others' logits.
        tokens: [rows, seq], the rows to compare on.
    """
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
    """The folder run by transformers in float32; None if transformers isn't installed."""
    if importlib.util.find_spec("transformers") is None:
        return None
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return lambda tokens: theirs(tokens).logits
