"""The gradient: the sampler's log-probabilities, the right mask, sign and normalisation."""

import dataclasses
import math
import random

import pytest
import torch

from pipeline.model.engine import Engine
from pipeline.model.sampling import log_probs
from pipeline.rl import policy_gradient as pg
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.tasks import draw


def sample(model, tokenizer, **changes):
    config = RlConfig(prompts_per_step=6, answers_per_prompt=4, max_new_tokens=40, **changes)
    tasks = draw(6, (1, 2, 3), 0.0, random.Random(0))
    return rolls.sample(Engine(model), tokenizer, tasks, config, seed=1)


def with_advantages(found, values):
    return [dataclasses.replace(r, advantage=v) for r, v in zip(found, values)]


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 0), (1.0, 5), (1.3, 12)])
def test_trainer_and_sampler_agree_on_log_probabilities(chat_model, temperature, top_k):
    model, tokenizer = chat_model
    found = sample(model, tokenizer, temperature=temperature, top_k=top_k)
    with torch.no_grad():
        recomputed, rows = pg.token_log_probs(model, pg.collate(found), temperature, top_k)
    sampled = torch.tensor([value for r in found for value in r.logprobs])
    assert rows.tolist() == [row for row, r in enumerate(found) for _ in r.tokens]
    assert torch.isfinite(recomputed).all()
    far = (recomputed - sampled).abs() >= 1e-4
    # which of two tokens within a rounding error is the k-th, each side decides for itself
    assert far.float().mean() < (0.01 if top_k else 1e-9)
    if temperature != 1.0:  # the check can fail: another temperature gives other numbers
        with torch.no_grad():
            other, _ = pg.token_log_probs(model, pg.collate(found), 1.0, top_k)
        assert (other - sampled).abs().max() > 1e-2


def test_in_bfloat16_they_agree_as_well_as_bfloat16_can(chat_model):
    model, tokenizer = chat_model
    model.compute_dtype = torch.bfloat16
    found = sample(model, tokenizer)
    with torch.no_grad():
        recomputed, _ = pg.token_log_probs(model, pg.collate(found), 1.0, 0)
    sampled = torch.tensor([value for r in found for value in r.logprobs])
    difference = (recomputed - sampled).abs()
    print(f"bfloat16: mean {difference.mean():.1e}, largest {difference.max():.1e}")
    assert difference.mean() < 0.02


def test_the_mask_is_the_answer_with_its_stop_token_and_no_prompt(chat_model):
    model, tokenizer = chat_model
    found = sample(model, tokenizer)
    logprobs = [-0.5, -1.5, -2.5]
    found[0] = dataclasses.replace(
        found[0], prompt=[5, 6, 7], tokens=[8, 9, 3], logprobs=logprobs, stopped=True
    )
    batch = pg.collate(found)
    assert batch.sampled[0][batch.mask[0]].tolist() == logprobs
    assert (batch.sampled[~batch.mask] == 0).all()
    assert batch.targets[0][batch.mask[0]].tolist() == [8, 9, 3]
    assert batch.tokens[0][:5].tolist() == [5, 6, 7, 8, 9]
    assert batch.mask[0].nonzero()[:, 0].tolist() == [2, 3, 4]
    for row, r in enumerate(found):
        assert batch.targets[row][batch.mask[row]].tolist() == r.tokens


def test_normalisation_is_by_tokens_of_the_whole_batch():
    # Two answers: 3 tokens with advantage 0.5, 1 token with -0.5. By hand:
    # -(0.5 * (-1 - 2 - 3) - 0.5 * (-4)) / 4 = -(-3 + 2) / 4 = 0.25, not the mean of two means.
    logprobs = torch.tensor([-1.0, -2.0, -3.0, -4.0], requires_grad=True)
    advantages = torch.tensor([0.5, 0.5, 0.5, -0.5])
    loss = pg.policy_loss(logprobs, logprobs.detach(), advantages, 4, 2.0)
    loss.backward()
    assert loss.item() == pytest.approx(0.25)
    assert logprobs.grad.tolist() == pytest.approx([-0.125, -0.125, -0.125, 0.125])


def test_each_token_counts_by_its_importance():
    """The ratio weighs a token's slope and is no path for one itself.

    Trainer's probabilities 0.2, 0.5, 0.6, 0; sampler's 0.4, 0.4, 0.1, 0.3: ratios 0.5, 1.25, 6 cut
    to 2, 0. d loss / d log p = - advantage * ratio / 4.
    """
    logprobs = torch.tensor([0.2, 0.5, 0.6, 0.0]).log().requires_grad_()
    sampled = torch.tensor([0.4, 0.4, 0.1, 0.3]).log()
    advantages = torch.tensor([1.0, -2.0, 0.5, 1.0])
    loss = pg.policy_loss(logprobs, sampled, advantages, 4, 2.0)
    loss.backward()
    by_hand = 0.5 * math.log(0.2) - 2 * 1.25 * math.log(0.5) + 0.5 * 2 * math.log(0.6)
    assert loss.item() == pytest.approx(-by_hand / 4)
    assert logprobs.grad.tolist() == pytest.approx([-0.125, 0.625, -0.25, 0.0])


