"""Slopes against enumeration: of policies small enough, autograd knows every gradient."""

import itertools
import math

import numpy as np
import pytest
import torch

from pipeline.preferences.divergences import exact
from pipeline.preferences.regularizers import (
    LEAST_CHI2,
    REGULARIZERS,
    RegularizerSettings,
    slopes,
)

PROMPTS, ANSWERS = 3, 5
HELD = 0.7
SETTINGS = RegularizerSettings(
    coefficient=HELD, correlation=0.6, proxy_mean=0.2, proxy_deviation=1.3
)


class Toy:
    """A softmax policy over a few answers to each of a few prompts, its reference, a proxy."""

    def __init__(self, seed=0, scale=1.0, answers=ANSWERS):
        generator = torch.Generator().manual_seed(seed)
        shape = (PROMPTS, answers)
        draw = [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3)]
        self.logits = (draw[0] * scale).requires_grad_()
        self.reference = torch.softmax(draw[1] * scale, -1)
        self.rewards = draw[2]

    @property
    def policy(self):
        return torch.softmax(self.logits, -1)

    def gradient(self, objective):
        (found,) = torch.autograd.grad(objective, self.logits)
        return found.numpy()

    @property
    def log_ratios(self):
        return torch.log_softmax(self.logits, -1) - self.reference.log()

    def mean(self, values):
        """Over prompts and the policy's answers."""
        return (self.policy * values).sum(-1).mean()

    def chi2(self):
        return (self.policy**2 / self.reference).sum(-1).mean() - 1

    def kl(self):
        return self.mean(self.log_ratios)

    def forward_kl(self):
        return -(self.reference * self.log_ratios).sum(-1).mean()

    def of_slopes(self, values):
        """E[slope * grad log pi] over all answers, by the logits."""
        policy = self.policy.detach().numpy() / PROMPTS
        return policy * values - policy * (policy * values).sum(-1, keepdims=True) * PROMPTS

    def expected(self, name, settings=SETTINGS):
        weights = self.policy.detach().numpy() / PROMPTS
        found = slopes(
            name, self.rewards.numpy(), self.log_ratios.detach().numpy(), settings, weights
        )
        return self.of_slopes(found.values), found

    def objective(self, name, settings=SETTINGS):
        gained = self.mean(self.rewards)
        root = self.chi2().clamp_min(LEAST_CHI2).sqrt()
        if name == "maxmin":
            r, s = settings.correlation, settings.proxy_deviation
            gain = (gained - settings.proxy_mean) / s
            rest = (self.chi2() - gain**2).clamp_min(LEAST_CHI2).sqrt()
            return s * (r * gain - math.sqrt(1 - r * r) * rest)
        penalty = {
            "none": 0.0 * root,
            "kl_k1": self.kl(),
            "kl_k2": self.kl(),
            "kl_k3": self.forward_kl(),
            "chi2_exact": root,
        }[name]
        return gained - settings.coefficient * penalty


