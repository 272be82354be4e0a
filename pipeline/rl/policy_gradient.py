"""The policy gradient: answers with advantages in, the terms of a step's loss out.

loss = - sum over answers and their tokens of advantage * ratio * log pi(token), divided by the
number of tokens of the whole batch (token-level normalisation, as DAPO's, arXiv 2503.14476: long
and short answers weigh by their tokens). There is one update a batch, but the policy that drew is
not to the bit the one that learns: the sampler multiplies by other kernels, which round elsewhere
in bf16. So each token counts by its importance, ratio = pi(token) / sampler(token), a constant for
the gradient and cut at `ratio_limit` (truncated importance sampling, as Yao et al. 2025 do between
vLLM and FSDP; nothing else of PPO, arXiv 1707.06347). Temperature and top-k are the sampler's.
Answers of advantage zero add nothing and are skipped, but their tokens still count in the
denominator.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pipeline.model import Transformer
from pipeline.rl.rollouts import Rollout
from pipeline.training import lanes
from pipeline.training.loss import Drawn, fused_cross_entropy


class PolicyBatch(NamedTuple):
    """Answers as right-padded rows."""

    tokens: Tensor  # [batch, seq] int64, prompt and answer without the last token
    targets: Tensor  # [batch, seq] int64, the next token of each position
    # [batch, seq] bool, whether the policy drew the target: the answer's, its stop token included,
    # but for tools' outputs
    mask: Tensor
    advantages: Tensor  # [batch] float32
    sampled: Tensor  # [batch, seq] float32, log-probability when drawn; 0 outside the mask


def collate(rollouts: Sequence[Rollout], device: torch.device | str = "cpu") -> PolicyBatch:
    """Rollouts as one padded batch on a device."""
    longest = max(len(r.prompt) + len(r.tokens) for r in rollouts) - 1
    tokens = torch.zeros(len(rollouts), longest, dtype=torch.int64)
    targets = torch.zeros(len(rollouts), longest, dtype=torch.int64)
    mask = torch.zeros(len(rollouts), longest, dtype=torch.bool)
    sampled = torch.zeros(len(rollouts), longest)
    for row, r in enumerate(rollouts):
        sequence = torch.tensor(r.prompt + r.tokens)  # [seq + 1]
        end = len(sequence) - 1
        tokens[row, :end] = sequence[:-1]
        targets[row, :end] = sequence[1:]
        mask[row, len(r.prompt) - 1 : end] = torch.tensor(r.drawn) if r.drawn else True
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
) -> tuple[Tensor, Tensor]:  # [], [answer tokens]
    """The summed loss of a batch, from which gradients flow, and the nats of its answer tokens.

    The head sees those tokens only. A token that the sampler's top-k held and the trainer's doesn't
    has ratio 0: it is left out.

    Args:
        model: the policy, on the batch's device.
        batch: answers.
        temperature: the sampler's.
        top_k: the sampler's; 0: all tokens.
        ratio_limit: of the importance.
        chunk_tokens: tokens whose logits exist at the same time.

    Returns:
        Minus the sum of advantage * ratio * log pi, and minus log pi of each answer token.
    """
    hidden, head, bias = model.read(batch.tokens)  # [batch, seq, width], [vocab, width], [vocab]
    mask = batch.mask
    drawn = Drawn(batch.sampled[mask], temperature, top_k, ratio_limit)
    gains = batch.advantages[:, None].expand(mask.shape)[mask]  # [answer tokens]
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
    """The terms of a step's loss: micro-batches of answers that have an advantage, by lanes.

    Args:
        model: the policy.
        rollouts: this process' answers.
        temperature: the sampler's.
        top_k: the sampler's.
        ratio_limit: of the importance.
        micro_rows: answers that are read at the same time, by all lanes together.
        chunk_tokens: tokens whose logits exist at the same time.
    """

    def term(part: Sequence[Rollout]) -> Tensor:
        return policy_loss(
            model,
            collate(part, model.device),
            temperature=temperature,
            top_k=top_k,
            ratio_limit=ratio_limit,
            chunk_tokens=chunk_tokens,
        )[0]

    count = lanes.count(model, model.device)
    # Every so many-th answer: the lanes' answers are of like length.
    parts = (
        part[lane::count] for part in _micro_batches(rollouts, micro_rows) for lane in range(count)
    )
    return [functools.partial(term, part) for part in parts if part]


def _micro_batches(rollouts: Sequence[Rollout], rows: int) -> Iterator[list[Rollout]]:
    """Answers that have an advantage, by length so that little is padding."""
    useful = [r for r in rollouts if r.advantage != 0.0]
    useful.sort(key=lambda r: len(r.prompt) + len(r.tokens))  # a stable sort: same order each run
    for start in range(0, len(useful), rows):
        yield useful[start : start + rows]
