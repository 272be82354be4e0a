"""Optimising: rewards rise, regularizers hold, all is kept and told, nothing impossible begins."""

import dataclasses
import io
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from toy_rlhf import CONFIG, letters, optimise, toy_prompts, truth

from pipeline.preferences import divergences, guarantee, policy_sample, rlhf, rlhf_update
from pipeline.preferences.compared_pairs import ComparedPair
from pipeline.preferences.config import RlhfConfig
from pipeline.rl.policy_gradient import PolicyLoss
from pipeline.stage import Progress
from storage.errors import UserError
from storage.schemas import RLHF_STEPS
from storage.tables import table

pytestmark = pytest.mark.usefixtures("torch_restored")


def flat(prompts, answers):
    return np.ones((len(prompts), len(answers[0])))


def test_the_reward_rises_and_everything_is_kept(chat_model, tmp_path):
    found = optimise(chat_model, tmp_path, regularizer="none", steps=16, rate_factor=1.0)
    steps = rlhf.step_rows(found.rollouts)
    assert [row["step"] for row in steps] == list(range(1, 17))
    assert steps[-1]["proxy"] > steps[0]["proxy"] + 1.0
    assert table(steps, RLHF_STEPS).num_rows == 16
    rows = found.rollouts.to_pylist()
    assert len(rows) == 16 * 6 * 4
    # step 1 is the reference itself: no way from it, to the bit
    assert all(row["kl"] == row["chi2"] == 0.0 for row in rows if row["step"] == 1)
    last = [row for row in rows if row["step"] == 16]
    known = divergences.estimate(np.array([row["kl"] for row in last]))
    assert steps[-1]["kl"] == known.kl_k1 > 0.1
    assert steps[-1]["chi2"] == pytest.approx(np.mean([row["chi2"] for row in last]))
    for row in last:
        assert row["reward"] == row["proxy"] == row["completion"].count("e")
        assert row["gold"] == pytest.approx(row["proxy"] - 0.1 * len(row["completion"]))
    metrics = found.metrics.to_pylist()
    assert [row["reward"] for row in metrics] == [row["proxy"] for row in steps]
    assert found.end.figures().proxy > found.start.figures().proxy + 1.0
    gain, error = found.gold_gain
    assert gain == pytest.approx(found.end.gold.mean() - found.start.gold.mean())
    assert error > 0


def test_r_and_the_coefficient_are_those_of_the_references_answers(chat_model, tmp_path):
    stream = io.StringIO()
    found = optimise(chat_model, tmp_path, steps=1, progress=Progress(stream))
    start = found.start
    assert len(start.prompts) == CONFIG.reference_prompts
    assert all(prompt.split == "validation" for prompt in start.prompts)
    assert (start.log_ratios == 0).all()
    assert found.held.fit == guarantee.fit_within_prompts(start.proxy, start.gold)
    assert start.proxy.shape == (CONFIG.reference_prompts, CONFIG.reference_answers)
    assert found.held.settings.coefficient == found.held.fit.coefficient > 0
    assert found.held.source == "true reward"
    end = found.end.figures()
    assert found.guaranteed == guarantee.guaranteed_gain(found.held.fit, end.proxy, end.chi2)
    notes = [e["text"] for e in map(json.loads, stream.getvalue().splitlines()) if "text" in e]
    r = found.held.fit.correlation
    assert any("validation prompts" in note and f"r = {r:.3f}" in note for note in notes)
    assert any("computed: s sqrt(1 - r^2)" in note for note in notes)
    assert any("guaranteed" in note and "Theorem 5.1" in note for note in notes)


def test_progress_shows_proxy_truth_and_divergences(chat_model, tmp_path):
    stream = io.StringIO()
    optimise(chat_model, tmp_path, steps=2, progress=Progress(stream, min_seconds=0.0))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    shown = [event for event in events if event["event"] == "progress"]
    assert {"proxy", "gold", "kl", "chi2"} <= shown[-1].keys()
    curves = [event for event in events if event["event"] == "metric"]
    assert all({"kl", "chi2", "gold", "objective", "clipped"} <= event.keys() for event in curves)


