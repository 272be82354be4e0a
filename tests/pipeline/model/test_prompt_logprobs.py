"""Log-probabilities of prompts against plain forward passes and against the scores of pairs."""

from typing import Any

import numpy as np
import pytest
import torch

from pipeline.model import native, prompt_logprobs, text_states
from pipeline.model.engine import Engine
from pipeline.model.scoring import score
from storage.errors import UserError

SHARED = [5, 9, 33, 2, 2, 41, 7, 8, 19, 60, 3, 3]
PROMPTS = [[*SHARED, 4], [9], [*SHARED, 4, 11, 6], [1, 2, 3], SHARED, list(range(64)), [7] * 65]
MODELS: dict[str, dict[str, Any]] = {
    "kernels": {"head_dim": 32},
    "torch": {"head_dim": 8},
    "gpt2": {"family": "gpt2", "head_dim": 32, "heads": 1, "kv_heads": 1, "tie_embeddings": True},
    "speedrun": {"family": "speedrun", "ngram_rows": (32, 32), "ngram_width": 8},
}


@pytest.fixture(params=MODELS)
def model(request, make_model):
    return make_model(**MODELS[request.param])


def after_the_first(found: prompt_logprobs.PromptLogprobs) -> tuple[Any, Any]:
    """Log-probabilities and the most likely tokens of all tokens but the first."""
    assert found.logprobs[0] is found.top_logprobs[0] is None
    return found.logprobs[1:], found.top_logprobs[1:]


@pytest.mark.parametrize("at_once", [20, 8192])
def test_they_are_those_of_a_plain_forward(model, at_once, monkeypatch):
    monkeypatch.setattr(prompt_logprobs, "MAX_LOGITS", 64 * 5)  # five places at a time
    monkeypatch.setattr(text_states, "TOKENS_AT_ONCE", at_once)
    for prompt, found in zip(PROMPTS, Engine(model).prompt_logprobs(PROMPTS, 3), strict=True):
        assert len(found.logprobs) == len(found.top_logprobs) == len(prompt)
        own, likeliest = after_the_first(found)
        if len(prompt) == 1:
            continue
        with torch.no_grad():
            table = model(torch.tensor([prompt[:-1]]))[0].log_softmax(-1)
        expected = [float(row[token]) for row, token in zip(table, prompt[1:])]
        np.testing.assert_allclose(own, expected, atol=1e-4)
        best = table.topk(3)
        for told, ids, values in zip(likeliest, best.indices, best.values):
            assert list(told) == ids.tolist()
            np.testing.assert_allclose(list(told.values()), values, atol=1e-4)


def test_a_token_that_is_the_likeliest_has_the_very_same_number_there(model):
    """By which lm-evaluation-harness knows that greedy decoding would give it."""
    engine = Engine(model)
    prompt = [1, 2, 3]
    (written,) = engine.generate([prompt], max_new_tokens=30, temperature=0)[0]
    tokens = [*prompt, *written.tokens, 50, 51]
    (found,) = engine.prompt_logprobs([tokens], top=1)
    same = [own == max(top.values()) for own, top in zip(*after_the_first(found))]
    assert same[len(prompt) - 1 :][: len(written.tokens)] == [True] * 30
    assert not all(same)
    (everything,) = engine.prompt_logprobs([tokens], top=999)
    for own, top, token in zip(*after_the_first(everything), tokens[1:], strict=True):
        assert len(top) == 64
        assert top[token] == own


@pytest.mark.parametrize("format", ["float32", "bfloat16", "int8"])
def test_sums_are_the_scores_of_continuations(make_model, format):
    model = make_model(head_dim=32)
    int8 = format == "int8"
    if int8 and native.kernels(model) is None:
        pytest.skip("this processor doesn't multiply int8")
    if format == "bfloat16":
        model.compute_dtype = torch.bfloat16
    pairs = [(SHARED, [4, 6]), (SHARED, [4, 7, 8]), ([1], [2, 3]), (list(range(60)), [9, 9])]
    found = Engine(model, int8=int8).prompt_logprobs([a + b for a, b in pairs], 1)
    scores = score(model, *map(list, zip(*pairs)), int8=int8)
    for logprobs, (_, continuation), (total, greedy) in zip(found, pairs, scores):
        own, tops = (part[-len(continuation) :] for part in after_the_first(logprobs))
        assert sum(own) == pytest.approx(total, abs=1e-5)
        assert all(a == max(b.values()) for a, b in zip(own, tops)) is greedy


@pytest.mark.parametrize("frozen", [False, True])
def test_other_prompts_and_calls_change_no_bit(make_model, frozen, monkeypatch):
    model = make_model(head_dim=32)
    if native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    monkeypatch.setattr(text_states, "TOKENS_AT_ONCE", 70)
    engine = Engine(model, frozen=frozen)
    together = engine.prompt_logprobs([*PROMPTS, [*SHARED, 4]], 2)
    assert [engine.prompt_logprobs([prompt], 2)[0] for prompt in PROMPTS] == together[:-1]
    assert together[-1] == together[0]


def test_weights_that_changed_are_seen_unless_frozen(make_model):
    model = make_model(head_dim=32)
    open_engine, frozen = Engine(model), Engine(model, frozen=True)
    before = [engine.prompt_logprobs([SHARED])[0] for engine in (open_engine, frozen)]
    with torch.no_grad():
        model.lm_head.weight.mul_(-1)
    after = [engine.prompt_logprobs([SHARED])[0] for engine in (open_engine, frozen)]
    assert after[0] != before[0]
    if native.kernels(model) is not None:
        assert after[1] == before[1]


def test_nothing_and_bad_prompts(make_model):
    engine = Engine(make_model())
    assert engine.prompt_logprobs([]) == []
    assert engine.prompt_logprobs([[3]], 2) == [prompt_logprobs.PromptLogprobs([None], [None])]
    for bad, said in (([], "empty"), ([1] * 66, "shorten"), ([64], "token ids"), ([-1], "-1")):
        with pytest.raises(UserError, match=said):
            engine.prompt_logprobs([[1, 2], bad])