def test_the_expected_slope_is_the_trainers_whoever_samples():
    """One place, every token once, weighed by the sampler's probability: an exact expectation."""
    policy = torch.tensor([0.1, -0.4, 0.7, 0.0], requires_grad=True)
    sampler = torch.log_softmax(torch.tensor([0.3, -0.1, 0.2, 0.1]), 0)
    reward = torch.tensor([1.0, 0.0, 0.0, 2.0])
    log_pi = torch.log_softmax(policy, 0)
    pg.policy_loss(log_pi, sampler, sampler.exp() * reward, 1.0, 100.0).backward()
    found = policy.grad.clone()
    policy.grad = None
    (-(torch.softmax(policy, 0) * reward).sum()).backward()
    torch.testing.assert_close(found, policy.grad)


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 5)])
def test_answers_drawn_by_another_policy_are_corrected_token_by_token(
    chat_model, temperature, top_k
):
    model, tokenizer = chat_model
    found = with_advantages(
        sample(model, tokenizer, temperature=temperature, top_k=top_k)[:4], [1.0] * 4
    )
    half = [dataclasses.replace(r, logprobs=[v + math.log(2) for v in r.logprobs]) for r in found]
    settings = {"temperature": temperature, "top_k": top_k}
    _, whole = gradients(model, found, **settings)
    _, halved = gradients(model, half, **settings)
    for name, slope in whole.items():
        torch.testing.assert_close(halved[name], slope / 2, rtol=1e-3, atol=1e-5)
    likelier = [
        dataclasses.replace(r, logprobs=[v - math.log(8) for v in r.logprobs]) for r in found
    ]
    _, cut = gradients(model, likelier, **settings, ratio_limit=3.0)
    for name, slope in whole.items():
        torch.testing.assert_close(cut[name], slope * 3, rtol=1e-3, atol=1e-4)


def test_a_token_beyond_the_trainers_top_k_is_left_out(chat_model):
    """The sampler's last kept token may be the trainer's first one dropped: no infinite loss."""
    model, tokenizer = chat_model
    (one,) = with_advantages(sample(model, tokenizer, top_k=5)[:1], [1.0])
    with torch.no_grad():
        logits = model(pg.collate([one]).tokens)[0, len(one.prompt) - 1]
    odd = dataclasses.replace(one, tokens=[int(logits.argmin()), *one.tokens[1:]])
    loss, slopes = gradients(model, [odd], top_k=5)
    assert math.isfinite(loss)
    assert all(slope.isfinite().all() for slope in slopes.values())
    assert any(slope.abs().max() > 0 for slope in slopes.values())


def gradients(model, found, **changes):
    settings = {"temperature": 1.0, "top_k": 0, "ratio_limit": 2.0, "normalizer": 100.0}
    settings |= {"micro_rows": 64} | changes
    model.zero_grad(set_to_none=True)
    loss = pg.accumulate_gradients(model, found, **settings)
    return loss, {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_a_step_along_the_gradient_makes_good_answers_likelier_and_bad_ones_rarer(chat_model):
    model, tokenizer = chat_model
    found = sample(model, tokenizer)[:2]
    found = with_advantages(found, [0.5, -0.5])

    def totals():
        with torch.no_grad():
            values, rows = pg.token_log_probs(model, pg.collate(found), 1.0, 0)
        return [float(values[rows == row].sum()) for row in range(2)]

    before = totals()
    _, grads = gradients(model, found)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter -= 0.3 * grads[name]
    after = totals()
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_micro_batches_and_skipped_answers_change_nothing(chat_model):
    model, tokenizer = chat_model
    found = sample(model, tokenizer)
    values = [0.5, -0.5, 0.0, 0.0] * 6
    found = with_advantages(found, values)
    loss, whole = gradients(model, found)
    # the same by the formula, nothing skipped
    model.zero_grad(set_to_none=True)
    batch = pg.collate(found)
    logits = model(batch.tokens)
    table = log_probs(logits, 1.0, 0)
    chosen = table.gather(-1, batch.targets[..., None])[..., 0]
    plain = -(chosen * batch.mask * batch.advantages[:, None]).sum() / 100.0
    plain.backward()
    assert loss == pytest.approx(plain.item(), rel=1e-4)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, whole[name], atol=2e-5), name
    parts_loss, parts = gradients(model, found, micro_rows=5)
    assert parts_loss == pytest.approx(loss, rel=1e-4)
    for name, gradient in whole.items():
        assert torch.allclose(parts[name], gradient, atol=2e-5), name


def test_answers_that_teach_nothing_leave_no_gradient(chat_model):
    model, tokenizer = chat_model
    found = with_advantages(sample(model, tokenizer), [0.0] * 24)
    loss, grads = gradients(model, found)
    assert loss == 0.0
    assert grads == {}