def gradient_of(chat, scratch, monkeypatch, **given):
    """The first step's terms, summed and divided, by name of parameter."""
    kept: dict[str, Any] = {}
    step_loss = rlhf_update.Optimisation.step_loss

    def spied(self, done, number):
        loss = step_loss(self, done, number)
        if "grads" not in kept:
            total = torch.stack([term() for term in loss.terms]).sum() / loss.normalizer
            self.policy.zero_grad(set_to_none=True)
            total.backward()
            kept["grads"] = {n: p.grad.clone() for n, p in self.policy.named_parameters()}
            kept["policy"] = rlhf.reference_of(self.policy).requires_grad_(True)
            self.policy.zero_grad(set_to_none=True)
        return loss

    monkeypatch.setattr(rlhf_update.Optimisation, "step_loss", spied)
    kept["found"] = optimise(chat, scratch, steps=1, **given)
    return kept


def slopes_by_autograd(policy, rows, prompts, answers, slopes):
    """Minus the gradient of sum of slope * log pi, all logits at once."""
    total = torch.zeros(())
    for row, asked, answer in zip(rows, prompts, answers):
        logits = policy(torch.tensor([asked + answer]))[0, len(asked) - 1 : -1]
        chosen = logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None])
        total = total - slopes[row] * chosen.sum()
    policy.zero_grad(set_to_none=True)
    total.backward()
    return {n: p.grad for n, p in policy.named_parameters()}


def test_the_gradient_is_the_mean_of_slope_times_score(chat_model, tmp_path, monkeypatch):
    sampled = []
    sample = policy_sample.sample

    def spied(*given, **more):
        sampled.append(sample(*given, **more))
        return sampled[-1]

    monkeypatch.setattr(policy_sample, "sample", spied)
    kept = gradient_of(chat_model, tmp_path, monkeypatch, regularizer="none")
    batch = sampled[1]  # after the reference's
    assert batch.proxy is not None
    slopes = np.array([row["advantage"] for row in kept["found"].rollouts.to_pylist()])
    assert slopes == pytest.approx(
        ((batch.proxy - batch.proxy.mean(1, keepdims=True)) * 4 / 3).ravel()
    )
    prompts = [asked for asked in batch.asked for _ in range(4)]
    answers = [answer.tokens for group in batch.answers for answer in group]
    truth_by_name = slopes_by_autograd(kept["policy"], range(24), prompts, answers, slopes)
    divisor = 24 * CONFIG.max_new_tokens * kept["found"].held.fit.proxy_deviation
    for name, ours in kept["grads"].items():
        torch.testing.assert_close(ours, truth_by_name[name] / divisor, rtol=2e-3, atol=2e-6)


def comparisons(tokenizer, count=9):
    asked = tokenizer.encode("What do you like?")
    return [
        ComparedPair(asked, tokenizer.encode("e" * (1 + n % 3)), tokenizer.encode(f"no {n}"))
        for n in range(count)
    ]


@pytest.mark.parametrize("method", ["dpo", "ipo", "kto"])
def test_pairs_are_learned_and_the_policy_measured_now_and_then(chat_model, tmp_path, method):
    stream = io.StringIO()
    found = optimise(
        chat_model,
        tmp_path,
        method=method,
        pairs=comparisons(chat_model[1]),
        progress=Progress(stream),
    )
    curves = [e for e in map(json.loads, stream.getvalue().splitlines()) if e["event"] == "metric"]
    assert curves[0]["pair_accuracy"] == 0.0  # no margin: the policy is the reference
    assert curves[-1]["pair_accuracy"] == 1.0
    assert curves[-1]["pair_loss"] < curves[0]["pair_loss"]
    at_first = {"dpo": math.log(2), "ipo": (1 / 0.2) ** 2, "kto": 0.5}[method]
    assert curves[0]["pair_loss"] == pytest.approx(at_first, rel=1e-5)
    steps = rlhf.step_rows(found.rollouts)
    assert [row["step"] for row in steps] == [1, 3, 5]
    assert steps[-1]["kl"] != 0.0
    assert found.end.figures().kl > 0


