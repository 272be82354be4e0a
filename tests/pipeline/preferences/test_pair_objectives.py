"""DPO, IPO and KTO: slopes against autograd on TRL's published formulas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pipeline.preferences import pair_objectives

PAIRS, BETA = 7, 0.3


def made(seed=0, scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(4, PAIRS, generator=generator, dtype=torch.float64) * scale
    policy = draw[:2].clone().requires_grad_()  # log-probabilities: chosen, rejected
    return policy, draw[2:]


def slopes_by_autograd(loss, policy):
    (found,) = torch.autograd.grad(loss, policy)
    return -found.numpy()


def log_ratios(policy, reference):
    """Of the chosen and of the rejected answers."""
    chosen, rejected = (policy - reference).detach().numpy()
    return chosen, rejected


def test_dpo_is_trls():
    policy, reference = made()
    logits = (policy[0] - policy[1]) - (reference[0] - reference[1])
    losses = -F.logsigmoid(BETA * logits)
    chosen, rejected = log_ratios(policy, reference)
    found = pair_objectives.dpo(chosen, rejected, BETA)
    assert found.losses == pytest.approx(losses.detach().numpy(), abs=1e-12)
    truth = slopes_by_autograd(losses.mean(), policy)
    ours = np.stack([found.chosen, found.rejected]) / found.divisor
    assert np.abs(ours - truth).max() < 1e-12


def test_ipo_is_trls_by_the_token():
    policy, reference = made(1)
    tokens = torch.tensor([[3, 9, 1, 20, 5, 6, 7], [4, 4, 8, 1, 30, 6, 2]])
    scores = (policy - reference) / tokens
    losses = (scores[0] - scores[1] - 1 / (2 * BETA)) ** 2
    lengths = tokens.numpy()
    won, lost = log_ratios(policy, reference)
    found = pair_objectives.ipo(won, lost, BETA, lengths[0], lengths[1])
    assert found.losses == pytest.approx(losses.detach().numpy(), abs=1e-12)
    truth = slopes_by_autograd(losses.mean(), policy)
    ours = np.stack([found.chosen, found.rejected]) / found.divisor
    assert np.abs(ours - truth).max() < 1e-12


@pytest.mark.parametrize("shift", [-2.0, 2.0])
def test_kto_is_trls_with_a_reference_point_that_has_no_gradient(shift):
    policy, reference = made(2)
    mismatched = torch.randn(PAIRS, dtype=torch.float64) + shift
    point = mismatched.mean().clamp(min=0)
    ratios = policy - reference
    chosen = 1 - F.sigmoid(BETA * (ratios[0] - point))
    rejected = 1 - F.sigmoid(BETA * (point - ratios[1]))
    loss = torch.cat((1.2 * chosen, 0.8 * rejected), 0).mean()
    z = pair_objectives.reference_point(mismatched.numpy())
    assert (z == 0.0) == (shift < 0)
    won, lost = log_ratios(policy, reference)
    found = pair_objectives.kto(won, lost, BETA, z, 1.2, 0.8)
    truth = slopes_by_autograd(loss, policy)
    ours = np.stack([found.chosen, found.rejected]) / found.divisor
    assert np.abs(ours - truth).max() < 1e-12
    assert found.losses.sum() / found.divisor == pytest.approx(float(loss.detach()))


def test_dpo_over_all_pairs_moves_an_enumerated_policy_to_the_kl_optimum():
    """Its promise: with Bradley-Terry's raters the optimum is reference * e^(reward / beta)."""
    generator = torch.Generator().manual_seed(3)
    rewards = torch.randn(4, generator=generator, dtype=torch.float64)
    reference = torch.log_softmax(torch.randn(4, generator=generator, dtype=torch.float64), 0)
    logits = reference.clone()
    first, second = np.array([(a, b) for a in range(4) for b in range(4) if a != b]).T
    likely = torch.sigmoid(rewards[first] - rewards[second]).numpy()
    for _ in range(4000):
        policy = torch.log_softmax(logits, 0)
        ratios = (policy - reference).numpy()
        found = pair_objectives.dpo(ratios[first], ratios[second], 1.0)
        pushes = np.zeros(4)
        np.add.at(pushes, first, likely * found.chosen)
        np.add.at(pushes, second, likely * found.rejected)
        logits = logits + 0.5 * torch.from_numpy(pushes - policy.exp().numpy() * pushes.sum())
    best = torch.log_softmax(reference + rewards, 0)
    assert torch.log_softmax(logits, 0).numpy() == pytest.approx(best.numpy(), abs=1e-6)


def test_far_margins_neither_overflow_nor_vanish_into_nan():
    far = np.array([1e4, -1e4])
    for found in (
        pair_objectives.dpo(far, -far, BETA),
        pair_objectives.kto(far, -far, BETA, 0.0),
    ):
        for values in found[:3]:
            assert np.isfinite(values).all()
    assert pair_objectives.dpo(far, -far, BETA).chosen == pytest.approx([0.0, BETA])
