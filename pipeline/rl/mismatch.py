"""Sampler against trainer: by how many nats the two say another log-probability of one token.

In: of each micro-batch the log-probabilities that the loss has computed anyway. Out: figures of the
step over all processes, and an error where the two can't be the same policy. A temperature that the
trainer forgets, a truncation that it doesn't renormalise, weights that the sampler has not got yet:
each trains on, quietly, towards another goal (TRL #4159, #3029 and #6789, NeMo-RL #935).
"""

import dataclasses

import torch
from torch import Tensor

from pipeline.training import distribution
from storage.errors import UserError

# With top-k a rounding error decides which of two tokens is the k-th: the others' probabilities
# then differ by what that one weighs. Real tokens hardly ever tie, so more than these are wrong.
MOST_TIED = 0.01


@dataclasses.dataclass(frozen=True)
class MismatchFigures:
    """Of one step, over all processes."""

    tokens: float  # that were learned from
    apart: float  # the sum of their differences, nats; of those that the trainer can draw
    beyond: float  # tokens that are further apart than the limit
    clipped: float  # tokens whose ratio met its bound
    largest: float  # difference

    def logged(self) -> dict[str, float]:
        """By columns of METRICS."""
        return {
            "mismatch_max": self.largest,
            "mismatch_mean": self.apart / self.tokens,
            "clipped_share": self.clipped / self.tokens,
        }

    def check(self, limit: float, top_k: int) -> None:
        """Refuse to go on where sampler and trainer are not one policy.

        Args:
            limit: as `Mismatch`'s.
            top_k: of the sampler.

        Raises:
            UserError: they aren't.
        """
        share = self.beyond / self.tokens
        if share > (MOST_TIED if top_k else 0.0):
            raise UserError(
                f"rl: sampler and trainer disagree by up to {self.largest:.1e} nats on a token,"
                f" {share:.1%} of them by more than {limit:g}: what is learned is not what was"
                " drawn; look at temperature, top_k and the engine, or set rl.mismatch_limit=0"
            )


class Mismatch:
    """What the terms of one step found.

    Args:
        limit: nats beyond which a token's two log-probabilities are not the same.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._parts: dict[int, Tensor] = {}  # by term, each [5]

    def note(self, term: int, nats: Tensor, sampled: Tensor, clipped: Tensor) -> None:
        """Keep the figures of a term; terms may run side by side.

        Args:
            term: its number.
            nats: [tokens] minus the trainer's log-probabilities; infinite: it can't draw that one.
            sampled: [tokens] the sampler's.
            clipped: [tokens] bool, whether the ratio met its bound.
        """
        apart = (nats + sampled).abs().double()
        # Of a loss that is NaN the loop takes care.
        apart, clipped = apart[~apart.isnan()], clipped[~apart.isnan()]
        finite = torch.where(apart.isfinite(), apart, 0.0)
        self._parts[term] = torch.stack(
            [
                torch.ones_like(apart).sum(),
                finite.sum(),
                (apart > self._limit).double().sum(),
                clipped.double().sum(),
                torch.cat([finite, finite.new_zeros(1)]).max(),
            ]
        )

    def figures(self, device: torch.device) -> MismatchFigures | None:
        """Over all terms and processes; None where no answer taught anything.

        Every process must ask.

        Args:
            device: of the messages.
        """
        parts = [self._parts[term].tolist() for term in sorted(self._parts)]
        largest = [0.0] * distribution.world()
        largest[distribution.rank()] = max((part[-1] for part in parts), default=0.0)
        sums = [float(sum(part[column] for part in parts)) for column in range(4)]
        summed = distribution.sum_numbers([*sums, *largest], device)
        tokens, apart, beyond, clipped, *largest = summed
        return MismatchFigures(tokens, apart, beyond, clipped, max(largest)) if tokens else None
