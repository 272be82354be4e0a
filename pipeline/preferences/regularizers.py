"""What each answer's log-probability is pushed by, under a reward and a regularizer.

In: rewards R of answers that the policy drew, and their log ratios l to the reference. Out: of each
answer its slope: the step along sum of slope * grad log pi(answer) climbs

    none            E[R]
    kl_k1, kl_k2    E[R] - coefficient * KL(pi || ref)
    kl_k3           E[R] - coefficient * KL(ref || pi): the forward KL. That is what k3 is as a
                    loss, though it is published as the other one
    chi2_published  E[R] - coefficient * sqrt(chi2), differentiated through the samples as the
                    paper's code does: half of chi2's gradient, and that of KL(ref || pi)
    chi2_exact      E[R] - coefficient * sqrt(chi2)
    maxmin          r (E[R] - J) - sqrt(1 - r^2) sqrt(s^2 chi2 - (E[R] - J)^2): s times the least
                    gain over all true rewards of correlation r (arXiv 2604.12086); J and s are the
                    proxy's mean and standard deviation under the reference

With D = (E[R] - J) / s and q = sqrt(chi2 - D^2) the slopes are

    kl_k1, kl_k2    R - coefficient * l
    kl_k3           R - coefficient * (1 - e^-l)
    chi2_published  R - coefficient * (e^l - e^-l) / (2 sqrt(chi2))
    chi2_exact      R - coefficient * (e^l - 1) / sqrt(chi2)
    maxmin          (r + sqrt(1 - r^2) D / q) R - sqrt(1 - r^2) s (e^l - 1) / q

Rewards, and penalties that are a reward's part (k1, exact, maxmin), lose the mean of the *other*
answers to their prompt: a constant for the answer, so that the gradient's expectation is exact.
What is differentiated through the samples needs no baseline and has none. One bias is left:
sqrt(chi2), D and q are estimates from the same answers, and 1 / sqrt of an estimate isn't unbiased.
It falls with the number of answers, and acts as another coefficient would. `chi2_published`, whose
samples are never negative, is the estimate in all of them.
"""

import dataclasses

import numpy as np

from pipeline.preferences import divergences
from pipeline.preferences.divergences import Divergences, ratio, ratio_slope

REGULARIZERS = ("none", "kl_k1", "kl_k2", "kl_k3", "chi2_published", "chi2_exact", "maxmin")
# What is under a root is at least this (as in the paper's code); there the penalty has no slope.
LEAST_CHI2 = 1e-4
# Their coefficient follows from r and s: see `guarantee`.
COMPUTED = ("chi2_published", "chi2_exact", "maxmin")


@dataclasses.dataclass(frozen=True)
class RegularizerSettings:
    """How hard a regularizer holds."""

    coefficient: float = 0.0  # in the reward's units, of a nat or of sqrt(chi2); maxmin has r and s
    correlation: float = 0.0  # r of proxy and true reward under the reference
    proxy_mean: float = 0.0  # J
    proxy_deviation: float = 1.0  # s


@dataclasses.dataclass(frozen=True)
class Slopes:
    """What `slopes` gives."""

    values: np.ndarray  # as the rewards; 0 of answers that the reference can't say
    divergences: Divergences
    standardised_gain: float  # D
    penalty: float  # what the objective is short of E[R] by, in the reward's units


@dataclasses.dataclass(frozen=True)
class _Penalty:
    """A penalty's part in the slopes."""

    values: np.ndarray  # [prompts, answers] are taken from the rewards' part
    value: float  # of the objective
    centred: bool  # whether they have a baseline
    reward_factor: float = 1.0


