"""Log ratios: equal models differ by nothing, both are read at the sampler's settings."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.model.sampling import log_probs
from pipeline.preferences.answer_logprobs import answer_logprobs, log_ratios, merged
from pipeline.preferences.rlhf import reference_of
from pipeline.rl.kept_answers import KeptAnswer

PROMPTS = [[5, 9, 12], [7, 8], [5, 9, 12, 14, 3]]


def drawn(model, samples=6, **settings):
    found = Engine(model).generate(PROMPTS, samples=samples, max_new_tokens=9, seed=3, **settings)
    return [
        KeptAnswer(number, PROMPTS[number], one.tokens, one.logprobs, 0.0)
        for number, group in enumerate(found)
        for one in group
    ]


def disturbed(model: Transformer) -> Transformer:
    other = reference_of(model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
    return other


@torch.no_grad()
def by_all_logits(model, answer, temperature, top_k):
    """One answer at a time, all logits at once."""
    logits = model(torch.tensor([answer.prompt + answer.tokens]))[0]
    table = log_probs(logits, temperature, top_k)[len(answer.prompt) - 1 : -1]
    return float(table.gather(1, torch.tensor(answer.tokens)[:, None]).double().sum())


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 0), (1.3, 40)])
def test_both_models_are_read_at_the_samplers_temperature_and_top_k(chat_model, temperature, top_k):
    policy, _ = chat_model
    reference = disturbed(policy)
    settings = {"temperature": temperature, "top_k": top_k}
    answers = drawn(policy, **settings)
    found = log_ratios(policy, reference, answers, **settings, micro_rows=5, chunk_tokens=7)
    ours, theirs = (
        np.array([by_all_logits(model, answer, temperature, top_k) for answer in answers])
        for model in (policy, reference)
    )
    same = np.isfinite(theirs) & np.isfinite(ours)
    assert same.any()
    assert found[same] == pytest.approx((ours - theirs)[same], abs=1e-4)
    # the policy's part is what the sampler drew with
    assert ours[same] == pytest.approx(np.array([sum(a.logprobs) for a in answers])[same], abs=1e-4)
    if (temperature, top_k) != (1.0, 0):  # the check can fail: other settings, other numbers
        plain = log_ratios(policy, reference, answers)
        assert np.abs(plain - found)[same].max() > 1e-2


def test_the_same_model_is_no_way_from_itself_to_the_bit(chat_model):
    policy, _ = chat_model
    for dtype in (torch.float32, torch.bfloat16):
        policy.compute_dtype = dtype
        assert (log_ratios(policy, reference_of(policy), drawn(policy)) == 0.0).all()


def test_an_answer_beyond_the_references_top_k_has_an_infinite_ratio(chat_model):
    policy, _ = chat_model
    reference = disturbed(policy)
    answers = drawn(policy, samples=16, top_k=3)
    found = log_ratios(policy, reference, answers, top_k=3)
    theirs = np.array([by_all_logits(reference, answer, 1.0, 3) for answer in answers])
    assert np.isposinf(found).any()
    assert np.isposinf(found).tolist() == np.isneginf(theirs).tolist()
    assert not np.isnan(found).any()


def test_what_the_policy_read_anew_cannot_say_counts_as_the_sampler_drew_it(chat_model):
    """A tie for the k-th token that rounding decides otherwise is no answer without a ratio."""
    reference, _ = chat_model
    policy = disturbed(disturbed(reference))
    answers = drawn(reference, samples=2, top_k=1)
    lost = np.isneginf(answer_logprobs(policy, answers, top_k=1))
    assert lost.any()
    noted = [dataclasses.replace(a, logprobs=[-0.25] * len(a.tokens)) for a in answers]
    found = log_ratios(policy, reference, noted, top_k=1)
    expected = np.array([-0.25 * len(a.tokens) for a in answers])
    assert found[lost] == pytest.approx(expected[lost], abs=1e-6)


def test_equal_answers_are_read_once_and_weigh_as_many(chat_model, monkeypatch):
    policy, _ = chat_model
    answers = drawn(policy)
    twice = [*answers, *answers[3:9], answers[0]]
    read = []
    hidden = Transformer.hidden

    def spied(self, tokens, **more):
        read.append(len(tokens))
        return hidden(self, tokens, **more)

    monkeypatch.setattr(Transformer, "hidden", spied)
    found = answer_logprobs(policy, twice)
    assert sum(read) == len(answers)
    assert (found == np.concatenate([found[:18], found[3:9], found[:1]])).all()
    assert answer_logprobs(policy, []).shape == (0,)
    weighed = [dataclasses.replace(a, advantage=float(n)) for n, a in enumerate(twice)]
    once = merged(weighed)
    assert [(a.prompt, a.tokens) for a in once] == [(a.prompt, a.tokens) for a in answers]
    assert [a.advantage for a in once[:4]] == [0.0 + 24.0, 1.0, 2.0, 3.0 + 18.0]


def test_what_is_certain_has_probability_one(chat_model):
    policy, _ = chat_model
    answers = drawn(policy, samples=2, top_k=1)
    assert answer_logprobs(policy, answers, top_k=1) == pytest.approx(np.zeros(6), abs=1e-6)
    assert math.isfinite(answer_logprobs(policy, answers).sum())
