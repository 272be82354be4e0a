"""How gold reward rises and falls with distance: the curves of Gao et al. 2022 (arXiv 2210.10760).

In: KL(pi || ref) in nats and the gold reward gained over the reference, point by point. Out: alpha
and beta, with d = sqrt(KL), of

    best_of_n   R = d (alpha - beta d)
    rl          R = d (alpha - beta ln d)

by least squares, which both are linear for, with 95% intervals of Student's t. These take the
points' errors as independent; those of one run's neighbouring steps are not, so that where there
are several runs each should be fitted on its own and the interval taken over runs.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.intervals import student_t
from storage.errors import UserError

CURVES = ("best_of_n", "rl")


class GaoFit(NamedTuple):
    """A fitted curve."""

    curve: str
    alpha: float  # reward a unit of d
    beta: float
    alpha_spread: float  # half of the 95% interval; infinite where two points leave none
    beta_spread: float
    residual: float  # root mean square of what the curve misses, in units of reward

    def gained(self, kl: float) -> float:
        """Gold reward over the reference at so many nats."""
        return float(_features(self.curve, np.array([kl]))[0] @ (self.alpha, self.beta))

    @property
    def peak(self) -> float:
        """d at which gold is highest; infinite where it only rises, 0 where it only falls."""
        if self.beta <= 0:
            return math.inf
        if self.curve == "best_of_n":
            return max(0.0, self.alpha / (2 * self.beta))
        exponent = self.alpha / self.beta - 1
        return math.exp(exponent) if exponent < math.log(1e300) else math.inf


def fit_curve(curve: str, kl: Sequence[float], gained: Sequence[float]) -> GaoFit:
    """Fit a curve.

    Args:
        curve: see `CURVES`.
        kl: nats of each point; points at 0 or below (a sampled estimate may be) tell nothing.
        gained: gold reward over the reference of each.

    Raises:
        UserError: there is no such curve, or points at fewer than two distances.
    """
    if curve not in CURVES:
        raise UserError(f"unknown curve {curve!r}: one of {', '.join(CURVES)}")
    nats, reward = np.asarray(kl, dtype=np.float64), np.asarray(gained, dtype=np.float64)
    useful = (nats > 0) & np.isfinite(nats) & np.isfinite(reward)
    nats, reward = nats[useful], reward[useful]
    if len(np.unique(nats)) < 2:
        raise UserError(f"{curve}: a curve needs points at two distances or more")
    features = _features(curve, nats)
    found, *_ = np.linalg.lstsq(features, reward, rcond=None)
    missed = reward - features @ found
    free = len(reward) - 2
    spread = np.full(2, np.inf)
    if free:
        covariance = np.linalg.inv(features.T @ features) * (missed @ missed) / free
        spread = student_t(free) * np.sqrt(np.diag(covariance))
    alpha, beta = map(float, found)
    return GaoFit(
        curve, alpha, beta, float(spread[0]), float(spread[1]), float(np.sqrt(np.mean(missed**2)))
    )


def _features(curve: str, kl: np.ndarray) -> np.ndarray:
    """[points, 2]: what alpha and beta are multiplied by."""
    d = np.sqrt(kl)
    falling = d if curve == "best_of_n" else np.log(np.where(d > 0, d, 1.0))
    return np.stack([d, -d * falling], axis=1)
