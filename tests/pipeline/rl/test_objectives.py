"""Each objective against its published formula, by autograd and by hand; where they are the same
and where they part."""

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
import torch
from largest_tensor import Largest

from pipeline.curriculum.tasks import draw as draw_tasks
from pipeline.model import ModelConfig, Transformer
from pipeline.model.engine import Engine
from pipeline.model.sampling import log_probs
from pipeline.rl import policy_gradient as pg
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.objectives import OBJECTIVES, RatioBounds, normalizer
from pipeline.rl.token_losses import token_losses
from pipeline.training.gradients import GradientSum
from pipeline.training.step import StepLoss, add_gradients
from storage.errors import UserError

MOST = 40  # tokens of an answer
LIMIT = 1.5  # of a truncated ratio


def published(name, groups):
    """The loss as its paper has it; `groups` of answers (reward, log pi, log mu), each [tokens]."""
    answers = [answer for group in groups for answer in group]
    tokens = sum(len(pi) for _, pi, _ in answers)
    total = torch.zeros(())
    for group in groups:
        earned = torch.tensor([float(reward) for reward, _, _ in group])
        for reward, pi, mu in group:
            gain = reward - earned.mean()
            if name in ("grpo", "dapo", "cispo", "gspo"):
                gain = gain / (earned.std() + 1e-4)
            if name == "max_rl":
                gain = gain / earned.mean() if earned.mean() > 0 else 0.0
            w = (pi - mu).exp()
            if name in ("reinforce", "cispo", "max_rl"):
                total = total - (gain * w.detach().clamp(max=LIMIT) * pi).sum() / tokens
            elif name == "gspo":
                s = (pi - mu).mean().exp()
                cut = s.clamp(1 - 3e-4, 1 + 4e-4)
                total = total - torch.minimum(s * gain, cut * gain) / len(answers)
            else:
                high = 0.28 if name == "dapo" else 0.2
                each = torch.minimum(w * gain, w.clamp(0.8, 1 + high) * gain)
                if name == "grpo":
                    total = total - each.mean() / len(answers)
                elif name == "dr_grpo":
                    total = total - each.sum() / (len(answers) * MOST)
                else:
                    total = total - each.sum() / tokens
    return total


def rule_of(name, temperature=1.0, top_k=0, chunk_tokens=16):
    objective = OBJECTIVES[name]
    return pg.UpdateRule(
        temperature, top_k, objective.bounds(LIMIT, 0.0, 0.0), chunk_tokens, objective
    )


def divisor(name, answers):
    tokens = sum(len(answer.tokens) for answer in answers)
    return normalizer(OBJECTIVES[name].aggregation, len(answers), tokens, MOST)


def learned(model, answers, name, micro_rows=7, **settings):
    """Loss and slopes as a step has them."""
    model.zero_grad(set_to_none=True)
    terms = pg.policy_terms(model, answers, rule_of(name, **settings), micro_rows)
    given = StepLoss(terms, divisor(name, answers), tokens=0)
    loss, _ = add_gradients(GradientSum(model, list(model.parameters())), given, model.device)
    return loss, {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def sampled(model, tokenizer, groups=3, each=4, seed=1, **changes):
    """Answers that are right by chance, with advantages of none of the objectives yet."""
    config = RlConfig(
        prompts_per_step=groups, answers_per_prompt=each, max_new_tokens=MOST, **changes
    )
    tasks = draw_tasks(groups, ("sum:1-3=1",), random.Random(0))
    found = rolls.sample(Engine(model), tokenizer, tasks, config, seed, groups=range(groups))
    dice = random.Random(seed)
    return [dataclasses.replace(r, reward=float(dice.random() < 0.4)) for r in found]


def with_gains(answers, name, each=4):
    rewards = np.array([r.reward for r in answers]).reshape(-1, each)
    gains = rolls.advantages(rewards, OBJECTIVES[name].advantage).flatten()
    return [dataclasses.replace(r, advantage=float(g)) for r, g in zip(answers, gains)]


def by_another_policy(answers, most=0.6, seed=2):
    dice = random.Random(seed)
    return [
        dataclasses.replace(r, logprobs=[v + dice.uniform(-most, most) for v in r.logprobs])
        for r in answers
    ]


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 12)])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_loss_and_slopes_are_the_published_ones(chat_model, name, temperature, top_k):
    model, tokenizer = chat_model
    answers = sampled(model, tokenizer, temperature=temperature, top_k=top_k)
    answers = by_another_policy(with_gains(answers, name))
    assert any(r.advantage > 0 for r in answers)
    assert any(r.advantage < 0 for r in answers)
    loss, slopes = learned(model, answers, name, temperature=temperature, top_k=top_k)
    model.zero_grad(set_to_none=True)
    groups: list[list[Any]] = [[] for _ in range(3)]
    for r in answers:
        logits = model(torch.tensor([r.prompt + r.tokens]))[0, len(r.prompt) - 1 : -1]
        chosen = log_probs(logits, temperature, top_k).gather(1, torch.tensor(r.tokens)[:, None])
        groups[r.group].append((r.reward, chosen[:, 0], torch.tensor(r.logprobs)))
    expected = published(name, groups)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-3, abs=1e-6)
    for parameter_name, parameter in model.named_parameters():
        torch.testing.assert_close(
            slopes[parameter_name], parameter.grad, rtol=1e-3, atol=2e-5, msg=parameter_name
        )


