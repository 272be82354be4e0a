"""Log-probabilities of whole answers, under the policy and under its reference alike.

In: a model and answers as token ids. Out: of each the sum of its tokens' log-probabilities, and
from two models the log ratios that every divergence is made of. Both models are read by one code
path, at the sampler's temperature and top-k: two paths, or one of them at temperature 1, give a
ratio that is no ratio of policies, and nothing fails (the field's most frequent silent mistake).
Equal models give a ratio of exactly 0, since equal batches are rounded alike. A policy that is sure
of itself says the same again and again: equal answers are read once.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import torch

from pipeline.model import Transformer
from pipeline.rl.kept_answers import Answers, KeptAnswer
from pipeline.rl.policy_gradient import collate, micro_batches
from pipeline.rl.rollouts import Rollout
from pipeline.training import lanes
from pipeline.training.loss import Drawn, fused_cross_entropy

AnswerKey = tuple[tuple[int, ...], tuple[int, ...], tuple[bool, ...]]


def answer_logprobs(
    model: Transformer,
    answers: Answers,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    micro_rows: int = 96,
    chunk_tokens: int = 1024,
) -> np.ndarray:  # [answers] float64
    """Nats of each answer, of the tokens that a policy drew; -infinity: the model can't say it.

    Args:
        model: any that reads these tokens.
        answers: their advantages and log-probabilities don't matter.
        temperature: of the sampler.
        top_k: likewise; 0: all tokens.
        micro_rows: answers that are read at the same time, by all lanes together.
        chunk_tokens: positions whose logits exist at the same time.
    """
    places: dict[AnswerKey, int] = {}  # of different answers
    which = [places.setdefault(answer_key(answer), len(places)) for answer in answers]
    first = dict(zip(reversed(which), reversed(answers)))
    numbered = [
        KeptAnswer(place, answer.prompt, answer.tokens, answer.logprobs, 0.0, answer.drawn)
        for place, answer in sorted(first.items())
    ]
    count = lanes.count(model, model.device)
    parts = list(micro_batches(numbered, micro_rows, count))
    read = functools.partial(_nats, model, temperature, top_k, chunk_tokens)
    found = np.zeros(len(numbered))
    training = model.training
    model.eval()  # a compiled training step rounds elsewhere than a reference that isn't trained
    sums = lanes.run([functools.partial(read, part) for part in parts], count)
    model.train(training)
    for part, nats in zip(parts, sums):
        found[[answer.group for answer in part]] = -nats
    return found[which] if which else found


def answer_key(answer: Rollout | KeptAnswer) -> AnswerKey:
    """What equal answers to equal prompts have in common."""
    return tuple(answer.prompt), tuple(answer.tokens), tuple(answer.drawn)


def merged(answers: Sequence[KeptAnswer]) -> list[KeptAnswer]:
    """Different answers, in order of their first ones, with the sums of their advantages.

    The gradient is a sum over answers, so that of the merged ones is the same.
    """
    found: dict[AnswerKey, KeptAnswer] = {}
    for answer in answers:
        key = answer_key(answer)
        before = found.get(key)
        advantage = answer.advantage + (before.advantage if before else 0.0)
        found[key] = dataclasses.replace(before or answer, advantage=advantage)
    return list(found.values())


def log_ratios(
    policy: Transformer,
    reference: Transformer,
    answers: Answers,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    micro_rows: int = 96,
    chunk_tokens: int = 1024,
) -> np.ndarray:  # [answers] float64
    """log policy(answer) - log reference(answer); infinite: the reference can't say it.

    An answer that the sampler's top-k held and the policy's, read anew, doesn't (which of two equal
    tokens is the k-th a rounding error decides) counts as the sampler had it.
    """
    of = functools.partial(
        answer_logprobs,
        answers=answers,
        temperature=temperature,
        top_k=top_k,
        micro_rows=micro_rows,
        chunk_tokens=chunk_tokens,
    )
    ours, theirs = of(policy), of(reference)
    drawn = np.array([sum(answer.logprobs) for answer in answers])
    ours = np.where(np.isneginf(ours), drawn, ours)
    found: np.ndarray = ours - theirs
    return found


def _nats(
    model: Transformer, temperature: float, top_k: int, chunk_tokens: int, part: Answers
) -> np.ndarray:  # [answers]
    """Minus the log-probability of each answer."""
    batch = collate(part, model.device)
    with torch.no_grad():  # also in a lane, which is a thread of its own
        hidden, head, bias = model.read(batch.tokens)
        used, targets = hidden[batch.mask], batch.targets[batch.mask]
        sampled = batch.sampled[batch.mask]
        drawn = Drawn(sampled, temperature, top_k, weighed=True)
        ones = torch.ones_like(sampled)
        _, nats = fused_cross_entropy(used, head, targets, ones, chunk_tokens, bias, drawn)
        rows = batch.mask.nonzero()[:, 0]
        sums = torch.zeros(len(part), dtype=torch.float64, device=nats.device)
        sums.index_add_(0, rows, nats.double())
    summed: np.ndarray = sums.cpu().numpy()
    return summed
