"""Generation against plain full forwards, and what must not change a row's result."""

import collections
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.model import native, sampling
from pipeline.model.engine import Engine
from storage.errors import UserError

PROMPTS = [[1, 2, 3, 4, 5], [9], [7, 7, 30, 12, 44, 6, 5, 8], [50, 3, 1]]


def naive_greedy(model, prompt, count):
    tokens = list(prompt)
    for _ in range(count):
        with torch.no_grad():
            tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    return tokens[len(prompt) :]


def full_logprobs(model, prompt, completion, temperature=1.0, top_k=0):
    with torch.no_grad():
        logits = model(torch.tensor([prompt + completion]))[0]
    table = sampling.log_probs(logits, temperature, top_k)
    places = range(len(prompt) - 1, len(prompt) + len(completion) - 1)
    return torch.stack([table[p, t] for p, t in zip(places, completion)])


def test_greedy_equals_naive(make_model):
    model = make_model()
    results = Engine(model).generate(PROMPTS, max_new_tokens=20, temperature=0)
    for prompt, (completion,) in zip(PROMPTS, results):
        assert completion.tokens == naive_greedy(model, prompt, 20)
        assert not completion.stopped


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.6, 5), (0.0, 0)])
def test_logprobs_equal_a_full_forward(make_model, temperature, top_k):
    model = make_model()
    results = Engine(model).generate(
        PROMPTS, samples=3, max_new_tokens=24, temperature=temperature, top_k=top_k, seed=4
    )
    for prompt, completions in zip(PROMPTS, results):
        for completion in completions:
            expected = full_logprobs(model, prompt, completion.tokens, temperature, top_k)
            got = torch.tensor(completion.logprobs)
            torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_bfloat16_logprobs_stay_near_a_full_forward(make_model):
    model = make_model()
    model.compute_dtype = torch.bfloat16
    results = Engine(model).generate(PROMPTS, samples=4, max_new_tokens=24, seed=4)
    differences = torch.cat(
        [
            (torch.tensor(c.logprobs) - full_logprobs(model, prompt, c.tokens)).abs()
            for prompt, completions in zip(PROMPTS, results)
            for c in completions
        ]
    )
    assert differences.mean() < 0.02
    assert differences.max() < 0.25


def test_a_prompt_alone_gives_what_it_gives_in_a_batch(make_model):
    engine = Engine(make_model())
    together = engine.generate(PROMPTS, samples=5, max_new_tokens=16, seed=3, stop_tokens=(11, 40))
    for prompt, expected in zip(PROMPTS, together):
        (alone,) = engine.generate(
            [prompt], samples=5, max_new_tokens=16, seed=3, stop_tokens=(11, 40)
        )
        assert [c.tokens for c in alone] == [c.tokens for c in expected]
        for a, b in zip(alone, expected):
            np.testing.assert_allclose(a.logprobs, b.logprobs, atol=1e-4)


def test_dropping_finished_rows_changes_nothing(make_model):
    """Rows that stop leave the cache; what the others draw is what they draw without any stop."""
    engine = Engine(make_model())
    free = engine.generate(PROMPTS, samples=8, max_new_tokens=30, seed=6)
    tokens = [t for cs in free for c in cs for t in c.tokens]
    stops = tuple(token for token, _ in collections.Counter(tokens).most_common(4))
    stopped = engine.generate(PROMPTS, samples=8, max_new_tokens=30, seed=6, stop_tokens=stops)
    lengths = set()
    for before, after in zip(free, stopped):
        for a, b in zip(before, after):
            end = next((i for i, t in enumerate(a.tokens) if t in stops), None)
            assert b.stopped == (end is not None)
            assert b.tokens == (a.tokens if end is None else a.tokens[: end + 1])
            assert len(b.logprobs) == len(b.tokens)
            lengths.add(len(b.tokens))
    assert len(lengths) > 4  # rows did leave at different times


