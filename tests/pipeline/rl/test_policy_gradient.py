"""The gradient: the sampler's log-probabilities, the right mask, sign and normalisation."""

import dataclasses
import math
import random

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
from pipeline.rl.objectives import Objective, RatioBounds
from pipeline.training.gradients import GradientSum
from pipeline.training.step import StepLoss, add_gradients


def sample(model, tokenizer, **changes):
    config = RlConfig(prompts_per_step=6, answers_per_prompt=4, max_new_tokens=40, **changes)
    tasks = draw_tasks(6, ("sum:1-3=1",), random.Random(0))
    return rolls.sample(Engine(model), tokenizer, tasks, config, seed=1, groups=range(6))


def with_advantages(found, values):
    return [dataclasses.replace(r, advantage=v) for r, v in zip(found, values)]


@torch.no_grad()
def recomputed(model, found, temperature=1.0, top_k=0, chunk_tokens=1024):
    """The trainer's log-probability of each answer token, and the row it belongs to."""
    batch = pg.collate([dataclasses.replace(r, advantage=1.0) for r in found])
    rule = pg.UpdateRule(temperature, top_k, RatioBounds(2.0), chunk_tokens)
    return -pg.policy_loss(model, batch, rule).nats, batch.mask.nonzero()[:, 0]


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 0), (1.0, 5), (1.3, 12)])
def test_trainer_and_sampler_agree_on_log_probabilities(chat_model, temperature, top_k):
    model, tokenizer = chat_model
    found = sample(model, tokenizer, temperature=temperature, top_k=top_k)
    again, rows = recomputed(model, found, temperature, top_k)
    sampled = torch.tensor([value for r in found for value in r.logprobs])
    assert rows.tolist() == [row for row, r in enumerate(found) for _ in r.tokens]
    far = ~((again - sampled).abs() < 1e-4)
    # which of two tokens within a rounding error is the k-th, each side decides for itself
    assert far.float().mean() < (0.01 if top_k else 1e-9)
    if temperature != 1.0:  # the check can fail: another temperature gives other numbers
        other, _ = recomputed(model, found, 1.0, top_k)
        assert (other - sampled).abs().max() > 1e-2


def test_in_bfloat16_they_agree_as_well_as_bfloat16_can(chat_model):
    model, tokenizer = chat_model
    model.compute_dtype = torch.bfloat16
    found = sample(model, tokenizer)
    again, _ = recomputed(model, found)
    sampled = torch.tensor([value for r in found for value in r.logprobs])
    difference = (again - sampled).abs()
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


