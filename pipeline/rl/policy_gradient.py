"""The policy gradient: answers with advantages in, the terms of a step's loss out.

loss = - sum over answers and their tokens of advantage * ratio * log pi(token), divided by the
number of tokens of the whole batch (token-level normalisation: long and short answers weigh by
their tokens). There is one update a batch, but the policy that drew is not to the bit the one that
learns: the sampler multiplies by other kernels, in bf16 rounded elsewhere. So each token counts by
its importance, ratio = pi(token) / sampler(token), a constant for the gradient and cut at
`ratio_limit` (truncated importance sampling, as Yao et al. 2025 do between vLLM and FSDP; nothing
else of PPO's). Temperature and top-k are the sampler's. Answers of advantage zero add nothing and
are skipped, but their tokens still count in the denominator.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pipeline.model import Transformer
from pipeline.rl.rollouts import Rollout
from pipeline.training.loss import Drawn, fused_cross_entropy


class PolicyBatch(NamedTuple):
    """Answers as right-padded rows, (B, T) but for `advantages` (B,)."""

    tokens: Tensor  # int64, prompt and answer without the last token
    targets: Tensor  # int64, the next token of each position
    mask: Tensor  # bool, true where the target belongs to the answer, its stop token included
    advantages: Tensor  # float32
    sampled: Tensor  # float32, the target's log-probability when it was drawn; 0 outside the mask


def collate(rollouts: Sequence[Rollout], device: torch.device | str = "cpu") -> PolicyBatch:
    """Rollouts as one padded batch."""
    longest = max(len(r.prompt) + len(r.tokens) for r in rollouts) - 1
    tokens = torch.zeros(len(rollouts), longest, dtype=torch.int64)
    targets = torch.zeros(len(rollouts), longest, dtype=torch.int64)
    mask = torch.zeros(len(rollouts), longest, dtype=torch.bool)
    sampled = torch.zeros(len(rollouts), longest)
    for row, r in enumerate(rollouts):
        sequence = torch.tensor(r.prompt + r.tokens)
        end = len(sequence) - 1
        tokens[row, :end] = sequence[:-1]
        targets[row, :end] = sequence[1:]
        mask[row, len(r.prompt) - 1 : end] = True
        sampled[row, len(r.prompt) - 1 : end] = torch.tensor(r.logprobs)
    advantages = torch.tensor([r.advantage for r in rollouts], dtype=torch.float32)
    return PolicyBatch(*(t.to(device) for t in (tokens, targets, mask, advantages, sampled)))


def policy_loss(
    model: Transformer,
    batch: PolicyBatch,
    *,
    temperature: float,
    top_k: int,
    ratio_limit: float,
    chunk_tokens: int,
) -> tuple[Tensor, Tensor]:
    """(minus the sum of advantage * ratio * log pi, minus log pi of each answer token (N,)).

    The head sees those tokens only, `chunk_tokens` of them at a time. A token that the sampler's
    top-k held and the trainer's doesn't has ratio 0: it is left out.
    """
    hidden, head, bias = model.read(batch.tokens)
    mask = batch.mask
    drawn = Drawn(batch.sampled[mask], temperature, top_k, ratio_limit)
    gains = batch.advantages[:, None].expand(mask.shape)[mask]
    return fused_cross_entropy(
        hidden[mask], head, batch.targets[mask], gains, chunk_tokens, bias, drawn
    )


def policy_terms(
    model: Transformer,
    rollouts: Sequence[Rollout],
    *,
    temperature: float,
    top_k: int,
    ratio_limit: float,
    micro_rows: int,
    chunk_tokens: int,
) -> list[Callable[[], Tensor]]:
    """Of each micro-batch of answers that teach something, a function that gives its loss."""

    def term(part: Sequence[Rollout]) -> Tensor:
        return policy_loss(
            model,
            collate(part, model.device),
            temperature=temperature,
            top_k=top_k,
            ratio_limit=ratio_limit,
            chunk_tokens=chunk_tokens,
        )[0]

    return [functools.partial(term, part) for part in _micro_batches(rollouts, micro_rows)]


def _micro_batches(rollouts: Sequence[Rollout], rows: int) -> Iterator[list[Rollout]]:
    """Those that teach something, by length so that little is padding."""
    useful = [r for r in rollouts if r.advantage != 0.0]
    useful.sort(key=lambda r: len(r.prompt) + len(r.tokens))  # a stable sort: same order each run
    for start in range(0, len(useful), rows):
        yield useful[start : start + rows]
