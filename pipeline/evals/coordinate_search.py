"""Tokens that make a model say something: greedy coordinate search by its gradients.

In: a model, the tokens around a gap, what the model shall say. Out: tokens for the gap under which
that is most probable. Each step replaces one token: the gradient at the gap's embeddings names
replacements that should raise the probability, some of them drawn at random are tried, and the best
goes on (GCG, arXiv:2307.15043, algorithm 1; there 512 candidates, 500 steps, 256 tokens a place).
"""

import dataclasses
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import Transformer
from pipeline.model.engine import Moved, unwatched
from pipeline.model.weights import Weights

DRAWS = 4  # of replacements, for each candidate that is wanted: many are no text's tokens


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """How long is searched, and how widely."""

    steps: int
    candidates: int  # tried a step
    top: int = 64  # tokens of a place that candidates are drawn from


@dataclasses.dataclass(frozen=True)
class SoughtTokens:
    """The best tokens that were found."""

    tokens: tuple[int, ...]
    loss: float  # nats a token of what the model shall say
    reached: bool  # whether the model says it, greedily
    steps: int


def search(
    model: Transformer,
    before: Sequence[int],
    start: Sequence[int],
    after: Sequence[int],
    target: Sequence[int],
    *,
    usable: Tensor,  # [vocab] bool, anywhere: which tokens may stand in the gap
    is_text: Callable[[Sequence[int]], bool],
    settings: SearchSettings,
    seed: int = 0,
    moved: Moved = unwatched,
) -> SoughtTokens:
    """Search until the model says the target or the steps are used up.

    Args:
        model: without tables of n-grams, whose tokens have no gradient.
        before: tokens before the gap.
        start: in the gap, at first.
        after: tokens behind it.
        target: what the model shall say next.
        usable: see above.
        is_text: whether tokens in the gap are what the tokenizer makes of their text there.
        settings: how long.
        seed: of the draws.
        moved: called at each step.

    Raises:
        ValueError: the model has tables of n-grams, or the gap or the target is empty.
    """
    if model.config.ngram_rows:
        raise ValueError("a coordinate search needs a model without tables of n-grams")
    if not start or not target:
        raise ValueError("a coordinate search needs a gap and a target")
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draws on every device
    usable = usable.to(model.device)
    with torch.no_grad():
        weights = model.cast_weights()
    around = _Around(model, weights, tuple(before), tuple(after), tuple(target))
    current = torch.tensor([list(start)], device=model.device)
    losses, reached = around.judge(current)
    best = SoughtTokens(tuple(start), float(losses[0]), bool(reached[0]), 0)
    for step in range(1, settings.steps + 1):
        if best.reached:
            break
        moved("search")
        slopes = around.slopes(current[0]).masked_fill(~usable, torch.inf)
        tried = _candidates(current[0], slopes, is_text, settings, generator)
        if not len(tried):
            continue
        losses, reached = around.judge(tried)
        at = _best(losses, reached)
        current = tried[at : at + 1]
        if reached[at] or losses[at] < best.loss:
            found = tuple(current[0].tolist())
            best = SoughtTokens(found, float(losses[at]), bool(reached[at]), step)
    moved("")
    return best


@dataclasses.dataclass(frozen=True)
class _Around:
    """The model, what stands around the gap, and what it shall say."""

    model: Transformer
    weights: Weights
    before: tuple[int, ...]
    after: tuple[int, ...]
    target: tuple[int, ...]

    @torch.no_grad()
    def judge(
        self,
        gaps: Tensor,  # [candidates, gap]
    ) -> tuple[Tensor, Tensor]:  # [candidates] float32; [candidates] bool
        """Mean nats of the target's tokens, and whether each is the most probable one."""
        logits = self._logits(gaps, self.weights)
        wanted = self._ids(self.target).expand(len(gaps), -1)
        losses = F.cross_entropy(logits.transpose(1, 2), wanted, reduction="none").mean(dim=1)
        return losses, (logits.argmax(dim=-1) == wanted).all(dim=1)

    def slopes(
        self,
        gap: Tensor,  # [gap]
    ) -> Tensor:  # [gap, vocab]
        """How the loss changes with each token of each place, to first order.

        The gap's embeddings are rows of their own behind the table's, whose gradient is taken.
        """
        table = self.weights.embedding
        rows = table[gap].clone().requires_grad_()
        weights = dataclasses.replace(self.weights, embedding=torch.cat([table, rows]))
        own = torch.arange(len(table), len(table) + len(gap), device=table.device)
        with torch.enable_grad():
            logits = self._logits(own[None], weights)
            loss = F.cross_entropy(logits[0], self._ids(self.target))
            (slope,) = torch.autograd.grad(loss, [rows])
        return slope @ table.T

    def _logits(
        self,
        gaps: Tensor,  # [candidates, gap]
        weights: Weights,
    ) -> Tensor:  # [candidates, target, vocab] float32
        """Of the places before the target's tokens."""
        count = len(gaps)
        parts = [
            self._ids(self.before).expand(count, -1),
            gaps,
            self._ids((*self.after, *self.target[:-1])).expand(count, -1),
        ]
        hidden = self.model.hidden(torch.cat(parts, dim=1), weights=weights)
        return weights.logits(hidden[:, -len(self.target) :]).float()

    def _ids(self, tokens: Sequence[int]) -> Tensor:
        return torch.tensor(tokens, dtype=torch.int64, device=self.model.device)


def _best(losses: Tensor, reached: Tensor) -> int:
    """What is reached comes first, then the lowest loss; of equal ones the first."""
    return int(
        losses.masked_fill(~reached, torch.inf).argmin() if reached.any() else losses.argmin()
    )


def _candidates(
    current: Tensor,  # [gap]
    slopes: Tensor,  # [gap, vocab]
    is_text: Callable[[Sequence[int]], bool],
    settings: SearchSettings,
    generator: torch.Generator,
) -> Tensor:  # [candidates, gap]
    """The current tokens, each time with another one that promises most at some place."""
    promising = slopes.topk(min(settings.top, slopes.shape[1]), largest=False).indices
    draws = DRAWS * settings.candidates
    places, ranks = (
        torch.randint(most, (draws,), generator=generator, device="cpu").tolist()
        for most in promising.shape
    )
    tried: dict[tuple[int, ...], None] = {}
    for place, rank in zip(places, ranks):
        candidate = current.tolist()
        candidate[place] = int(promising[place, rank])
        if candidate != current.tolist() and is_text(candidate):
            tried[tuple(candidate)] = None
        if len(tried) == settings.candidates:
            break
    found = torch.tensor(list(tried), dtype=torch.int64, device=current.device)
    return found.reshape(len(tried), len(current))