def gradients(
    model,
    found,
    normalizer=100.0,
    *,
    temperature=1.0,
    top_k=0,
    ratio_limit=2.0,
    micro_rows=64,
    chunk_tokens=1024,
):
    rule = pg.UpdateRule(temperature, top_k, RatioBounds(ratio_limit), chunk_tokens)
    model.zero_grad(set_to_none=True)
    given = StepLoss(pg.policy_terms(model, found, rule, micro_rows), normalizer, tokens=0)
    loss, _ = add_gradients(GradientSum(model, list(model.parameters())), given, model.device)
    return loss, {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_a_step_along_the_gradient_makes_good_answers_likelier_and_bad_ones_rarer(chat_model):
    model, tokenizer = chat_model
    found = sample(model, tokenizer)[:2]
    found = with_advantages(found, [0.5, -0.5])

    def totals():
        values, rows = recomputed(model, found)
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
    plain = -(chosen * batch.mask * batch.gains[:, None]).sum() / 100.0
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


def by_the_formula(model, found, temperature, top_k, ratio_limit, normalizer):
    """All logits at once, and autograd's way back through them."""
    model.zero_grad(set_to_none=True)
    batch = pg.collate(found)
    weights = model.cast_weights()
    logits = weights.logits(model.hidden(batch.tokens, weights=weights)[batch.mask])
    table = log_probs(logits, temperature, top_k)
    chosen = table.gather(-1, batch.targets[batch.mask][:, None])[:, 0]
    ratios = (chosen.detach() - batch.sampled[batch.mask]).exp().clamp_max(ratio_limit)
    gains = batch.gains[batch.mask.nonzero()[:, 0]]
    kept = torch.where(ratios == 0, 0.0, chosen)  # not 0 * -inf
    loss = -(gains * ratios * kept).sum() / normalizer
    loss.backward()
    slopes = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return loss.item(), slopes, chosen.detach()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("portable", [True, False])
@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 0), (1.3, 12)])
def test_chunks_are_the_formula(chat_model, monkeypatch, dtype, portable, temperature, top_k):
    """Log-probabilities, loss and slopes, to float32's rounding; without C to the bit."""
    model, tokenizer = chat_model
    found = sample(model, tokenizer, temperature=temperature, top_k=top_k)
    found = with_advantages(found, [0.5, -0.5, 0.25, 1.0] * 6)
    monkeypatch.setattr(model, "compute_dtype", dtype)
    if portable:
        monkeypatch.setattr("pipeline.model.fused.ready", lambda *_: False)
    loss, slopes, chosen = by_the_formula(model, found, temperature, top_k, 2.0, 100.0)
    again, _ = recomputed(model, found, temperature, top_k)
    if portable:
        assert torch.equal(again, chosen)
    torch.testing.assert_close(again, chosen, rtol=1e-6, atol=2e-6)
    # bf16 slopes are rounded before they are summed
    rtol, atol = (1e-3, 2e-6) if dtype == torch.float32 else (0.02, 2e-3)
    # New tokens' rows are equal: which of them is the k-th, products of other shapes round anew.
    for chunk in (5000,) if top_k else (7, 5000):
        settings = {"temperature": temperature, "top_k": top_k, "chunk_tokens": chunk}
        its_loss, its_slopes = gradients(model, found, **settings)
        assert its_loss == pytest.approx(loss, rel=1e-4 if dtype == torch.float32 else 1e-2)
        assert its_slopes.keys() == slopes.keys()
        for name, slope in slopes.items():
            torch.testing.assert_close(its_slopes[name], slope, rtol=rtol, atol=atol, msg=name)


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 32_000)])
@pytest.mark.parametrize("portable", [True, False])
def test_no_tensor_holds_the_logits_of_all_tokens(
    monkeypatch, torch_restored, portable, temperature, top_k
):
    """A vocabulary of 32,768: nothing is larger than a chunk's logits, or than the head."""
    if portable:
        monkeypatch.setattr("pipeline.model.fused.ready", lambda *_: False)
    vocabulary, width, chunk = 32_768, 16, 12
    config = ModelConfig(
        vocab_size=vocabulary,
        layers=1,
        width=width,
        heads=1,
        kv_heads=1,
        head_dim=16,
        ffn_width=16,
        max_context=64,
    )
    model = Transformer(config).init_weights(0)
    draw = random.Random(0)
    task = draw_tasks(1, ("sum:1=1",), draw)[0]
    found = []
    for row in range(4):
        tokens = [draw.randrange(vocabulary) for _ in range(20)]
        found.append(
            rolls.Rollout(
                task, row, [1, 2], tokens, [-9.0] * 20, "", True, 1.0, 0.5 - row, "correct"
            )
        )
    with Largest() as seen:
        loss, slopes = gradients(
            model, found, temperature=temperature, top_k=top_k, chunk_tokens=chunk
        )
    assert math.isfinite(loss)
    assert slopes["lm_head.weight"].abs().max() > 0
    assert chunk * vocabulary <= seen.elements <= max(chunk, width) * vocabulary


def test_of_answers_that_somebody_else_wrote_no_ratio_is_taken(chat_model):
    """Whatever log-probabilities they are said to have, the gradient is that of - A log pi."""
    model, tokenizer = chat_model
    found = with_advantages(sample(model, tokenizer)[:4], [1.0, -0.5, 0.25, 2.0])
    _, drawn = gradients(model, found)
    written = [dataclasses.replace(r, logprobs=[-9.0] * len(r.logprobs)) for r in found]
    rule = pg.UpdateRule(1.0, 0, RatioBounds(2.0), 1024, Objective("centred", "plain", "constant"))
    model.zero_grad(set_to_none=True)
    given = StepLoss(pg.policy_terms(model, written, rule, 64), 100.0, tokens=0)
    add_gradients(GradientSum(model, list(model.parameters())), given, model.device)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, drawn[name], rtol=1e-3, atol=1e-5)
