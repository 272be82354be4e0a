"""Log-probabilities of given continuations: what in-context tasks and likelihood metrics ask for.

In: contexts and continuations as token ids. Out, for each pair: the sum of the continuation's
log-probabilities and whether greedy decoding would give exactly it. What sequences share (few-shot
examples, the context of several choices) is read once: on a CPU by the C kernels, else by torch,
which reads those that share little in batches of like length. The head multiplies only the
positions that are scored.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import native
from pipeline.model.engine import Moved, unwatched
from pipeline.model.prefixes import common, different_tokens
from pipeline.model.prompt_logprobs import MAX_LOGITS, Head
from pipeline.model.shared_reading import hidden_states, is_worthwhile
from pipeline.model.transformer import Transformer, Weights
from storage.errors import UserError

Pair = tuple[list[int], int]  # tokens, how many of the last ones are scored

# Torch looks for common beginnings in so many batches at a time. With more, more sequences of like
# length are found, and more hidden states must be held.
BATCHES_AT_ONCE = 8


@torch.no_grad()
def score(
    model: Transformer,
    contexts: list[list[int]],
    continuations: list[list[int]],
    *,
    tokens_per_batch: int = 8192,
    int8: bool = False,
    moved: Moved = unwatched,
) -> list[tuple[float, bool]]:
    """Score each continuation after its context.

    A pair longer than the model's context loses its first tokens. An empty continuation scores 0.

    Args:
        model: in the compute dtype to score in.
        contexts: token ids, at least one each.
        continuations: token ids, one continuation a context.
        tokens_per_batch: read at once.
        int8: multiply as `Engine(int8=True)` does, to measure what that costs.
        moved: called at each batch.

    Returns:
        For each pair the sum of the continuation's log-probabilities, in nats, and whether greedy
        decoding would generate exactly it.

    Raises:
        UserError: a context is empty, a continuation too long, or a token id not the model's.
    """
    pairs = [_pair(model, *pair) for pair in zip(contexts, continuations, strict=True)]
    results: list[tuple[float, bool]] = [(0.0, True)] * len(pairs)
    scored = [i for i, pair in enumerate(pairs) if pair[1]]
    if not scored:
        return results
    format = "int8" if int8 else str(model.compute_dtype).removeprefix("torch.")
    packed = native.pack(model, format, max(len(pairs[i][0]) for i in scored))
    if packed is not None:
        head = native.dense_head(model, format)
        batches = _by_prefix(pairs, scored, tokens_per_batch)
    elif int8:
        raise UserError("int8 weights need a CPU, the built extensions and a portable model family")
    else:
        weights = model.cast_weights()
        head = (weights.head, weights.head_bias)
        inputs = [pairs[i][0][:-1] for i in scored]
        shared = is_worthwhile(sum(map(len, inputs)), different_tokens(inputs))
        if shared:
            batches = _by_prefix(pairs, scored, BATCHES_AT_ONCE * tokens_per_batch)
        else:
            batches = _by_length(pairs, scored, tokens_per_batch)
    for batch in batches:
        moved("scores")
        part = [pairs[i] for i in batch]
        if packed is not None:
            hidden, indices = _hidden_shared(packed, part)
        elif shared:
            hidden, indices = _hidden_shared_by_torch(model, part, weights, tokens_per_batch, moved)
        else:
            hidden = _hidden_padded(model, part, weights)
            indices = torch.arange(len(hidden))
        found = _judge(hidden, indices, part, head)
        for index, result in zip(batch, found):
            results[index] = result
    moved("")
    return results


def _pair(model: Transformer, context: list[int], continuation: list[int]) -> Pair:
    config = model.config
    if not context:
        raise UserError("a context is empty: start it with the document token")
    if len(continuation) > config.max_context:
        raise UserError(
            f"a continuation of {len(continuation)} tokens exceeds the model's context of "
            f"{config.max_context}: shorten it"
        )
    tokens = (context + continuation)[-(config.max_context + 1) :]
    if not 0 <= min(tokens) <= max(tokens) < config.vocab_size:
        raise UserError(
            f"a text to score holds token ids {min(tokens)} to {max(tokens)}, the model's end at "
            f"{config.vocab_size - 1}: use the model's own tokenizer"
        )
    return tokens, len(continuation)


def _by_length(pairs: list[Pair], scored: list[int], tokens: int) -> list[list[int]]:
    """Batches of at most `tokens`, padding counted."""
    order = sorted(scored, key=lambda i: len(pairs[i][0]))
    batches = []
    while order:
        count = max(1, tokens // len(pairs[order[-1]][0]))
        batches.append(order[-count:])
        order = order[:-count]
    return batches


def _by_prefix(pairs: list[Pair], scored: list[int], tokens: int) -> list[list[int]]:
    """Batches of about `tokens` to be read, what neighbours share counted once."""
    order = sorted(scored, key=lambda i: pairs[i][0])
    batches: list[list[int]] = [[]]
    room = tokens
    for before, index in zip([order[0], *order], order):
        new = len(pairs[index][0])
        if batches[-1]:
            new -= common(pairs[before][0], pairs[index][0])
            if new > room:
                batches.append([])
                new, room = len(pairs[index][0]), tokens
        batches[-1].append(index)
        room -= new
    return batches


def _hidden_shared(packed: native.PackedWeights, pairs: list[Pair]) -> tuple[Tensor, Tensor]:
    """Hidden states [outputs, width], and the index of the one that predicts each scored token."""
    counts = [count for _, count in pairs]
    hidden, indices = native.read(packed, [tokens[:-1] for tokens, _ in pairs], counts)
    return torch.from_numpy(hidden), torch.tensor([index for own in indices for index in own])


def _hidden_shared_by_torch(
    model: Transformer, pairs: list[Pair], weights: Weights, at_once: int, moved: Moved
) -> tuple[Tensor, Tensor]:
    inputs, counts = [tokens[:-1] for tokens, _ in pairs], [count for _, count in pairs]
    hidden, indices = hidden_states(model, weights, inputs, counts, at_once, moved)
    return hidden, torch.tensor([index for own in indices for index in own])


def _hidden_padded(model: Transformer, pairs: list[Pair], weights: Weights) -> Tensor:
    """The hidden states [scored tokens, width] that predict the scored tokens, in their order."""
    longest = max(len(tokens) for tokens, _ in pairs) - 1
    inputs = torch.zeros(len(pairs), longest, dtype=torch.int64)
    rows: list[int] = []
    positions: list[int] = []
    for row, (tokens, scored) in enumerate(pairs):
        inputs[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        rows += [row] * scored
        positions += range(len(tokens) - 1 - scored, len(tokens) - 1)
    return model.hidden(inputs.to(model.device), weights=weights)[rows, positions]


def _judge(
    hidden: Tensor,  # [outputs, width]
    indices: Tensor,  # [scored tokens]: the hidden state that predicts each, pair after pair
    pairs: list[Pair],
    head: Head,
) -> list[tuple[float, bool]]:
    """The result of each pair."""
    targets = torch.tensor([token for tokens, count in pairs for token in tokens[-count:]])
    targets, indices = targets.to(hidden.device), indices.to(hidden.device)
    step = max(1, MAX_LOGITS // len(head[0]))
    logprobs, hits = [], []
    for start in range(0, len(targets), step):
        part, target = indices[start : start + step], targets[start : start + step]
        # [tokens of this step, vocab]
        table = F.linear(hidden[part].to(head[0].dtype), *head).float().log_softmax(-1)
        logprobs.append(table.gather(-1, target[:, None])[:, 0].double().cpu())
        hits.append((table.argmax(-1) == target).cpu())
    counts = [count for _, count in pairs]
    return [
        (float(sums.sum()), bool(right.all()))
        for sums, right in zip(torch.cat(logprobs).split(counts), torch.cat(hits).split(counts))
    ]
