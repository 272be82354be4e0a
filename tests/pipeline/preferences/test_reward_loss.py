"""The loss of pairs, its ties and centring, and how a batch is shared out."""

import itertools
import math

import pytest
import torch
from toy_artifacts import small_model
from toy_preferences import toy_reward_config

from pipeline.preferences.preference_pairs import TokenPair
from pipeline.preferences.reward_loss import PairBatches, pair_losses, pair_step_loss
from pipeline.preferences.reward_model import RewardModel
from pipeline.training import distribution, lanes


def test_each_pair_costs_minus_log_sigmoid_a_tie_the_mean_of_both_outcomes_and_the_centring():
    chosen, rejected = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.0, 1.0, 0.2])
    ties = torch.tensor([False, False, True])
    won = [math.log(1 + math.exp(-d)) for d in (1.0, -3.0, 0.3)]
    lost = math.log(1 + math.exp(0.3))
    expected = torch.tensor([won[0], won[1], (won[2] + lost) / 2])
    torch.testing.assert_close(pair_losses(chosen, rejected, ties, 0.0), expected)
    centred = expected + 0.1 * torch.tensor([1.0, 1.0, 0.49])
    torch.testing.assert_close(pair_losses(chosen, rejected, ties, 0.1), centred)


def test_a_tie_teaches_that_both_are_worth_the_same():
    scores = torch.tensor([0.7, -0.4], requires_grad=True)
    loss = pair_losses(scores[:1], scores[1:], torch.tensor([True]), 0.0)
    loss.sum().backward()
    slope = torch.sigmoid(torch.tensor(1.1)) - 0.5
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad, torch.stack([slope, -slope]))


def test_very_unlike_scores_cost_no_infinity():
    far = torch.tensor([1e4])
    assert float(pair_losses(-far, far, torch.tensor([False]), 0.0)) == pytest.approx(2e4)


def some_pairs(count: int) -> list[TokenPair]:
    return [
        TokenPair(str(n), str(n // 2), [7 + n, *range(3, 6 + n % 5)], [9, 8 + n], n % 4 == 0)
        for n in range(count)
    ]


def test_an_epoch_holds_each_pair_once_in_an_order_of_its_own():
    batches = PairBatches(some_pairs(10), 4, seed=3)
    drawn = [pair.id for number in range(5) for pair in batches.batch(number)]
    first, second = drawn[:10], drawn[10:]
    assert sorted(first) == sorted(second) == sorted(p.id for p in some_pairs(10))
    assert first != second
    again = PairBatches(some_pairs(10), 4, seed=3)
    assert [p.id for p in again.batch(4)] == drawn[16:]  # any batch alone
    assert [p.id for p in PairBatches(some_pairs(10), 4, seed=4).batch(0)] != drawn[:4]
    for a, b in zip(drawn[::2], drawn[1::2]):  # pairs of a prompt together
        assert int(a) // 2 == int(b) // 2


def test_an_answer_of_several_pairs_is_read_once(model, monkeypatch):
    answers = [[7, 3, n] for n in range(4)]
    pairs = [
        TokenPair(f"{a}{b}", "one", answers[a], answers[b], False)
        for a, b in itertools.combinations(range(4), 2)
    ]
    read: list[int] = []
    rewards = model.rewards

    def noted(tokens, last, weights=None):
        read.append(len(tokens))
        return rewards(tokens, last, weights)

    monkeypatch.setattr(model, "rewards", noted)
    mean, loss = total(model, pairs)
    assert read[:1] == [4]
    assert loss.tokens == 12
    scores = model.score(answers)
    expected = [
        math.log(1 + math.exp(float(scores[b] - scores[a])))
        for a, b in itertools.combinations(range(4), 2)
    ]
    centred = [float(scores[a] + scores[b]) ** 2 for a, b in itertools.combinations(range(4), 2)]
    assert float(mean.detach()) == pytest.approx(sum(expected) / 6 + 0.01 * sum(centred) / 6)


@pytest.fixture
def model():
    return RewardModel.of_chat_model(small_model(258), 0.3, seed=0)


def total(model, pairs, **settings):
    loss = pair_step_loss(model, pairs, toy_reward_config(**settings))
    return sum(term() for term in loss.terms) / loss.normalizer, loss


def test_the_terms_of_micro_batches_and_lanes_add_up_to_the_mean_of_all_pairs(model, monkeypatch):
    pairs = some_pairs(13)
    chosen, rejected = model.score([p.chosen for p in pairs] + [p.rejected for p in pairs]).chunk(2)
    ties = torch.tensor([p.tie for p in pairs])
    expected = float(pair_losses(chosen, rejected, ties, 0.01).mean())
    gradients = []
    for micro, lane_count in itertools.product((2, 5, 100), (1, 2)):
        monkeypatch.setattr(lanes, "count", lambda *_, lane_count=lane_count: lane_count)
        mean, loss = total(model, pairs, micro_pairs=micro)
        assert float(mean.detach()) == pytest.approx(expected, rel=1e-5)
        assert loss.normalizer == 13
        gradients.append(torch.autograd.grad(mean, model.reward_head)[0])
    assert all(torch.allclose(g, gradients[0], atol=1e-6) for g in gradients)


def test_processes_share_the_pairs_of_a_batch(model, monkeypatch):
    pairs = some_pairs(12)
    whole = float(total(model, pairs)[0].detach())
    monkeypatch.setattr(distribution, "world", lambda: 3)
    parts = []
    for rank in range(3):
        monkeypatch.setattr(distribution, "rank", lambda rank=rank: rank)
        mean, loss = total(model, pairs)
        parts.append(float(mean.detach()))
        assert loss.normalizer == 12
    assert sum(parts) == pytest.approx(whole, rel=1e-5)
    assert len(set(parts)) == 3