def test_pairs_need_no_reward(chat_model, tmp_path):
    found = optimise(
        chat_model,
        tmp_path,
        reward=None,
        method="dpo",
        pairs=comparisons(chat_model[1]),
        measure_every=0,
    )
    assert found.rollouts.num_rows == 0
    assert found.held is found.guaranteed is None
    assert found.end.proxy is None
    assert found.gold_gain is not None


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_the_gradient_of_pairs_is_that_of_their_published_loss(
    chat_model, tmp_path, monkeypatch, method
):
    pairs = comparisons(chat_model[1], 6)
    kept = gradient_of(chat_model, tmp_path, monkeypatch, method=method, pairs=pairs)
    policy = kept["policy"]

    def logprob(asked, answer):
        logits = policy(torch.tensor([asked + answer]))[0, len(asked) - 1 : -1]
        return logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None]).sum()

    losses = []
    for pair in pairs:
        ratios = [logprob(pair.prompt, a) for a in (pair.chosen, pair.rejected)]
        ratios = [r - r.detach() for r in ratios]  # the policy is its own reference
        if method == "dpo":
            losses.append(-torch.nn.functional.logsigmoid(0.1 * (ratios[0] - ratios[1])))
        else:
            both = torch.sigmoid(0.1 * ratios[0]), torch.sigmoid(-0.1 * ratios[1])
            losses += [1 - value for value in both]
    policy.zero_grad(set_to_none=True)
    torch.stack(losses).mean().backward()
    for name, parameter in policy.named_parameters():
        torch.testing.assert_close(kept["grads"][name], parameter.grad, rtol=2e-3, atol=2e-6)


def test_the_best_of_the_references_answers_is_learned(chat_model, tmp_path, monkeypatch):
    before = [p.clone() for p in chat_model[0].parameters()]
    stream = io.StringIO()
    found = optimise(
        chat_model,
        tmp_path,
        method="best_of_n",
        steps=20,
        rate_factor=1.0,
        progress=Progress(stream),
    )
    # ln 4 - 3/4
    assert "the best of 4 answers is at most 0.64 nats from the reference" in stream.getvalue()
    assert found.end.figures().proxy > found.start.figures().proxy
    assert any(not torch.equal(a, b) for a, b in zip(before, chat_model[0].parameters()))
    steps = rlhf.step_rows(found.rollouts)
    assert [row["step"] for row in steps] == list(range(1, 20, 2))
    assert found.metrics["mismatch_max"].null_count == 20  # nobody's ratio is taken
    # the answers that are learned are the reference's: its reward doesn't rise
    rewards = found.metrics["reward"].to_numpy()
    assert abs(rewards[-5:].mean() - rewards[:5].mean()) < 0.8


def test_a_flat_reward_moves_nothing_without_a_regularizer(chat_model, tmp_path):
    before = [p.clone() for p in chat_model[0].parameters()]
    with pytest.raises(UserError, match="the same reward"):
        optimise(chat_model, tmp_path, flat)
    assert all(torch.equal(a, b) for a, b in zip(before, chat_model[0].parameters()))


@pytest.mark.parametrize(
    ("regularizer", "coefficient", "comes_back"),
    [("kl_k1", 20.0, True), ("chi2_exact", 9.0, True), ("kl_k3", 20.0, False)],
)
def test_a_policy_that_has_gone_astray_is_brought_back(
    chat_model, tmp_path, regularizer, coefficient, comes_back
):
    """But not by k3 as a loss: far away its slope, 1 - e^-l, is the same for all answers."""
    model, tokenizer = chat_model
    reference = rlhf.reference_of(model)
    with torch.no_grad():
        model.lm_head.weight[5:30] += 1.0
    config = dataclasses.replace(
        CONFIG,
        regularizer=regularizer,
        coefficient=coefficient,
        prompts_per_step=14,
        answers_per_prompt=8,
        steps=8,
        rate_factor=0.03,
        temperature=0.4,
    )
    found = rlhf.optimise(
        model, tokenizer, reference, toy_prompts(), letters, config, scratch=tmp_path, gold=truth
    )
    first, *_, last = [row["kl"] for row in rlhf.step_rows(found.rollouts)]
    assert first > 10
    assert (last < 0.7 * first) == comes_back


