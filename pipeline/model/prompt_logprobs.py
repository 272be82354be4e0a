"""Log-probabilities of a prompt's own tokens: what a server's `echo` gives, and with it programs
that score texts (lm-evaluation-harness).

In: prompts as token ids. Out: for each token but the first its log-probability after those before
it, and the most likely tokens in its place. The head multiplies so many positions at a time that
the logits stay within `MAX_LOGITS`. Sums over a continuation are those of `scoring`.
"""

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import native, text_states
from pipeline.model.transformer import Transformer, Weights

Head = tuple[Tensor, Tensor | None]  # matrix [vocab, width], bias [vocab]

MAX_LOGITS = 1 << 24  # held at once, 64 MiB


@dataclasses.dataclass(frozen=True)
class PromptLogprobs:
    """Of a prompt's tokens, in nats, at temperature 1 with nothing left out."""

    logprobs: list[float | None]  # None: the first, which follows nothing
    # In each one's place the most likely tokens, the likeliest first. A token that is both here
    # and above has the very same number in both places.
    top_logprobs: list[dict[int, float] | None]


def logprobs_of_prompts(
    model: Transformer,
    weights: native.PackedWeights | Weights,
    head: Head,
    prompts: list[list[int]],
    top: int = 0,
) -> list[PromptLogprobs]:
    """The log-probabilities of each prompt's tokens.

    On the C kernels a prompt's are the same to the bit whatever the other prompts are.

    Args:
        model: the model.
        weights: its weights, packed for the kernels or for torch.
        head: that torch multiplies hidden states with.
        prompts: token ids, at least one each, at most one more than the model's context.
        top: so many of the most likely tokens in each one's place.

    Raises:
        UserError: a prompt is empty, too long or not the model's.
    """
    text_states.check(model, prompts, model.config.max_context + 1)
    found = [PromptLogprobs([None], [None]) for _ in prompts]
    longer = [i for i, prompt in enumerate(prompts) if len(prompt) > 1]
    inputs = [prompts[i][:-1] for i in longer]
    for i, hidden in zip(longer, text_states.states(model, weights, inputs)):
        _add(found[i], hidden, prompts[i][1:], head, top)
    return found


@torch.no_grad()
def _add(
    found: PromptLogprobs,
    hidden: Tensor,  # [tokens, width]
    tokens: list[int],  # that follow each
    head: Head,
    top: int,
) -> None:
    vocab_size = len(head[0])
    step = max(1, MAX_LOGITS // vocab_size)
    for start in range(0, len(tokens), step):
        part = hidden[start : start + step].to(head[0].dtype)
        own = torch.tensor(tokens[start : start + step], device=hidden.device)
        table = F.linear(part, *head).float().log_softmax(-1)  # [tokens of this step, vocab]
        found.logprobs.extend(table.gather(-1, own[:, None])[:, 0].tolist())
        best = table.topk(min(top, vocab_size), dim=-1)
        pairs = zip(best.indices.tolist(), best.values.tolist())
        found.top_logprobs.extend(dict(zip(ids, values)) for ids, values in pairs)
