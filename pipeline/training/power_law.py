"""A power law with a floor, loss = E + A (compute / reference)^-alpha, fitted to a few runs.

Source: Kaplan et al. (arXiv 2001.08361) and Hoffmann et al. (arXiv 2203.15556) fit this form. For a
given alpha E and A are a linear problem (both at least 0, errors relative), so alpha alone is
searched. Intervals are predictive: residual spread with its own uncertainty (t-like), refitted for
every draw. With a handful of runs they are wide.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from storage.errors import UserError

Numbers = Sequence[float] | np.ndarray

MIN_SPARE = 1  # points beyond the three parameters, or the spread can't be told
PARAMETERS = 3
EXPONENTS = np.geomspace(0.01, 2.0, 100)
REFINEMENTS = 4  # each narrows the exponent fiftyfold


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """loss(C) = floor + scale * (C / reference) ** -exponent."""

    floor: float  # E: what no compute removes
    scale: float  # A: loss above the floor at the reference compute
    exponent: float  # alpha
    reference: float  # FLOPs; the geometric mean of the runs

    def __call__(self, compute: float) -> float:
        return float(self.floor + self.scale * (compute / self.reference) ** -self.exponent)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A loss and its 95% predictive interval: where one more run would fall."""

    value: float
    low: float
    high: float


def fit(compute: Numbers, loss: Numbers) -> PowerLaw:
    """Fit the law by least squares, errors relative to the loss.

    Args:
        compute: FLOPs of each run.
        loss: of each run.

    Raises:
        UserError: fewer than three different sizes, or numbers that are not positive.
    """
    x, y = np.asarray(compute, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    if len(np.unique(x)) < PARAMETERS:
        raise UserError(f"a power law needs {PARAMETERS} sizes or more, not {len(np.unique(x))}")
    if not (np.all(x > 0) and np.all(y > 0) and np.all(np.isfinite(y))):
        raise UserError("a power law needs compute and losses above zero")
    reference = float(np.exp(np.log(x).mean()))
    relative = np.log(x / reference)
    exponents = EXPONENTS
    for _ in range(REFINEMENTS):
        floors, scales, errors = _solve(relative, y, exponents)
        best = int(np.argmin(errors))
        law = PowerLaw(float(floors[best]), float(scales[best]), float(exponents[best]), reference)
        ends = exponents[max(0, best - 1)], exponents[min(len(exponents) - 1, best + 1)]
        exponents = np.linspace(*ends, len(EXPONENTS))
    return law


def predict(
    compute: Numbers,
    loss: Numbers,
    at: float,
    *,
    draws: int = 400,
    seed: int = 0,
) -> Prediction:
    """Predict the loss of one more run.

    Args:
        compute: FLOPs of each run.
        loss: of each run.
        at: FLOPs of the run that is predicted.
        draws: of the interval's bootstrap.
        seed: of the draws.

    Raises:
        UserError: fewer than four runs, or as `fit`.
    """
    x, y = np.asarray(compute, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    spare = len(x) - PARAMETERS
    if spare < MIN_SPARE:
        raise UserError(
            f"scaling: {len(x)} runs fit a law exactly and say nothing of its error: "
            f"add sizes or seeds ({PARAMETERS + MIN_SPARE} runs or more)"
        )
    law = fit(x, y)
    fitted = np.array([law(c) for c in x])
    spread = math.sqrt(float((((y - fitted) / y) ** 2).sum()) / spare)
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = spread * math.sqrt(spare / generator.chisquare(spare))
        again = fit(x, fitted * np.exp(drawn * generator.standard_normal(len(x))))
        found.append(again(at) * math.exp(drawn * generator.standard_normal()))
    low, high = np.percentile(found, [2.5, 97.5])
    return Prediction(law(at), float(low), float(high))


def _solve(
    relative: np.ndarray, y: np.ndarray, exponents: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve the linear problem of each exponent: floor and scale, both at least 0.

    Two unknowns: where one would be negative, the best is on the edge where it is zero.

    Args:
        relative: [runs] logarithm of compute over the reference.
        y: [runs] losses.
        exponents: [exponents].

    Returns:
        [exponents] each: floors, scales, and sums of squared relative errors.
    """
    ones = 1.0 / y
    powers = np.exp(-exponents[:, None] * relative) / y  # [exponents, runs]
    aa, ab, bb = ones @ ones, powers @ ones, (powers**2).sum(axis=1)
    a, b = ones.sum(), powers.sum(axis=1)
    determinant = aa * bb - ab**2
    sound = determinant > 1e-12 * aa * bb
    safe = np.where(sound, determinant, 1.0)
    floor, scale = (a * bb - b * ab) / safe, (b * aa - a * ab) / safe
    no_floor = ~sound | (floor < 0)
    no_scale = ~no_floor & (scale < 0)
    floor = np.where(no_floor, 0.0, np.where(no_scale, a / aa, floor))
    scale = np.where(no_scale, 0.0, np.where(no_floor, b / bb, scale))
    left = floor[:, None] * ones + scale[:, None] * powers - 1.0
    return floor, scale, (left**2).sum(axis=1)