def test_on_policy_all_have_one_gradient_up_to_the_normalizer(chat_model):
    """Sampler and trainer agree, answers are of one length and worth the same in all."""
    model, tokenizer = chat_model
    answers = sampled(model, tokenizer, groups=6)
    answers = [dataclasses.replace(r, tokens=r.tokens[:6]) for r in answers]
    answers = [dataclasses.replace(r, logprobs=r.logprobs[:6]) for r in answers]
    same = [r for r in with_gains(answers, "reinforce") if len(r.tokens) == 6]
    _, expected = learned(model, same, "reinforce")
    assert max(slope.abs().max() for slope in expected.values()) > 1e-3
    for name in OBJECTIVES:
        _, slopes = learned(model, same, name)
        factor = MOST / 6 if name == "dr_grpo" else 1.0
        for which, slope in slopes.items():
            torch.testing.assert_close(
                slope * factor, expected[which], rtol=2e-3, atol=1e-5, msg=f"{name} {which}"
            )
    # Off-policy they part.
    other = by_another_policy(same)
    found = [learned(model, other, name)[1]["lm_head.weight"] for name in ("reinforce", "dapo")]
    assert (found[0] - found[1]).abs().max() > 0.05 * found[0].abs().max()
    gspo = learned(model, other, "gspo")[1]["lm_head.weight"]
    assert (gspo - found[1]).abs().max() > 0.05 * found[1].abs().max()


# Ratios 0.5, 1.1, 3 of tokens in two answers: of two tokens with gain 1, of one with gain -2.
RATIOS = torch.tensor([0.5, 1.1, 3.0])
GAINS, ROWS = torch.tensor([1.0, 1.0, -2.0]), torch.tensor([0, 0, 1])


@pytest.mark.parametrize(
    ("kind", "slopes", "clipped"),
    [
        # min(w, 2): 0.5, 1.1, 2, times the gain
        ("truncated", [0.5, 1.1, -4.0], [False, False, True]),
        # of a gain only what is above 1.05 is cut, of a loss only what is below 0.9
        ("clipped", [0.5, 0.0, -6.0], [False, True, False]),
        # the first answer's ratio is sqrt(0.55) = 0.74, the second's 3: neither is cut
        ("sequence", [0.55**0.5, 0.55**0.5, -6.0], [False, False, False]),
    ],
)
def test_slopes_by_hand(kind, slopes, clipped):
    pi = torch.tensor([0.2, 0.3, 0.4]).log()
    found = token_losses(
        kind, pi, pi - RATIOS.log(), GAINS, ROWS, RatioBounds(2.0, low=0.1, high=0.05)
    )
    torch.testing.assert_close(found.slopes, torch.tensor(slopes))
    assert found.clipped.tolist() == clipped
    by_hand = {
        "truncated": [-0.5 * pi[0], -1.1 * pi[1], 4.0 * pi[2]],
        "clipped": [-0.5, -1.05, 6.0],
        "sequence": [-(0.55**0.5), -(0.55**0.5), 6.0],
    }
    torch.testing.assert_close(found.values, torch.tensor(by_hand[kind]))


@pytest.mark.parametrize("kind", ["truncated", "clipped", "sequence"])
def test_a_token_that_we_cant_draw_teaches_nothing_and_spoils_no_other(kind):
    pi = torch.tensor([0.2, 0.3, 0.4]).log()
    bounds = RatioBounds(2.0, 0.1, 0.05)
    gone = pi.clone()
    gone[1] = -torch.inf
    found = token_losses(kind, gone, pi, GAINS, ROWS, bounds)
    assert (found.values[1], found.slopes[1]) == (0.0, 0.0)
    assert found.values.isfinite().all()
    torch.testing.assert_close(found.slopes[[0, 2]], GAINS[[0, 2]])


