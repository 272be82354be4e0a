import math

import pytest
import torch
import torch.nn.functional as F
from leaf_gradients import gradient_of

from pipeline.training.data_loader import Batch
from pipeline.training.loss import Drawn, fused_cross_entropy, token_loss


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_fused_loss_and_gradients_equal_plain_cross_entropy(chunk):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(50, 8, generator=generator, requires_grad=True)
    head = torch.randn(30, 8, generator=generator, requires_grad=True)
    targets = torch.randint(30, (50,), generator=generator)
    weights = torch.randn(50, generator=generator)
    weights[::4] = 0
    plain = F.cross_entropy(hidden @ head.T, targets, reduction="none")
    (plain * weights).sum().backward()
    expected = gradient_of(hidden).clone(), gradient_of(head).clone()
    hidden.grad = head.grad = None
    total, nats = fused_cross_entropy(hidden, head, targets, weights, chunk)
    (3 * total).backward()
    torch.testing.assert_close(total, (plain * weights).sum().detach())
    torch.testing.assert_close(nats[weights != 0], plain[weights != 0].detach())
    assert (nats[weights == 0] == 0).all()
    torch.testing.assert_close(hidden.grad, 3 * expected[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(head.grad, 3 * expected[1], rtol=1e-4, atol=1e-5)


def test_bfloat16_products_keep_the_softmax_in_float32():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(40, 16, generator=generator)
    head = torch.randn(100, 16, generator=generator, requires_grad=True)
    targets = torch.randint(100, (40,), generator=generator)
    total, nats = fused_cross_entropy(hidden.bfloat16(), head, targets, torch.ones(40), 16)
    total.backward()
    assert nats.dtype == total.dtype == gradient_of(head).dtype == torch.float32
    exact = F.cross_entropy(hidden @ head.detach().T, targets, reduction="none")
    torch.testing.assert_close(nats, exact, rtol=0.02, atol=0.05)


def test_token_loss_matches_the_models_own_logits(make_model):
    torch.manual_seed(0)
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    tokens = torch.randint(300, (3, 21))
    mask = (torch.rand(3, 20) < 0.6).long()
    batch = Batch(tokens[:, :-1], tokens[:, 1:], mask, None)
    total, nats = token_loss(model, batch, chunk_tokens=8)
    logits = model(batch.tokens)
    plain = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
    torch.testing.assert_close(
        nats.flatten(), plain.detach() * mask.flatten(), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(total, (plain * mask.flatten()).sum())


def test_documents_kept_apart_do_not_see_each_other(make_model):
    torch.manual_seed(0)
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    first, second = torch.randint(300, (9,)), torch.randint(300, (9,))
    row = torch.cat([first, second])[None]
    ids = torch.tensor([[0] * 9 + [1] * 9])
    mask = torch.ones(1, 17, dtype=torch.long)
    mask[0, 8] = 0
    _, packed = token_loss(model, Batch(row[:, :-1], row[:, 1:], mask, ids[:, :-1]))
    alone = second[None]
    ones = torch.ones(1, 8, dtype=torch.long)
    _, single = token_loss(model, Batch(alone[:, :-1], alone[:, 1:], ones, None))
    torch.testing.assert_close(packed[0, 9:], single[0], rtol=1e-4, atol=1e-5)


@pytest.fixture(params=[True, False], ids=["portable", "C"])
def way(request, monkeypatch):
    if request.param:
        monkeypatch.setattr("pipeline.model.fused.ready", lambda *_: False)


def loss_of(rows, targets, weights, drawn):
    """The loss of logits as they are (the head is the identity), and its slopes by them."""
    logits = torch.tensor(rows).log().requires_grad_()
    head = torch.eye(logits.shape[1])
    total, nats = fused_cross_entropy(
        logits, head, torch.tensor(targets), torch.tensor(weights), 2, drawn=drawn
    )
    total.backward()
    return total.item(), nats.tolist(), logits.grad


def test_drawn_targets_count_by_their_importance(way):
    """The ratio weighs a target's slope and is no path for one itself.

    Ours 0.2, 0.5, 0.6; the sampler's 0.4, 0.4, 0.1: ratios 0.5, 1.25, 6 cut to 2.
    Weights 1, -2, 0.5: shares 0.5, -2.5, 1. Slope by the logits: share * (softmax - one hot).
    """
    rows = [[0.2, 0.3, 0.5], [0.1, 0.5, 0.4], [0.3, 0.1, 0.6]]
    drawn = Drawn(torch.tensor([0.4, 0.4, 0.1]).log(), ratio_limit=2.0)
    total, nats, slopes = loss_of(rows, [0, 1, 2], [1.0, -2.0, 0.5], drawn)
    assert nats == pytest.approx([-math.log(0.2), -math.log(0.5), -math.log(0.6)], rel=1e-5)
    by_hand = -0.5 * math.log(0.2) + 2.5 * math.log(0.5) - 1.0 * math.log(0.6)
    assert total == pytest.approx(by_hand, rel=1e-5)
    expected = [[-0.4, 0.15, 0.25], [-0.25, 1.25, -1.0], [0.3, 0.1, -0.4]]
    torch.testing.assert_close(slopes, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_a_target_we_would_not_draw_is_left_out(way):
    """Of the two most likely the first row's target is none; the second's distribution is 5 : 4."""
    rows = [[0.2, 0.3, 0.5], [0.1, 0.5, 0.4]]
    drawn = Drawn(torch.tensor([0.3, 5 / 9]).log(), top_k=2, ratio_limit=2.0)
    total, nats, slopes = loss_of(rows, [0, 1], [1.0, 1.0], drawn)
    assert nats == [math.inf, pytest.approx(-math.log(5 / 9), rel=1e-5)]
    assert total == pytest.approx(-math.log(5 / 9), rel=1e-5)
    expected = [[0.0, 0.0, 0.0], [0.0, -4 / 9, 4 / 9]]
    torch.testing.assert_close(slopes, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_weights_that_hold_the_ratio_are_taken_as_they_are(way):
    """Of the two most likely: the first row's target is none, whatever it weighs."""
    rows = [[0.2, 0.3, 0.5], [0.1, 0.5, 0.4]]
    drawn = Drawn(torch.tensor([0.3, 0.01]).log(), top_k=2, ratio_limit=2.0, weighed=True)
    total, _, slopes = loss_of(rows, [0, 1], [1.0, 0.5], drawn)
    assert total == pytest.approx(-0.5 * math.log(5 / 9), rel=1e-5)
    expected = [[0.0, 0.0, 0.0], [0.0, -2 / 9, 2 / 9]]
    torch.testing.assert_close(slopes, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_temperature_flattens_and_slopes_shrink_by_it(way):
    """At 2 the probabilities 0.64, 0.04 and 0.32 go by their roots."""
    roots = [0.8, 0.2, math.sqrt(0.32)]
    chance = [root / sum(roots) for root in roots]
    drawn = Drawn(torch.tensor([math.log(chance[1])]), temperature=2.0)
    total, nats, slopes = loss_of([[0.64, 0.04, 0.32]], [1], [3.0], drawn)
    assert nats == [pytest.approx(-math.log(chance[1]), rel=1e-5)]
    assert total == pytest.approx(-3 * math.log(chance[1]), rel=1e-5)
    expected = [1.5 * chance[0], 1.5 * (chance[1] - 1), 1.5 * chance[2]]
    torch.testing.assert_close(slopes, torch.tensor([expected]), rtol=1e-5, atol=1e-6)


def test_the_expected_slope_is_ours_whoever_samples(way):
    """One place, every token once, weighed by the sampler's probability: an exact expectation."""
    policy = torch.tensor([0.1, -0.4, 0.7, 0.0], requires_grad=True)
    sampler = torch.log_softmax(torch.tensor([0.3, -0.1, 0.2, 0.1]), 0)
    reward = torch.tensor([1.0, 0.0, 0.0, 2.0])
    drawn = Drawn(sampler, ratio_limit=100.0)
    head, targets = torch.eye(4), torch.arange(4)
    weights = sampler.exp() * reward
    fused_cross_entropy(policy.expand(4, 4), head, targets, weights, drawn=drawn)[0].backward()
    found = gradient_of(policy).clone()
    policy.grad = None
    (-(torch.softmax(policy, 0) * reward).sum()).backward()
    torch.testing.assert_close(found, policy.grad)