EXACT = [name for name in REGULARIZERS if name != "chi2_published"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", EXACT)
def test_the_expected_slope_is_the_gradient_of_what_is_named(name, seed):
    toy = Toy(seed)
    ours, _ = toy.expected(name)
    truth = toy.gradient(toy.objective(name))
    assert np.abs(ours - truth).max() < 1e-10
    assert np.abs(truth).max() > 1e-3


@pytest.mark.parametrize("name", ["chi2_exact", "maxmin"])
def test_below_the_floor_of_the_root_the_penalty_has_no_slope(name):
    toy = Toy(1)
    near = toy.reference.log() + 0.004 * torch.arange(ANSWERS, dtype=torch.float64)
    toy.logits = near.clone().requires_grad_()
    ours, found = toy.expected(name)
    assert 1e-6 < found.divergences.chi2_published < LEAST_CHI2
    # maxmin's gain isn't small there, but its root is that of something negative
    truth = toy.gradient(toy.objective(name))
    assert np.abs(ours - truth).max() < 1e-10


def test_published_chi2_is_half_of_its_gradient_and_that_of_the_forward_kl():
    toy = Toy(2)
    ours, found = toy.expected("chi2_published")
    plain, _ = toy.expected("none")
    root = math.sqrt(found.divergences.chi2_published)
    by_identity = toy.gradient(toy.chi2()) / 2 + toy.gradient(toy.forward_kl())
    penalty = (plain - ours) * 2 * root / HELD  # the slope of chi2 itself
    assert np.abs(penalty - by_identity).max() < 1e-10
    # and it is what autograd makes of the samples, as the paper's code does
    log_ratios = toy.log_ratios
    weights = toy.policy.detach() / PROMPTS
    samples = (weights * (log_ratios.exp() + (-log_ratios).exp() - 2)).sum()
    published = toy.gradient(samples.clamp_min(LEAST_CHI2).sqrt())
    assert np.abs((plain - ours) / HELD - published).max() < 1e-10
    exact_one, _ = toy.expected("chi2_exact")
    assert np.abs(exact_one - ours).max() > 1e-3


def test_k3_as_a_loss_descends_the_forward_kl_and_not_the_one_it_estimates():
    toy = Toy(3)
    log_ratios, weights = toy.log_ratios, toy.policy.detach() / PROMPTS
    through = toy.gradient((weights * (log_ratios + (-log_ratios).exp() - 1)).sum())
    assert np.abs(through - toy.gradient(toy.forward_kl())).max() < 1e-10
    assert np.abs(through - toy.gradient(toy.kl())).max() > 1e-2
    ours, _ = toy.expected("kl_k3")
    plain, _ = toy.expected("none")
    assert np.abs((plain - ours) / HELD - through).max() < 1e-10


def test_k2_as_a_loss_descends_the_kl():
    toy = Toy(3)
    log_ratios, weights = toy.log_ratios, toy.policy.detach() / PROMPTS
    through = toy.gradient((weights * log_ratios**2 / 2).sum())
    assert np.abs(through - toy.gradient(toy.kl())).max() < 1e-10
    ours, _ = toy.expected("kl_k2")
    plain, _ = toy.expected("none")
    assert np.abs((plain - ours) / HELD - through).max() < 1e-10


def test_k1_through_the_samples_is_nothing():
    toy = Toy(3)
    weights = toy.policy.detach() / PROMPTS
    assert np.abs(toy.gradient((weights * toy.log_ratios).sum())).max() < 1e-12


def test_the_exact_gradient_of_chi2_is_twice_the_mean_of_ratio_and_score():
    toy = Toy(4)
    twice = toy.of_slopes(2 * toy.log_ratios.detach().exp().numpy())
    assert np.abs(twice - toy.gradient(toy.chi2())).max() < 1e-10


@pytest.mark.parametrize("name", ["chi2_exact", "kl_k3"])
def test_beyond_the_tangent_the_slope_is_that_of_what_is_there(name):
    """Ratios of e^±14: the objective with continued exponentials, by autograd."""
    toy = Toy(6, scale=6.0)
    assert toy.log_ratios.max() > 12
    assert toy.log_ratios.min() < -12

    def continued(log_ratio):
        return log_ratio.clamp_max(10).exp() * (1 + (log_ratio - 10).clamp_min(0))

    log_ratios, weights = toy.log_ratios, toy.policy.detach() / PROMPTS
    ours, found = toy.expected(name)
    plain, _ = toy.expected("none")
    if name == "kl_k3":
        truth = toy.gradient((weights * (log_ratios + continued(-log_ratios) - 1)).sum())
    else:
        root = math.sqrt(found.divergences.chi2_published)
        truth = toy.gradient(toy.mean(continued(log_ratios) - 1)) / (2 * root)
    assert np.abs((plain - ours) / HELD - truth).max() < 1e-10 * max(1, np.abs(truth).max())


@pytest.mark.parametrize("name", ["kl_k1", "chi2_exact", "none"])
def test_the_baseline_of_the_others_leaves_the_expectation_exact(name, monkeypatch):
    """All groups of three draws, each with its probability; chi2 held at its true value."""
    toy = Toy(6, answers=4)
    policy = toy.policy.detach().numpy()
    rewards, logs = toy.rewards.numpy(), toy.log_ratios.detach().numpy()
    true = exact(policy, toy.reference.numpy())
    known = slopes(name, rewards, logs, SETTINGS, policy / PROMPTS).divergences
    assert known.chi2_published == pytest.approx(true.chi2)
    monkeypatch.setattr("pipeline.preferences.divergences.estimate", lambda *_: known)
    summed = np.zeros_like(policy)
    for prompt in range(PROMPTS):
        score = np.eye(4) - policy[prompt]  # grad log pi of each answer, by the logits
        for drawn in itertools.product(range(4), repeat=3):
            chosen = list(drawn)
            found = slopes(
                name, rewards[[prompt], chosen][None], logs[[prompt], chosen][None], SETTINGS
            )
            chance = policy[prompt, chosen].prod()
            summed[prompt] += chance * (found.values[0] @ score[chosen]) / 3 / PROMPTS
    truth = toy.gradient(toy.objective(name))
    assert np.abs(summed - truth).max() < 1e-10


@pytest.mark.parametrize("name", REGULARIZERS)
def test_a_flat_group_has_exactly_no_slope_of_its_rewards_but_its_regularizers(name):
    rng = np.random.default_rng(0)
    logs = rng.normal(size=(2, 3))
    rewards = np.array([[0.1] * 3, [1.0, 0.0, 0.5]])  # the mean of three 0.1 is another number
    found = slopes(name, rewards, logs, SETTINGS).values
    again = slopes(name, rewards * 0.0, logs, SETTINGS).values
    if name == "none":
        assert (found[0] == 0.0).all()
        assert (found[1][:2] != 0.0).all()
    else:
        assert np.abs(found[0]).min() > 0
        if name != "maxmin":  # whose factor depends on the gain
            assert (found[0] == again[0]).all()


@pytest.mark.parametrize("name", REGULARIZERS)
def test_one_answer_a_prompt_has_its_regularizers_slope_alone(name):
    logs = np.array([[0.5], [-1.0], [2.0]])
    found = slopes(name, np.array([[3.0], [1.0], [2.0]]), logs, SETTINGS).values
    if name == "none":
        assert (found == 0.0).all()
    else:
        assert (np.sign(found) == -np.sign(logs)).all()  # back towards the reference


def test_what_is_part_of_the_reward_has_a_baseline_and_what_is_differentiated_has_none():
    logs = np.array([[0.5, 1.0, 3.0]])
    none = np.zeros((1, 3))
    assert slopes("kl_k1", none, logs, SETTINGS).values == pytest.approx(
        -HELD * np.array([[0.5 - 2.0, 1.0 - 1.75, 3.0 - 0.75]])
    )
    assert slopes("kl_k2", none, logs, SETTINGS).values == pytest.approx(-HELD * logs)
    for name in ("chi2_exact", "maxmin"):
        assert slopes(name, none, logs, SETTINGS).values.sum() == pytest.approx(0.0, abs=1e-12)
    assert (slopes("chi2_published", none, logs, SETTINGS).values < 0).all()


def test_an_answer_that_the_reference_cannot_say_is_left_out():
    logs = np.array([[0.1, math.inf, -0.2, 0.4], [0.0, 0.3, math.inf, math.inf]])
    rewards = np.array([[1.0, 99.0, 0.0, 2.0], [1.0, 0.5, 99.0, 99.0]])
    found = slopes("chi2_exact", rewards, logs, SETTINGS)
    alone = slopes("chi2_exact", rewards[:1, [0, 2, 3]], logs[:1, [0, 2, 3]], SETTINGS)
    assert found.divergences.left_out == 3
    assert (found.values[np.isinf(logs)] == 0.0).all()
    assert np.isfinite(found.values).all()
    plain = slopes("none", rewards, logs, SETTINGS).values
    assert plain[0, [0, 2, 3]] == pytest.approx([0.0, -1.5, 1.5])  # less the mean of the others
    assert plain[1] == pytest.approx([0.5, -0.5, 0.0, 0.0])
    assert alone.divergences.left_out == 0


def test_the_value_of_the_objective_is_told():
    toy = Toy(7)
    for name in ("kl_k1", "chi2_exact"):
        _, found = toy.expected(name)
        short = float((toy.mean(toy.rewards) - toy.objective(name)).detach())
        assert found.penalty == pytest.approx(short, abs=1e-12)
    _, found = toy.expected("maxmin")
    gained = float(toy.mean(toy.rewards).detach()) - SETTINGS.proxy_mean
    assert gained - found.penalty == pytest.approx(float(toy.objective("maxmin").detach()))
    assert found.standardised_gain == pytest.approx(gained / SETTINGS.proxy_deviation)


def test_a_policy_that_climbs_the_slopes_ends_at_the_optimum_of_its_objective():
    """Of E[R] - lambda sqrt(chi2) the optimum is reference times (R - t)+, rewards reweighted."""
    toy = Toy(8)
    toy.logits = toy.reference.log().clone().requires_grad_()
    for _ in range(3000):
        ours, _ = toy.expected("chi2_exact")
        with torch.no_grad():
            toy.logits += 0.5 * torch.from_numpy(ours) * PROMPTS
    ratios = toy.log_ratios.detach().exp()
    # within a prompt the ratio of an answer that stays is linear in its reward, of slope
    # sqrt(chi2) / lambda; the rest fades
    slope = math.sqrt(float(toy.chi2().detach())) / HELD
    for prompt in range(PROMPTS):
        kept = ratios[prompt] > 0.3
        if kept.sum() > 1:
            order = toy.rewards[prompt][kept]
            found = ratios[prompt][kept]
            assert (found - found[0]).numpy() == pytest.approx(
                (slope * (order - order[0])).numpy(), abs=0.02
            )
