"""What optimising a proxy is guaranteed to gain in the true reward, and the coefficient for it.

In: the proxy's and the true rewards of answers that the *reference* drew. Out: their correlation r,
the proxy's standard deviation s, and lambda = s sqrt(1 - r^2), the coefficient of sqrt(chi2) that
no search has to find. As published they are of answers pooled over prompts. What a prompt adds to
all of its answers alike moves no policy, though, so that both theorems hold as well of rewards less
their mean under the reference, prompt by prompt: then r isn't watered down by prompts that the
proxy likes and the truth doesn't. With D = (E_pi[proxy] - E_ref[proxy]) / s and S the true
reward's standard deviation, any policy that the reference covers gains at least

    theorem    (S / r) [D - sqrt((1 - r^2) chi2)]            Theorem 5.1, Laidlaw et al., ICLR 2025
    tight      S [r D - sqrt(1 - r^2) sqrt(chi2 - D^2)]      Theorem 1, arXiv 2604.12086

The second is the least gain over all true rewards of that correlation, so nothing better can be
said; it has the first one's sign and is never below it. r that isn't positive promises nothing.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class ProxyFit:
    """How a proxy stands to the true reward on the reference's answers."""

    correlation: float  # r; 0 where the true reward is the same for all answers
    proxy_mean: float
    proxy_deviation: float  # s, in the proxy's units; above 0
    gold_mean: float  # the true reward's
    gold_deviation: float  # S; NaN as the mean, where only r is known
    answers: int

    @property
    def coefficient(self) -> float:
        """lambda, in the proxy's units.

        Raises:
            UserError: r isn't positive: no coefficient guarantees anything.
        """
        if not self.correlation > 0:
            raise UserError(
                f"the proxy's correlation with the true reward is {self.correlation:.3f} on"
                f" {self.answers:,} answers of the reference: not positive, so nothing is"
                " guaranteed and no coefficient follows; mend the reward model, or choose"
                " rlhf.coefficient yourself"
            )
        return self.proxy_deviation * math.sqrt(1.0 - self.correlation**2)


def fit(proxy: np.ndarray, gold: np.ndarray) -> ProxyFit:
    """r, s and the rest.

    Args:
        proxy: rewards of answers of the reference, of any shape.
        gold: their true rewards, likewise.

    Raises:
        UserError: the proxy likes all answers alike.
    """
    mean, deviation = _spread(proxy)
    gold_mean, gold_deviation = float(gold.mean()), float(gold.std())
    together = float(((proxy - mean) * (gold - gold_mean)).mean())
    r = together / (deviation * gold_deviation) if gold_deviation > 0 else 0.0
    return ProxyFit(min(1.0, max(-1.0, r)), mean, deviation, gold_mean, gold_deviation, proxy.size)


def fit_within_prompts(proxy: np.ndarray, gold: np.ndarray) -> ProxyFit:
    """The same of rewards less the mean of their prompt.

    Args:
        proxy: [prompts, answers] rewards of answers of the reference, two at least to a prompt.
        gold: their true rewards, likewise.

    Raises:
        UserError: the proxy likes all answers to any prompt alike.
    """
    centred = [values - values.mean(axis=1, keepdims=True) for values in (proxy, gold)]
    found = fit(*centred)
    answers = proxy.shape[1]
    unbiased = math.sqrt(answers / (answers - 1))  # the means are of the same answers
    return dataclasses.replace(
        found,
        proxy_mean=float(proxy.mean()),
        proxy_deviation=unbiased * found.proxy_deviation,
        gold_mean=float(gold.mean()),
        gold_deviation=unbiased * found.gold_deviation,
    )


def fit_by_agreement(proxy: np.ndarray, agreement: float) -> ProxyFit:
    """The same where the true reward is known by comparisons alone.

    r = sin(pi (agreement - 1/2)), Sheppard's formula for two rewards that are normal together. A
    rater's noise lowers the agreement, so that r is rather too small and lambda too large: careful.

    Args:
        proxy: [prompts, answers] rewards of answers of the reference, two at least to a prompt.
        agreement: share of labelled pairs, without ties, whose winner the proxy likes better. A
            pair is of one prompt, so that r is that within prompts.

    Raises:
        UserError: the proxy likes all answers to any prompt alike.
    """
    within = fit_within_prompts(proxy, np.zeros_like(proxy))
    r = math.sin(math.pi * (agreement - 0.5))
    return dataclasses.replace(within, correlation=r, gold_mean=math.nan, gold_deviation=math.nan)


def agreement(winners: np.ndarray | Sequence[float], losers: np.ndarray | Sequence[float]) -> float:
    """Share of pairs whose winner has the higher reward; an equal one counts half."""
    difference = np.asarray(winners) - np.asarray(losers)
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


@dataclasses.dataclass(frozen=True)
class GuaranteedGain:
    """The least that a policy gains, in the true reward's units."""

    theorem: float
    tight: float


def guaranteed_gain(found: ProxyFit, proxy_mean: float, chi2: float) -> GuaranteedGain | None:
    """The least gain of a policy in the true reward; None where r promises none.

    Args:
        found: on the reference's answers.
        proxy_mean: of the policy's answers.
        chi2: chi2(pi || ref), infinite where the reference can't say what the policy says. An
            estimate below D^2, which the true value can't be, counts as D^2.
    """
    r, gain = found.correlation, (proxy_mean - found.proxy_mean) / found.proxy_deviation
    if not r > 0:
        return None
    across = math.sqrt(1.0 - r * r)
    chi2 = max(chi2, gain * gain)
    if across == 0:  # not 0 * infinity
        chi2 = gain * gain
    return GuaranteedGain(
        found.gold_deviation / r * (gain - across * math.sqrt(chi2)),
        found.gold_deviation * (r * gain - across * math.sqrt(chi2 - gain * gain)),
    )


def _spread(proxy: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation.

    Raises:
        UserError: there is none.
    """
    deviation = float(proxy.std())
    if not deviation > 1e-12 * max(1.0, float(np.abs(proxy).max())):
        raise UserError(
            f"the proxy gives all {proxy.size:,} answers of the reference the same reward: there is"
            " nothing to optimise; look at the reward model"
        )
    return float(proxy.mean()), deviation
