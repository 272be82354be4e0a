"""Optimal policies by reweighting, against a numerical optimiser and against chance itself."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from pipeline.preferences import frontiers
from pipeline.preferences.best_of_n import best_of_n_kl
from pipeline.preferences.frontiers import ReferenceAnswers
from storage.errors import UserError

optimize = pytest.importorskip("scipy.optimize")  # comes with lightgbm

Objective = Callable[[np.ndarray], float]


def instance(seed: int, prompts: int = 2, answers: int = 6) -> ReferenceAnswers:
    """Rewards whose spread differs by prompt; with an odd seed some are equal."""
    rng = np.random.default_rng(seed)
    proxy = rng.normal(size=(prompts, answers)) * (1 + np.arange(prompts))[:, None]
    if seed % 2:
        proxy = proxy.round(1)
    return ReferenceAnswers(proxy, proxy + rng.normal(size=proxy.shape))


def best_value(objective: Objective, shape: tuple[int, int]) -> float:
    """The greatest value over all policies, by sequential quadratic programming."""
    prompts, answers = shape
    sums = [
        {"type": "eq", "fun": lambda w, row=row: w.reshape(shape)[row].mean() - 1}
        for row in range(prompts)
    ]
    found = []
    for seed in range(3):
        start = np.random.default_rng(seed).dirichlet(np.ones(answers), prompts) * answers
        result = optimize.minimize(
            lambda w: -objective(w.reshape(shape)),
            start.ravel(),
            bounds=[(0, None)] * start.size,
            constraints=sums,
            method="SLSQP",
            options={"maxiter": 2000, "ftol": 1e-13},
        )
        found.append(-float(result.fun))
    return max(found)


def root_chi2(weights: np.ndarray, less: float = 0.0) -> float:
    return math.sqrt(max(float((weights**2).mean()) - 1 - less, 1e-18))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("coefficient", [0.3, 1.0])
def test_kl_optimum(seed: int, coefficient: float) -> None:
    given = instance(seed)

    def objective(weights: np.ndarray) -> float:
        safe = np.clip(weights, 1e-300, None)
        kl = (safe * np.log(safe)).mean()
        return float((weights * given.proxy).mean() - coefficient * kl)

    own = objective(frontiers.kl_weights(given.proxy, coefficient))
    assert own >= best_value(objective, given.proxy.shape) - 1e-6


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("coefficient", [0.2, 0.5, 5.0])
def test_chi2_optimum_shares_one_budget(seed: int, coefficient: float) -> None:
    given = instance(seed)

    def objective(weights: np.ndarray) -> float:
        return float((weights * given.proxy).mean() - coefficient * root_chi2(weights))

    found = frontiers.chi2_optimum(given, coefficient)
    own = found.proxy - coefficient * math.sqrt(found.chi2)
    assert own >= best_value(objective, given.proxy.shape) - 1e-6


@pytest.mark.parametrize(("seed", "prompts"), [(0, 2), (1, 2), (2, 1), (3, 1)])
@pytest.mark.parametrize("r", [0.3, 0.8, 0.99, 1.0])
def test_maxmin_optimum_is_the_best_of_all_policies(seed: int, prompts: int, r: float) -> None:
    given = instance(seed, prompts, 7)
    rest = math.sqrt(1 - r * r)

    def gained(proxy: float) -> float:
        return float(proxy - given.proxy.mean()) / given.deviation

    def objective(weights: np.ndarray) -> float:
        g = gained(float((weights * given.proxy).mean()))
        return r * g - rest * root_chi2(weights, g * g)

    found = frontiers.maxmin_optimum(given, r)
    g = gained(found.proxy)
    own = r * g - rest * math.sqrt(max(0.0, found.chi2 - g * g))
    assert own >= best_value(objective, given.proxy.shape) - 1e-6


def test_best_of_n_is_what_drawing_gives() -> None:
    """All 5^3 ways to draw three of five answers, two of which are equal; equals by lot."""
    proxy = np.array([[0.5, 2.0, 2.0, -1.0, 0.0]])
    expected = np.zeros(5)
    for drawn in itertools.product(range(5), repeat=3):
        best = max(proxy[0, index] for index in drawn)
        winners = [index for index in drawn if proxy[0, index] == best]
        for index in winners:
            expected[index] += 1 / len(winners) / 125
    found = frontiers.best_of_n_weights(proxy, 3)
    assert found[0] / 5 == pytest.approx(expected)
    assert frontiers.best_of_n_weights(proxy, 1) == pytest.approx(np.ones((1, 5)))


def test_kl_of_best_of_n_is_exact_without_equals_and_else_a_bound() -> None:
    rng = np.random.default_rng(0)
    rewards = rng.normal(size=(1, 20_000))
    for n in (2, 8, 64):
        nominal = best_of_n_kl(n)
        (free,) = frontiers.best_of_n_frontier(ReferenceAnswers(rewards, rewards), [n])
        assert free.kl == pytest.approx(nominal, abs=0.01)
        (tied,) = frontiers.best_of_n_frontier(ReferenceAnswers(rewards.round(), rewards), [n])
        assert tied.kl < 0.95 * nominal


def test_frontiers_end_at_the_reference_and_at_the_best_answers() -> None:
    given = instance(0, prompts=3, answers=50)
    most = given.proxy.max(axis=1).mean()
    points = [
        *frontiers.kl_frontier(given, [1e9, 1e-9]),
        *frontiers.chi2_frontier(given, [1e9, 1e-9, 0.0]),
        *frontiers.best_of_n_frontier(given, [1, 1e9]),
    ]
    for first in (points[0], points[2], points[5]):
        assert first.proxy == pytest.approx(given.proxy.mean(), abs=1e-6)
        assert max(abs(first.kl), abs(first.chi2)) < 1e-6
    for last in (points[1], points[3], points[4], points[6]):
        assert last.proxy == pytest.approx(most, abs=1e-6)
        assert last.kl == pytest.approx(math.log(50), abs=1e-6)
        assert last.chi2 == pytest.approx(49, abs=1e-4)


def test_a_coefficient_beyond_the_deviation_leaves_the_reference() -> None:
    given = instance(0)
    assert frontiers.chi2_optimum(given, given.deviation).chi2 == 0.0
    assert frontiers.chi2_optimum(given, 0.99 * given.deviation).chi2 > 0.0


def test_weights_are_policies() -> None:
    given = instance(1, prompts=3, answers=9)
    for weights in (
        frontiers.kl_weights(given.proxy, 0.3),
        frontiers.chi2_weights(given.proxy, 0.3),
        frontiers.chi2_weights(given.proxy, 0.0),
        frontiers.best_of_n_weights(given.proxy, 5),
    ):
        assert weights.min() >= 0
        assert weights.mean(axis=1) == pytest.approx(np.ones(3))


def test_figures_of_the_sample_are_within_prompts() -> None:
    given = ReferenceAnswers(np.array([[1.0, 2.0], [3.0, 6.0]]), np.array([[1.0, 1.0], [9.0, 9.0]]))
    assert given.deviation == pytest.approx(math.sqrt((0.25 + 2.25) / 2))
    assert math.isnan(given.correlation)
    shifted = -2 * given.proxy + np.array([[0.0], [100.0]])
    assert ReferenceAnswers(given.proxy, shifted).correlation == pytest.approx(-1)


def test_what_can_not_be_a_sample_is_refused() -> None:
    rewards = np.array([[1.0, 2.0]])
    with pytest.raises(UserError, match="not all are finite"):
        ReferenceAnswers(rewards, np.array([[1.0, np.nan]]))
    with pytest.raises(UserError, match="alike, and not empty"):
        ReferenceAnswers(rewards, np.zeros((2, 1)))
    with pytest.raises(UserError, match=r"r is -0\.500: .* guarantees nothing"):
        frontiers.maxmin_optimum(ReferenceAnswers(rewards, rewards), -0.5)