def opposite(prompts, answers):
    return -truth(prompts, answers)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reward": opposite}, r"not positive.*rlhf\.coefficient"),
        ({"reward": None}, "needs a reward: name a reward model"),
        ({"gold": None}, r"rlhf\.coefficient: nothing tells"),
        ({"gold": None, "agreement": 0.4}, "not positive"),
        ({"method": "dpo"}, "none was won"),
        ({"regularizer": "maxmin", "coefficient": 99.0}, "below s ="),
        ({"reward": lambda p, a: letters(p, a) * math.nan}, "proxy reward .* is nan"),
    ],
)
def test_what_cannot_work_is_one_line_before_anything_is_learned(
    chat_model, tmp_path, given, message
):
    with pytest.raises(UserError, match=message) as caught:
        optimise(chat_model, tmp_path, **given)
    assert "\n" not in str(caught.value)


def test_without_a_truth_the_pairs_give_r_or_the_coefficient_is_given(chat_model, tmp_path):
    found = optimise(chat_model, tmp_path / "a", gold=None, agreement=0.8, steps=1)
    assert found.held.source == "validation pairs"
    assert found.held.fit.correlation == pytest.approx(math.sin(0.3 * math.pi))
    assert math.isnan(found.guaranteed.tight)  # in units of a truth that nobody knows
    given = optimise(
        chat_model, tmp_path / "b", gold=None, regularizer="maxmin", coefficient=0.5, steps=1
    )
    held = given.held
    assert held.source == "coefficient"
    assert held.settings.proxy_deviation * math.sqrt(
        1 - held.settings.correlation**2
    ) == pytest.approx(0.5)
    named = optimise(chat_model, tmp_path / "c", gold=None, coefficient=0.5, steps=1)
    assert (named.held.settings.coefficient, named.held.source) == (0.5, "unknown")
    assert named.guaranteed is None


def test_a_killed_run_ends_in_the_same_bytes(post_training, tmp_path, killed_after):
    from pipeline import model as models

    def weights(chat):
        return [p.detach().numpy().tobytes() for p in chat[0].parameters()]

    for method in ("policy_gradient", "kto"):
        chat = models.load(post_training.chat)
        pairs = comparisons(chat[1])
        root = tmp_path / method
        whole = optimise(chat, root / "whole", method=method, pairs=pairs)
        expected = weights(chat)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                optimise(
                    models.load(post_training.chat),
                    root / "killed",
                    method=method,
                    pairs=pairs,
                    progress=killed_after(3),
                )
        chat = models.load(post_training.chat)
        again = optimise(chat, root / "killed", method=method, pairs=pairs)
        assert weights(chat) == expected
        assert again.metrics.equals(whole.metrics)
        assert again.rollouts.equals(whole.rollouts)


def test_what_the_reference_cannot_say_is_counted_and_teaches_nothing(chat_model, tmp_path):
    found = optimise(chat_model, tmp_path, top_k=3, steps=8, rate_factor=2.0, mismatch_limit=0.0)
    rows = found.rollouts.to_pylist()
    outside = [row for row in rows if math.isinf(row["kl"])]
    assert outside
    assert all(row["advantage"] == 0.0 and math.isinf(row["chi2"]) for row in outside)
    steps = rlhf.step_rows(found.rollouts)
    assert sum(row["left_out"] for row in steps) == len(outside)
    assert all(row["kl"] is None or math.isfinite(row["kl"]) for row in steps)
    if found.end.figures().left_out:
        assert found.guaranteed.tight == -math.inf


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answers_per_prompt": 1}, "answers_per_prompt"),
        ({"regularizer": "kl_k1"}, "coefficient: nothing says"),
        ({"regularizer": "none", "coefficient": 1.0}, "regularizer none has none"),
        ({"desirable_weight": 0.0, "undesirable_weight": 0.0}, "desirable_weight"),
        ({"ratio_limit": 0.5}, "ratio_limit"),
        ({"spike_ratio": 1.0}, "spike_ratio"),
        ({"method": "ppo"}, "method"),
        ({"beta": 0.0}, "beta"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(CONFIG, **changes)


def test_defaults_are_a_config():
    config = RlhfConfig()
    assert config.by_gradient
    assert not config.by_pairs
    assert len(toy_prompts()) == 14
    assert PolicyLoss._fields[0] == "total"