def test_samples_differ_and_repeat_by_seed(make_model):
    engine = Engine(make_model())
    first = engine.generate([[1, 2]], samples=6, max_new_tokens=12, seed=1)[0]
    again = engine.generate([[1, 2]], samples=6, max_new_tokens=12, seed=1)[0]
    other = engine.generate([[1, 2]], samples=6, max_new_tokens=12, seed=2)[0]
    assert [c.tokens for c in first] == [c.tokens for c in again]
    assert len({tuple(c.tokens) for c in first}) == 6
    assert not {tuple(c.tokens) for c in first} & {tuple(c.tokens) for c in other}


def test_equal_prompts_in_a_batch_draw_differently(make_model):
    results = Engine(make_model()).generate([[4, 5]] * 3, max_new_tokens=12, seed=1)
    assert len({tuple(c[0].tokens) for c in results}) == 3


def test_sampled_tokens_follow_the_models_distribution(make_model):
    model = make_model(vocab_size=10, scale=0.3)
    prompt = [1, 2, 3]
    (completions,) = Engine(model).generate([prompt], samples=4000, max_new_tokens=2, seed=0)
    with torch.no_grad():
        first = model(torch.tensor([prompt]))[0, -1].softmax(-1).double()
        pairs = torch.tensor([[*prompt, t] for t in range(10)])
        second = model(pairs)[:, -1].softmax(-1).double()
    joint = (first[:, None] * second).flatten().numpy()
    drawn = np.array([c.tokens[0] * 10 + c.tokens[1] for c in completions])
    counts = np.bincount(drawn, minlength=100)
    big = joint * 4000 >= 5
    statistic = ((counts - joint * 4000) ** 2 / (joint * 4000))[big].sum()
    degrees = big.sum()  # the rest is pooled away: an upper bound on the degrees of freedom
    assert degrees > 30
    assert statistic < degrees + 3.5 * np.sqrt(2 * degrees)


def test_context_ends_a_completion(make_model):
    model = make_model(max_context=12)
    prompts = [[1] * 12, [2] * 10, [3] * 4]
    results = Engine(model).generate(prompts, max_new_tokens=100, temperature=0)
    assert [len(r[0].tokens) for r in results] == [0, 2, 8]
    assert results[2][0].tokens == naive_greedy(model, prompts[2], 8)


def test_on_token_and_stream_see_the_same_tokens(make_model):
    engine = Engine(make_model())
    seen = collections.defaultdict(list)
    results = engine.generate(
        PROMPTS,
        samples=2,
        max_new_tokens=9,
        seed=2,
        stop_tokens=(3,),
        on_token=lambda prompt, sample, token, logprob: seen[prompt, sample].append(token),
    )
    for prompt, completions in enumerate(results):
        for sample, completion in enumerate(completions):
            assert seen[prompt, sample] == completion.tokens
    streamed = list(engine.stream(PROMPTS[0], max_new_tokens=9, seed=2, stop_tokens=(3,)))
    assert streamed == results[0][0].tokens


def test_nothing_to_do(make_model):
    engine = Engine(make_model())
    assert engine.generate([], max_new_tokens=5) == []
    assert engine.generate([[1]], max_new_tokens=0)[0][0].tokens == []


@pytest.mark.parametrize(
    ("prompt", "said"), [([], "empty"), ([1] * 65, "context"), ([64], "token id"), ([-1], "-1")]
)
def test_bad_prompts_are_named(make_model, prompt, said):
    with pytest.raises(UserError, match=said):
        Engine(make_model()).generate([[1], prompt], max_new_tokens=3)


def test_working_in_slices_changes_nothing(make_model):
    model = make_model()
    prompts = [*PROMPTS, PROMPTS[0], PROMPTS[1]]
    whole = Engine(model).generate(prompts, samples=3, max_new_tokens=10, seed=8)
    for max_rows in (1, 4, 7):
        sliced = Engine(model, max_rows).generate(prompts, samples=3, max_new_tokens=10, seed=8)
        for a, b in zip(whole, sliced):
            assert [c.tokens for c in a] == [c.tokens for c in b]


