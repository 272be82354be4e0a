"""The loss of a reward model's step, from pairs: -log sigmoid of the distance, and centring.

In: a reward model and this step's pairs. Out: a `StepLoss`. Of a winner's score w and a loser's l a
pair costs -log sigmoid(w - l) + c (w + l)^2 (Bradley and Terry 1952; the centring is TRL's); a tie
costs half of what each outcome would, so that it learns to be near zero. Pairs of one prompt come
in one batch and each of their answers is read once (as Ouyang et al. 2022, arXiv 2203.02155, 3.5).
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model.config import ModelConfig, training_flops
from pipeline.preferences.preference_pairs import TokenPair
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.preferences.reward_model import RewardModel, padded
from pipeline.training import distribution, lanes
from pipeline.training.step import StepLoss


class PairBatches:
    """Pairs in a random order for each epoch, from (seed, epoch); a batch is one of its number.

    The order is one of prompts: pairs of a prompt follow each other.

    Args:
        pairs: one at least.
        size: pairs of a batch; the batch that ends an epoch goes on with the next one.
        seed: of the orders.
    """

    def __init__(self, pairs: Sequence[TokenPair], size: int, seed: int) -> None:
        self._pairs = list(pairs)
        self._size = size
        self._seed = seed
        by_prompt: dict[str, list[int]] = {}
        for place, pair in enumerate(self._pairs):
            by_prompt.setdefault(pair.prompt, []).append(place)
        self._groups = list(by_prompt.values())
        self._order = functools.lru_cache(maxsize=2)(self._draw)

    def batch(self, number: int) -> list[TokenPair]:
        """The pairs of a batch, over all processes."""
        first = number * self._size
        places = (divmod(at, len(self._pairs)) for at in range(first, first + self._size))
        return [self._pairs[self._order(epoch)[place]] for epoch, place in places]

    def _draw(self, epoch: int) -> list[int]:
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._groups)).tolist()
        return [place for group in order for place in self._groups[group]]


def pair_losses(
    chosen: Tensor,  # [pairs] float32
    rejected: Tensor,  # [pairs] float32
    ties: Tensor,  # [pairs] bool
    centring: float,
) -> Tensor:  # [pairs]
    """What each pair costs, in nats."""
    distance = chosen - rejected
    won = -F.logsigmoid(distance)
    halved = 0.5 * (won - F.logsigmoid(-distance))
    return torch.where(ties, halved, won) + centring * (chosen + rejected).square()


def pair_step_loss(
    model: RewardModel, pairs: Sequence[TokenPair], config: RewardModelConfig
) -> StepLoss:
    """The loss of this process' share of a batch, in nats a pair.

    Args:
        model: on its device.
        pairs: of the batch, over all processes.
        config: how many are read at once, and the centring.
    """
    rank, share = distribution.rank(), len(pairs) // distribution.world()
    own = pairs[rank * share : (rank + 1) * share]

    def term(part: Sequence[TokenPair]) -> Tensor:
        chosen, rejected = _scores(model, part)
        ties = torch.tensor([pair.tie for pair in part], device=model.device)
        return pair_losses(chosen, rejected, ties, config.centring).sum()

    parts = _micro_batches(own, config.micro_pairs, lanes.count(model, model.device))
    talks = {(*pair.chosen,): 0 for pair in pairs} | {(*pair.rejected,): 0 for pair in pairs}
    tokens = sum(map(len, talks))
    terms: list[Callable[[], Tensor]] = [functools.partial(term, part) for part in parts]
    return StepLoss(
        terms,
        normalizer=len(pairs),
        tokens=tokens,
        flops_per_token=_flops_per_token(model.config, tokens // len(talks)),
    )


def _scores(
    model: RewardModel, pairs: Sequence[TokenPair]
) -> tuple[Tensor, Tensor]:  # [pairs], [pairs]
    """The scores of winners and losers; an answer of several pairs is read once."""
    places: dict[tuple[int, ...], int] = {}
    rows = [
        [places.setdefault((*ids,), len(places)) for ids in (pair.chosen, pair.rejected)]
        for pair in pairs
    ]
    scores = model.rewards(*padded(list(places), model.device))
    chosen, rejected = scores[torch.tensor(rows, device=model.device)].unbind(1)
    return chosen, rejected


def _micro_batches(
    pairs: Sequence[TokenPair], size: int, count: int
) -> Iterator[Sequence[TokenPair]]:
    """Pairs of like length, so that little is padding, and shared out over lanes by prompt.

    Args:
        pairs: of this process.
        size: pairs that all lanes together read at the same time, about.
        count: lanes.
    """
    groups: dict[str, list[TokenPair]] = {}
    for pair in pairs:
        groups.setdefault(pair.prompt, []).append(pair)
    ordered = sorted(groups.values(), key=lambda group: max(pair.longer for pair in group))
    start = 0
    while start < len(ordered):
        end, held = start, 0
        while end < len(ordered) and (end == start or held + len(ordered[end]) <= size):
            held += len(ordered[end])
            end += 1
        for lane in range(count):
            part = [pair for group in ordered[start:end][lane::count] for pair in group]
            if part:
                yield part
        start = end


def _flops_per_token(config: ModelConfig, context: int) -> int:
    """Of a training step on conversations of `context` tokens: no language head is multiplied."""
    matrices = config.matrix_parameters - config.vocab_size * config.width
    return training_flops(matrices, config.layers, config.heads * config.head_dim, context)
