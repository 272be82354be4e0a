"""Policy-gradient objectives taken apart: advantage, treatment of the ratio, aggregation.

Which part each objective takes stands in `OBJECTIVES`. The advantage is made in `rollouts`, a
token's loss and slope in `token_losses`, a model's gradient of them in `policy_gradient`. The ratio
is always that of the trained policy to the *sampler*: no third policy is kept.

With w = pi / mu of a token, s = (pi / mu)^(1 / length) of an answer, and A its advantage:

    advantage    centred       A = r - mean(r)
                 standardised  A = (r - mean(r)) / std(r)
                 relative      A = (r - mean(r)) / mean(r)
    ratio        truncated     - A * detach(min(w, limit)) * log pi
                 clipped       - min(A * w, A * clip(w, 1 - low, 1 + high))
                 sequence      - min(A * s, A * clip(s, 1 - low, 1 + high)), once for an answer
                 plain         - A * log pi: of answers that somebody else wrote, without a ratio
    aggregation  tokens        mean over the tokens of all answers
                 answers       mean over an answer's tokens, then over answers
                 constant      sum over all tokens / (answers * the most tokens one may have)

Where trainer and sampler agree w = s = 1, and all treatments have the gradient of - A log pi.
"""

import dataclasses
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class Objective:
    """One choice of each part, and how far the ratio may go, as published."""

    advantage: str
    ratio: str
    aggregation: str
    clip_low: float = 0.0
    clip_high: float = 0.0

    def bounds(self, limit: float, low: float, high: float) -> "RatioBounds":
        """How far its ratio may go.

        Args:
            limit: of a truncated one.
            low: of the others; 0: as published.
            high: likewise.
        """
        return RatioBounds(limit, low or self.clip_low, high or self.clip_high)

    @property
    def clips(self) -> bool:
        """Whether it has bounds beyond which a token teaches nothing."""
        return self.ratio in ("clipped", "sequence")


OBJECTIVES = {
    # REINFORCE (Williams 1992) with the group's mean as baseline (RLOO, arXiv 2402.14740, but for a
    # factor), DAPO's mean over tokens, and truncated importance sampling (Yao et al. 2025)
    "reinforce": Objective("centred", "truncated", "tokens"),
    "grpo": Objective(
        "standardised", "clipped", "answers", 0.2, 0.2
    ),  # arXiv 2402.03300, without KL
    "dr_grpo": Objective("centred", "clipped", "constant", 0.2, 0.2),  # arXiv 2503.20783
    "dapo": Objective("standardised", "clipped", "tokens", 0.2, 0.28),  # arXiv 2503.14476
    # arXiv 2506.13585: its clipped, detached weight is truncated importance sampling
    "cispo": Objective("standardised", "truncated", "tokens"),
    "gspo": Objective("standardised", "sequence", "answers", 3e-4, 4e-4),  # arXiv 2507.18071
    "max_rl": Objective("relative", "truncated", "tokens"),  # arXiv 2602.02710
}


class RatioBounds(NamedTuple):
    """How far a ratio may go."""

    limit: float  # of `truncated`
    low: float = 0.0  # of the others: clip(w, 1 - low, 1 + high)
    high: float = 0.0


def token_weight(aggregation: str, length: int) -> float:
    """What each token of an answer of so many counts in the sum that `normalizer` divides."""
    return 1.0 / length if aggregation == "answers" else 1.0


def normalizer(aggregation: str, answers: int, tokens: int, max_tokens: int) -> float:
    """What a batch's sum is divided by.

    Args:
        aggregation: tokens, answers or constant.
        answers: of the batch, over all processes.
        tokens: of all of them.
        max_tokens: that an answer may have.
    """
    sizes = {"tokens": tokens, "answers": answers, "constant": answers * max_tokens}
    return float(sizes[aggregation])