def test_advantages_by_hand():
    rewards = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    flat = [[0.0] * 4] * 2
    assert rolls.advantages(rewards).tolist() == [[0.75, -0.25, -0.25, -0.25], *flat]
    # the deviation of a sample: sqrt((0.75² + 3 * 0.25²) / 3) = 0.5
    found = rolls.advantages(rewards, "standardised")
    assert found.tolist() == pytest.approx(
        np.array([[0.75, -0.25, -0.25, -0.25], *flat]) / (0.5 + 1e-4)
    )
    assert rolls.advantages(rewards, "relative").tolist() == [[3.0, -1.0, -1.0, -1.0], *flat]
    # a group of equal rewards has none, however its mean is rounded
    odd = np.full((1, 3), 0.1)  # their mean is 0.10000000000000002
    for kind in ("centred", "standardised", "relative"):
        assert rolls.advantages(odd, kind).tolist() == [[0.0] * 3]


def test_normalizers_by_hand():
    assert normalizer("tokens", 3, 50, 40) == 50.0
    assert normalizer("answers", 3, 50, 40) == 3.0
    assert normalizer("constant", 3, 50, 40) == 120.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "ppo"}, "objective: unknown 'ppo': one of reinforce, grpo"),
        ({"clip_low": 0.1}, "clip_low, clip_high: reinforce has ratio_limit instead"),
        ({"objective": "cispo", "clip_high": 4.0}, "cispo has ratio_limit instead"),
        ({"objective": "grpo", "clip_low": 1.0}, "clip_low: 1.0 must be below 1"),
        ({"objective": "max_rl", "honesty_share": 0.25}, "max_rl .* set honesty_share=0"),
        ({"objective": "max_rl", "overlong": "soft"}, "max_rl .* choose zero or mask"),
        ({"overlong": "drop"}, "overlong: unknown 'drop': one of zero, mask, soft"),
        ({"overlong_buffer": 0.0}, "overlong_buffer"),
        ({"overlong_buffer": 1.5}, "overlong_buffer: 1.5 is no share"),
        ({"reward": "partial"}, "reward: unknown 'partial': one of exact, substring"),
        ({"curriculum": "pool"}, "curriculum: unknown 'pool': one of mixture, pools"),
        ({"pool_batches": 0}, "pool_batches"),
        ({"replacement_rounds": -1}, "replacement_rounds"),
        ({"mismatch_limit": -1.0}, "mismatch_limit"),
        ({"updates_per_batch": 0}, "updates_per_batch"),
        ({"updates_per_batch": 5, "rollback_steps": 0}, "must be a multiple of updates_per_batch"),
        ({"updates_per_batch": 3}, "rollback_steps must be a multiple of updates_per_batch"),
    ],
)
def test_settings_that_do_not_go_together_are_one_line(changes, message):
    with pytest.raises(UserError, match=message) as refused:
        RlConfig(**({"honesty_share": 0.0} | changes))
    assert "\n" not in str(refused.value)


def test_clips_of_ones_own_replace_the_published_ones():
    dapo = OBJECTIVES["dapo"]
    assert dapo.bounds(2.0, 0.0, 0.0) == RatioBounds(2.0, 0.2, 0.28)
    assert dapo.bounds(2.0, 0.1, 0.0) == RatioBounds(2.0, 0.1, 0.28)
    assert dapo.bounds(2.0, 0.0, 0.4) == RatioBounds(2.0, 0.2, 0.4)


def test_two_passes_hold_no_more_logits_than_one(torch_restored):
    vocabulary, chunk = 8_192, 12
    model = Transformer(
        ModelConfig(
            vocab_size=vocabulary,
            layers=1,
            width=16,
            heads=1,
            kv_heads=1,
            head_dim=16,
            ffn_width=16,
            max_context=64,
        )
    ).init_weights(0)
    task = draw_tasks(1, ("sum:1=1",), random.Random(0))[0]
    tokens = list(range(40))
    answers = [
        rolls.Rollout(task, n, [1, 2], tokens, [-9.0] * 40, "", True, 1.0, n - 0.5, "correct")
        for n in range(3)
    ]
    with Largest() as seen:
        learned(model, answers, "dapo", chunk_tokens=chunk)
    assert chunk * vocabulary <= seen.elements <= 16 * vocabulary
