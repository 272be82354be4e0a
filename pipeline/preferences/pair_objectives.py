"""DPO, IPO and KTO: log ratios of chosen and rejected answers in, the slope of each answer out.

With l = log pi(answer) - log ref(answer), d = l_chosen - l_rejected and S the logistic function:

    dpo   loss  -log S(beta d)                                 Rafailov et al., arXiv 2305.18290
          slope chosen  beta S(-beta d),  rejected  minus that
    ipo   loss  (m - 1 / (2 beta))^2, m = l_chosen / tokens - l_rejected / tokens
          slope chosen  -2 (m - 1 / (2 beta)) / its tokens,  rejected  the opposite by its tokens
                                                               Azar et al., arXiv 2310.12036
    kto   loss  w_d (1 - S(beta (l_chosen - z))) + w_u (1 - S(beta (z - l_rejected)))
          slope chosen  w_d beta S S',  rejected  -w_u beta S S', with S' = 1 - S
                                                               Ethayarajh et al., arXiv 2402.01306

A slope is minus the loss's derivative by log pi(answer). IPO is per token, as its authors say and
as TRL has it. KTO's z, the reference point, is the mean of l over prompts with *another* prompt's
answer, at least 0, a constant for the gradient. Losses are means: of dpo and ipo over pairs, of kto
over answers.
"""

from typing import NamedTuple

import numpy as np

PAIR_OBJECTIVES = ("dpo", "ipo", "kto")


class PairSlopes(NamedTuple):
    """What each objective gives."""

    chosen: np.ndarray  # [pairs] the slopes
    rejected: np.ndarray  # [pairs]
    losses: np.ndarray  # [pairs], kto: the sum of both answers'
    divisor: int  # that the loss is a mean over


def dpo(chosen: np.ndarray, rejected: np.ndarray, beta: float) -> PairSlopes:
    """Direct preference optimisation.

    Args:
        chosen: [pairs] log ratios, nats.
        rejected: likewise.
        beta: of the KL that it stands for.
    """
    margins = beta * (chosen - rejected)
    pushes = beta * _logistic(-margins)
    return PairSlopes(pushes, -pushes, np.logaddexp(0.0, -margins), len(chosen))


def ipo(
    chosen: np.ndarray,
    rejected: np.ndarray,
    beta: float,
    chosen_tokens: np.ndarray,
    rejected_tokens: np.ndarray,
) -> PairSlopes:
    """Identity preference optimisation.

    Args:
        chosen: [pairs] log ratios, nats.
        rejected: likewise.
        beta: the margin's goal is 1 / (2 beta) nats a token.
        chosen_tokens: [pairs] of each answer, at least 1.
        rejected_tokens: likewise.
    """
    short = chosen / chosen_tokens - rejected / rejected_tokens - 1.0 / (2.0 * beta)
    return PairSlopes(
        -2.0 * short / chosen_tokens, 2.0 * short / rejected_tokens, short**2, len(chosen)
    )


def kto(
    chosen: np.ndarray,
    rejected: np.ndarray,
    beta: float,
    point: float,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> PairSlopes:
    """Kahneman-Tversky optimisation, a pair being one desirable and one undesirable answer.

    Args:
        chosen: [pairs] log ratios, nats.
        rejected: likewise.
        beta: how soon a gain is worth no more.
        point: from `reference_point`.
        desirable_weight: of chosen answers.
        undesirable_weight: of rejected ones.
    """
    won, lost = _logistic(beta * (chosen - point)), _logistic(beta * (point - rejected))
    losses = desirable_weight * (1.0 - won) + undesirable_weight * (1.0 - lost)
    return PairSlopes(
        desirable_weight * beta * won * (1.0 - won),
        -undesirable_weight * beta * lost * (1.0 - lost),
        losses,
        2 * len(chosen),
    )


def reference_point(mismatched: np.ndarray) -> float:
    """KTO's z.

    Args:
        mismatched: log ratios of prompts' answers to other prompts, nats.
    """
    return max(0.0, float(mismatched.mean())) if mismatched.size else 0.0


def _logistic(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.exp(-np.logaddexp(0.0, -values))
    return found
