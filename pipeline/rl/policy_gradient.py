"""The policy gradient: answers with advantages in, the terms of a step's loss out.

loss = sum over answers and their tokens of what `objectives` says, divided by a normalizer of the
whole batch. The policy that drew is not to the bit the one that learns: the sampler multiplies by
other kernels, which round elsewhere in bf16, and with several updates a batch it is an earlier one.
So each token counts by its ratio, pi(token) / sampler(token). In the default objective that is a
constant for the gradient, cut at `ratio_limit` (truncated importance sampling, as Yao et al. 2025
do between vLLM and FSDP), and one pass over the logits makes loss and slopes. The others need the
ratios first: a pass for log-probabilities, then one for slopes, both over chunks of tokens.
Temperature and top-k are the sampler's. Answers of advantage zero add nothing and are skipped, but
they still count in the denominator.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pipeline.model import Transformer
from pipeline.rl.kept_answers import Answers
from pipeline.rl.mismatch import Mismatch
from pipeline.rl.objectives import OBJECTIVES, Objective, RatioBounds, token_weight
from pipeline.rl.token_losses import token_losses
from pipeline.training import lanes
from pipeline.training.loss import Drawn, fused_cross_entropy


class PolicyBatch(NamedTuple):
    """Answers as right-padded rows."""

    tokens: Tensor  # [batch, seq] int64, prompt and answer without the last token
    targets: Tensor  # [batch, seq] int64, the next token of each position
    # [batch, seq] bool, whether the policy drew the target: the answer's, its stop token included,
    # but for tools' outputs
    mask: Tensor
    gains: Tensor  # [batch] float32, the advantage times what each of its tokens counts
    sampled: Tensor  # [batch, seq] float32, log-probability when drawn; 0 outside the mask


def collate(
    rollouts: Answers, device: torch.device | str = "cpu", aggregation: str = "tokens"
) -> PolicyBatch:
    """Answers as one padded batch on a device."""
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
    gains = [r.advantage * token_weight(aggregation, r.length) for r in rollouts]
    whole = (tokens, targets, mask, torch.tensor(gains, dtype=torch.float32), sampled)
    return PolicyBatch(*(t.to(device) for t in whole))


@dataclasses.dataclass(frozen=True)
class UpdateRule:
    """How a batch's answers become a gradient."""

    temperature: float  # the sampler's
    top_k: int  # the sampler's; 0: all tokens
    bounds: RatioBounds  # of the ratio
    chunk_tokens: int  # whose logits exist at the same time
    objective: Objective = OBJECTIVES["reinforce"]


class PolicyLoss(NamedTuple):
    """What `policy_loss` gives."""

    total: Tensor  # [] the summed loss, from which gradients flow
    nats: Tensor  # [answer tokens] minus log pi
    clipped: Tensor  # [answer tokens] bool, whether the ratio met its bound


def policy_loss(model: Transformer, batch: PolicyBatch, rule: UpdateRule) -> PolicyLoss:
    """The loss of a batch; the head sees the answers' tokens only.

    A token that the sampler's top-k held and the trainer's doesn't is left out.

    Args:
        model: the policy, on the batch's device.
        batch: answers.
        rule: of the update.
    """
    hidden, head, bias = model.read(batch.tokens)  # [batch, seq, width], [vocab, width], [vocab]
    mask, bounds = batch.mask, rule.bounds
    sampled = batch.sampled[mask]  # [answer tokens], as are the next ones
    gains = batch.gains[:, None].expand(mask.shape)[mask]
    used, targets = hidden[mask], batch.targets[mask]
    drawn = Drawn(sampled, rule.temperature, rule.top_k, bounds.limit)
    chunk = rule.chunk_tokens
    if rule.objective.ratio == "truncated":  # the loss itself makes these slopes
        total, nats = fused_cross_entropy(used, head, targets, gains, chunk, bias, drawn)
        return PolicyLoss(total, nats, (-nats - sampled).exp() > bounds.limit)
    if rule.objective.ratio == "plain":
        drawn = drawn._replace(weighed=True)
        total, nats = fused_cross_entropy(used, head, targets, gains, chunk, bias, drawn)
        return PolicyLoss(total, nats, torch.zeros_like(nats, dtype=torch.bool))
    with torch.no_grad():
        ones = torch.ones_like(gains)
        _, nats = fused_cross_entropy(used, head, targets, ones, chunk, bias, drawn)
        rows = mask.nonzero()[:, 0]
        found = token_losses(rule.objective.ratio, -nats, sampled, gains, rows, bounds)
    weighed = drawn._replace(weighed=True)
    total, _ = fused_cross_entropy(used, head, targets, found.slopes, chunk, bias, weighed)
    # The slopes are those of the loss; its value is another.
    return PolicyLoss(total - total.detach() + found.values.sum(), nats, found.clipped)


def policy_terms(
    model: Transformer,
    rollouts: Answers,
    rule: UpdateRule,
    micro_rows: int,
    mismatch: Mismatch | None = None,
) -> list[Callable[[], Tensor]]:
    """The terms of a step's loss: micro-batches of answers that have an advantage, by lanes.

    Args:
        model: the policy.
        rollouts: this process' answers.
        rule: of the update.
        micro_rows: answers that are read at the same time, by all lanes together.
        mismatch: is told how far trainer and sampler are apart.
    """

    def term(number: int, part: Answers) -> Tensor:
        batch = collate(part, model.device, rule.objective.aggregation)
        found = policy_loss(model, batch, rule)
        if mismatch is not None:
            mismatch.note(number, found.nats, batch.sampled[batch.mask], found.clipped)
        return found.total

    useful = [answer for answer in rollouts if answer.advantage != 0.0]
    parts = micro_batches(useful, micro_rows, lanes.count(model, model.device))
    return [functools.partial(term, number, part) for number, part in enumerate(parts)]


def micro_batches(rollouts: Answers, rows: int, count: int) -> Iterator[Answers]:
    """Answers by length, so that little is padding, and shared out over lanes.

    Args:
        rollouts: in any order.
        rows: answers that all lanes together read at the same time.
        count: lanes. Each takes every so many-th answer: theirs are of like length.
    """
    # a stable sort: the same order in each run
    ordered = sorted(rollouts, key=lambda r: len(r.prompt) + len(r.tokens))
    for start in range(0, len(ordered), rows):
        parts = (ordered[start : start + rows][lane::count] for lane in range(count))
        yield from filter(None, parts)
