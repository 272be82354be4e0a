"""Exact optimal policies without training: answers of the reference, weighed anew.

In: rewards of N answers that the reference gave to each prompt, proxy and gold. Out: for each
answer w = pi / ref of the policy that is best for the proxy under some regularizer, and what that
policy has of everything. Each of the N answers is 1/N of the reference, which makes all of it exact
for that sample of it; nobody is nearer to the optimum than that without another model.

    KL       max E[R] - b KL(pi || ref)          w = exp(R / b) / Z(prompt)
    chi2     max E[R] - lambda sqrt(chi2)        w = max(0, R - t(prompt)) / m
    max-min  max r D - sqrt(1 - r^2) sqrt(chi2 - D^2), D = (E[R] - E_ref[R]) / sigma:
             grows with E[R] at a given chi2, so it is one of chi2's optima
    best of n   w by ranks: (F(R)^n - F(R-)^n) / mass at R, where equal rewards share a rank

The divergence is that of the whole policy, the mean over prompts (as occupancy measures have it,
Laidlaw et al. 2025, arXiv 2403.03185), so one multiplier serves all prompts: those that gain more
may go further. t makes each prompt's weights a distribution. R is the proxy everywhere.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from storage.errors import UserError

HALVINGS = 200  # of an interval that holds a multiplier: to the last digit of a float64
LINEAR = 1e-9  # relative: nearer than this to the slope of the first steps is that slope


@dataclasses.dataclass(frozen=True)
class ReferenceAnswers:
    """Rewards of equally many answers that the reference gave to each prompt.

    Raises:
        UserError: shapes differ, there are no answers, or a reward is no finite number.
    """

    proxy: np.ndarray  # [prompts, answers] float64, what is optimised
    gold: np.ndarray  # likewise, what is wanted

    def __post_init__(self) -> None:
        if self.proxy.ndim != 2 or self.proxy.shape != self.gold.shape or not self.proxy.size:
            raise UserError(
                f"rewards of the reference's answers: proxy {self.proxy.shape} and gold"
                f" {self.gold.shape} must be [prompts, answers] alike, and not empty"
            )
        if not (np.isfinite(self.proxy).all() and np.isfinite(self.gold).all()):
            raise UserError("rewards of the reference's answers: not all are finite numbers")

    @property
    def deviation(self) -> float:
        """Sigma, the proxy's standard deviation within prompts: how they differ moves nobody."""
        return float(np.sqrt(self.proxy.var(axis=1).mean()))

    @property
    def correlation(self) -> float:
        """r, of proxy and gold within prompts; nan where one of them is constant there."""
        proxy, gold = (r - r.mean(axis=1, keepdims=True) for r in (self.proxy, self.gold))
        if not proxy.any() or not gold.any():
            return math.nan
        return float((proxy * gold).sum() / np.sqrt((proxy**2).sum() * (gold**2).sum()))


class FrontierPoint(NamedTuple):
    """What a policy has: means over prompts and its answers, divergences of the whole policy."""

    pressure: float  # b, m or n
    gold: float
    proxy: float
    kl: float  # nats
    chi2: float


def point(answers: ReferenceAnswers, weights: np.ndarray, pressure: float) -> FrontierPoint:
    """What the policy has whose answers are weighed so.

    Args:
        answers: of the reference.
        weights: [prompts, answers] float64, pi / ref; their mean is 1 for each prompt.
        pressure: is handed through.
    """
    positive = np.where(weights > 0, weights, 1.0)
    return FrontierPoint(
        pressure,
        float((weights * answers.gold).mean()),
        float((weights * answers.proxy).mean()),
        float((weights * np.log(positive)).mean()),
        float((weights**2).mean() - 1.0),
    )


def kl_weights(proxy: np.ndarray, coefficient: float) -> np.ndarray:
    """Of the optimum under `coefficient` x KL; `coefficient` above 0, in units of reward a nat."""
    scaled = (proxy - proxy.max(axis=1, keepdims=True)) / coefficient
    raised = np.exp(scaled)
    return np.asarray(raised / raised.mean(axis=1, keepdims=True))