def slopes(
    name: str,
    rewards: np.ndarray,  # [prompts, answers]
    log_ratios: np.ndarray,  # [prompts, answers], nats
    settings: RegularizerSettings,
    weights: np.ndarray | None = None,  # [prompts, answers]
) -> Slopes:
    """The slope of each answer.

    Where a prompt's rewards are all alike, or it has one answer, their part is exactly 0; the
    regularizer's is not.

    Args:
        name: of `REGULARIZERS`.
        rewards: of the proxy.
        log_ratios: +infinity: the reference can't say it. Such an answer is left out.
        settings: of the regularizer.
        weights: probabilities, over all prompts and answers together, where the answers are all
            there are. None: they are draws.

    Raises:
        FloatingPointError: a log ratio is no number.
    """
    used = divergences.can_be_said(log_ratios)
    found = divergences.estimate(log_ratios, weights)
    logs = np.where(used, log_ratios, 0.0)
    shares = used.astype(np.float64) if weights is None else np.where(used, weights, 0.0)
    mean = float((shares * rewards).sum() / shares.sum()) if shares.any() else settings.proxy_mean
    gain = (mean - settings.proxy_mean) / settings.proxy_deviation
    penalty = _penalty(name, logs, found, gain, settings)
    draws = weights is None
    values = penalty.reward_factor * _centred(rewards, shares, draws, alone=0.0)
    if penalty.centred:
        values = values - _centred(penalty.values, shares, draws, alone=1.0)
    else:
        values = values - penalty.values
    return Slopes(np.where(used, values, 0.0), found, gain, penalty.value)


def _penalty(
    name: str,
    logs: np.ndarray,  # [prompts, answers]
    found: Divergences,
    gain: float,
    settings: RegularizerSettings,
) -> _Penalty:
    held, chi2 = settings.coefficient, found.chi2_published
    if name == "none":
        return _Penalty(np.zeros_like(logs), 0.0, centred=False)
    if name in ("kl_k1", "kl_k2"):
        value = held * (found.kl_k1 if name == "kl_k1" else found.kl_k2)
        return _Penalty(held * logs, value, centred=name == "kl_k1")
    if name == "kl_k3":
        return _Penalty(held * (1.0 - ratio_slope(-logs)), held * found.kl_k3, centred=False)
    if name == "chi2_published":
        through = (ratio_slope(logs) - ratio_slope(-logs)) / 2
        return _Penalty(held * _by_root(through, chi2), held * _root(chi2), centred=False)
    # The gradient of E_pi[f(l)] is E_pi[(f + f') grad log pi]; with f = e^l - 1 that is twice e^l,
    # but for a constant, and beyond the tangent's point it is still the gradient of what is there.
    scored = (ratio(logs) + ratio_slope(logs)) / 2 - 1.0
    if name == "chi2_exact":
        return _Penalty(held * _by_root(scored, chi2), held * _root(chi2), centred=True)
    if name == "maxmin":
        r, s = settings.correlation, settings.proxy_deviation
        rest, across = chi2 - gain * gain, np.sqrt(1.0 - r * r)
        factor = r + across * float(_by_root(np.array(gain), rest))
        value = s * (gain * (1.0 - r) + across * _root(rest))  # E[R] - J less this: the objective
        return _Penalty(across * s * _by_root(scored, rest), value, True, factor)
    raise ValueError(f"unknown regularizer {name!r}")


def _root(chi2: float) -> float:
    return float(np.sqrt(max(chi2, LEAST_CHI2)))


def _by_root(values: np.ndarray, chi2: float) -> np.ndarray:
    """Divided by the root, or 0 where the root is at its floor and doesn't move."""
    found: np.ndarray = values / np.sqrt(chi2) if chi2 > LEAST_CHI2 else values * 0.0
    return found


def _centred(
    values: np.ndarray,  # [prompts, answers]
    shares: np.ndarray,  # [prompts, answers] 0 or 1 of draws, else probabilities
    draws: bool,
    alone: float,  # what of its value an answer keeps that is its prompt's only one
) -> np.ndarray:  # [prompts, answers]
    """Less the mean of the prompt's other answers; of enumerated ones, of all."""
    counts = shares.sum(1, keepdims=True)  # [prompts, 1]
    kept = np.where(shares > 0, values, 0.0)
    mean = (kept * shares).sum(1, keepdims=True) / np.where(counts > 0, counts, 1.0)
    lower: np.ndarray = kept - mean
    if not draws:
        return lower
    # v - mean of the others = (v - mean of all) * n / (n - 1)
    factor = counts / np.maximum(counts - 1.0, 1.0)
    flat = (np.where(shares > 0, values, -np.inf).max(1, keepdims=True)) == (
        np.where(shares > 0, values, np.inf).min(1, keepdims=True)
    )
    found: np.ndarray = np.where(flat, 0.0, lower * factor)
    return np.where(counts == 1, alone * kept, found)