def test_streaming_leaves_the_callers_gradients_on(make_model):
    model = make_model()
    for _ in Engine(model).stream([1, 2], max_new_tokens=3):
        assert torch.is_grad_enabled()
        assert model(torch.tensor([[1]])).requires_grad


def test_a_diverged_model_is_named(make_model):
    model = make_model()
    with torch.no_grad():
        model.norm.weight.fill_(float("nan"))
    for temperature in (0.0, 1.0):
        with pytest.raises(FloatingPointError, match="not finite"):
            Engine(model).generate([[1]], max_new_tokens=2, temperature=temperature)


def test_negative_settings_are_refused(make_model):
    for bad in ({"temperature": -1.0}, {"top_k": -1}):
        with pytest.raises(UserError, match="negative"):
            Engine(make_model()).generate([[1]], max_new_tokens=2, **bad)


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["temperature", "top_p", "min_p"])
def test_sampling_by_no_number_is_refused(make_model, name, wrong):
    with pytest.raises(UserError, match=name):
        Engine(make_model()).generate([[1, 2]], max_new_tokens=2, **{name: wrong})


def test_weights_that_changed_between_two_calls_are_seen(make_model):
    """Frozen is for models that don't change: an engine isn't unless it is told so."""
    model = make_model(head_dim=32)  # which the kernels take: they pack the weights
    engine = Engine(model)
    settings: dict[str, Any] = {"max_new_tokens": 8, "temperature": 0.0}
    before = engine.generate([[1, 2]], **settings)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.roll(1, 0))
    after = engine.generate([[1, 2]], **settings)
    fresh = Engine(model).generate([[1, 2]], **settings)
    assert [c.tokens for c in after[0]] == [c.tokens for c in fresh[0]]
    assert [c.logprobs for c in after[0]] == [c.logprobs for c in fresh[0]]
    assert [c.logprobs for c in after[0]] != [c.logprobs for c in before[0]]


def test_a_frozen_engine_finds_what_a_stream_read_before(make_model):
    """Heard to its end or not, and beside another stream: the same tokens, read once."""
    model = make_model(head_dim=32, max_context=160)
    talk = [n % 60 for n in range(70)]
    plain = Engine(model)
    kept = Engine(model, frozen=True)
    read: list[int] = []
    for turn in range(3):
        expected = list(plain.stream(talk, max_new_tokens=12, seed=turn))
        if kept._talk is not None:
            read.append(kept._talk.scheduler.pool.match(talk).tokens)
        assert list(kept.stream(talk, max_new_tokens=12, seed=turn)) == expected
        stream = kept.stream(talk, max_new_tokens=12, seed=turn)
        assert [next(stream), next(stream)] == expected[:2]
        beside = kept.stream(talk[:9], max_new_tokens=12)
        assert list(beside) == list(plain.stream(talk[:9], max_new_tokens=12))
        stream.close()
        talk = [*talk, *expected]
    if native.kernels(model) is not None:
        assert len(read) == 2
        assert all(count >= 64 for count in read)


@pytest.mark.parametrize("by_torch", [False, True])
def test_what_keys_and_values_may_come_to(make_model, monkeypatch, by_torch):
    if by_torch:
        monkeypatch.setattr(native, "kernels", lambda _: None)
    model = make_model(max_context=64, heads=2, kv_heads=1, head_dim=32)  # as the kernels like it
    c = model.config
    position = 2 * c.layers * c.kv_heads * c.head_dim * 4
    engine = Engine(model)
    one, many = engine.cache_bytes(1), engine.cache_bytes(10)
    assert many == 10 * one
    assert 64 * position <= one <= 80 * position
    assert Engine(model, max_cache_bytes=3 * one).cache_bytes(10) == 3 * one
    assert Engine(model, max_cache_bytes=1).cache_bytes(10) == one  # a row must have room