def chi2_weights(proxy: np.ndarray, multiplier: float) -> np.ndarray:
    """Of an optimum under chi2: max(0, R - t) / multiplier, in units of reward; 0: the best one."""
    most = proxy.max(axis=1, keepdims=True)
    falling = -np.sort(most - proxy, axis=1)  # [prompts, answers] at most 0, greatest first
    count = np.arange(1, proxy.shape[1] + 1)
    # With the first k answers above t: sum over them of (R - t) = N m. The right k has the highest
    # t, since all others leave out a part of the sum, or count negative parts.
    levels = (np.cumsum(falling, axis=1) - proxy.shape[1] * multiplier) / count
    raised = np.maximum(0.0, (proxy - most) - levels.max(axis=1, keepdims=True))
    lost = ~raised.any(axis=1, keepdims=True)  # a multiplier that the rewards' last digit swallows
    raised = np.where(lost, (proxy == most).astype(np.float64), raised)
    return np.asarray(raised / raised.mean(axis=1, keepdims=True))


def best_of_n_weights(proxy: np.ndarray, n: float) -> np.ndarray:
    """Of the best by the proxy of n answers, equals drawn by lot; n is at least 1."""
    size = proxy.shape[1]
    weights = np.empty(proxy.shape)
    for row, rewards in zip(weights, proxy):
        _, place, counts = np.unique(rewards, return_inverse=True, return_counts=True)
        upto = np.cumsum(counts) / size  # the share of answers that are no better
        mass = upto**n - (upto - counts / size) ** n
        row[:] = (mass * size / counts)[place.ravel()]
    return weights


def kl_frontier(answers: ReferenceAnswers, coefficients: Sequence[float]) -> list[FrontierPoint]:
    """The KL optima at these coefficients."""
    return [point(answers, kl_weights(answers.proxy, b), b) for b in coefficients]


def chi2_frontier(answers: ReferenceAnswers, multipliers: Sequence[float]) -> list[FrontierPoint]:
    """The chi2 optima at these multipliers; max-min's are among them."""
    return [point(answers, chi2_weights(answers.proxy, m), m) for m in multipliers]


def best_of_n_frontier(answers: ReferenceAnswers, counts: Sequence[float]) -> list[FrontierPoint]:
    """Best of so many answers, whose KL and chi2 are counted and not taken from a formula."""
    return [point(answers, best_of_n_weights(answers.proxy, n), n) for n in counts]


def first_multiplier(proxy: np.ndarray) -> float:
    """The multiplier from which on upwards no answer's weight is 0."""
    return float((proxy.mean(axis=1) - proxy.min(axis=1)).max())


def chi2_optimum(answers: ReferenceAnswers, coefficient: float) -> FrontierPoint:
    """The policy that maximises E[proxy] - coefficient x sqrt(chi2).

    Where the coefficient is at least the deviation within prompts that is the reference.

    Args:
        answers: of the reference.
        coefficient: lambda, above 0, in units of reward.
    """

    def excess(found: FrontierPoint) -> float:
        return found.pressure * math.sqrt(max(0.0, found.chi2)) - coefficient

    return _optimum(answers, excess, reference=coefficient >= answers.deviation * (1 - LINEAR))


def maxmin_optimum(answers: ReferenceAnswers, correlation: float) -> FrontierPoint:
    """The policy whose least gain over all rewards of that correlation with the proxy is greatest.

    Args:
        answers: of the reference.
        correlation: r, above 0 and at most 1.

    Raises:
        UserError: r is not positive: then no gain is sure, and the reference is the best.
    """
    if not 0 < correlation <= 1:
        raise UserError(
            f"r is {correlation:.3f}: a proxy that isn't positively correlated with the true reward"
            " guarantees nothing"
        )
    deviation = answers.deviation
    rest = math.sqrt(1 - correlation**2)
    before = float(answers.proxy.mean())

    def excess(found: FrontierPoint) -> float:
        gained = (found.proxy - before) / deviation
        across = math.sqrt(max(0.0, found.chi2 - gained**2))
        return found.pressure * (correlation * across + rest * gained) - deviation * rest

    # The first steps cost nothing, and the others are worth them as long as the excess is positive.
    return _optimum(answers, excess, reference=not deviation)


def _optimum(
    answers: ReferenceAnswers, excess: Callable[[FrontierPoint], float], *, reference: bool
) -> FrontierPoint:
    """Where on chi2's frontier the condition of an optimum changes its sign.

    Args:
        answers: of the reference.
        excess: positive where the multiplier is too large.
        reference: whether no step away from the reference pays.
    """
    if reference:
        return point(answers, np.ones_like(answers.proxy), math.inf)
    # Above the first multiplier all policies are mixtures of that one and the reference.
    high = first_multiplier(answers.proxy)
    low = high / 2
    while low > 0 and excess(chi2_frontier(answers, [low])[0]) > 0:
        high, low = low, low / 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if excess(chi2_frontier(answers, [middle])[0]) > 0:
            high = middle
        else:
            low = middle
    return chi2_frontier(answers, [(low + high) / 2])[0]
