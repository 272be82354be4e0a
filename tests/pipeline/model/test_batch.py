"""A batch that rows join and leave: their tokens are those that they would have had alone."""

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.model import cuda_graph, native, sampling
from pipeline.model.batch import Completion, Event, GenerationBatch
from pipeline.model.engine import Engine
from pipeline.model.kv_cache import KVCache
from pipeline.model.page_pool import PagePool
from pipeline.model.rows import GenerationRow, Sampling, row_keys
from pipeline.model.scheduler import Scheduler
from storage.errors import UserError

SHAPE = {"width": 48, "heads": 2, "kv_heads": 1, "head_dim": 32, "ffn_width": 80, "vocab_size": 70}
CONTEXT = 64


def recorded(model: Any, weights: Any, cache: KVCache) -> cuda_graph.Step:
    """As a CUDA graph behaves: shapes and addresses are fixed, replays fill the same logits."""
    cache.fixed = True
    shapes = cache.lengths.data_ptr()
    kept: list[torch.Tensor] = []

    def replay(tokens: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        assert len(tokens) == cache.rows
        assert cache.lengths.data_ptr() == shapes
        logits = model(tokens[:, None], cache=cache, weights=weights)[:, 0]
        kept[:] = [kept[0].copy_(logits)] if kept else [logits.clone()]
        cache.advance(counts)
        return kept[0]

    return replay


@pytest.fixture(params=["kernels", "torch", "speedrun", "graph"])
def engine(request, make_model, monkeypatch):
    """By the C kernels, by torch, by torch with tables of n-grams, which no kernel has, and by what
    behaves like a recorded CUDA graph."""
    more: dict[str, Any] = {"max_context": CONTEXT}
    if request.param == "speedrun":
        more |= {"family": "speedrun", "ngram_rows": (32, 32), "ngram_width": 8}
    model = make_model(**{**SHAPE, **more})
    if request.param == "speedrun":  # whose tables are empty at first
        draw = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.3)
    if request.param in ("torch", "graph"):
        monkeypatch.setattr(native, "kernels", lambda _: None)
        if request.param == "graph":
            monkeypatch.setattr(cuda_graph, "step", recorded)
    elif request.param == "kernels" and native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    return Engine(model)


def key_of(prompt: list[int], seed: int = 0) -> int:
    return int(row_keys([prompt], 1, seed)[0, 0])


def until_done(batch: GenerationBatch, burst: int = 1) -> dict[int, list[Event]]:
    events: dict[int, list[Event]] = {}
    while batch.active:
        for event in batch.step(burst):
            events.setdefault(event.row, []).append(event)
    return events


def same(a: Completion, b: Completion) -> None:
    assert a.tokens == b.tokens
    assert a.stopped == b.stopped
    np.testing.assert_allclose(a.logprobs, b.logprobs, atol=5e-5)


def settings_of(rng: random.Random) -> Sampling:
    return Sampling(
        max_new_tokens=rng.randint(1, 30),
        temperature=rng.choice([0.0, 0.7, 1.0, 1.3]),
        top_k=rng.choice([0, 0, 5]),
        top_p=rng.choice([1.0, 0.8]),
        min_p=rng.choice([0.0, 0.05]),
        stop_tokens=rng.choice([(), (3, 9), (11,)]),
    )


@pytest.mark.parametrize("seed", range(3))
def test_each_row_has_settings_of_its_own_and_comes_when_it_likes(engine, seed):
    rng = random.Random(seed)
    asked = [
        ([rng.randrange(70) for _ in range(rng.randint(1, 25))], settings_of(rng))
        for _ in range(24)
    ]
    asked += [(prompt, settings_of(rng)) for prompt, _ in asked[:6]]
    batch = engine.batch(max_rows=5, tokens_per_step=20)
    rows: list[int] = []
    left = list(asked)
    while left or batch.active:
        for _ in range(rng.randrange(4)):
            if left:
                prompt, settings = left.pop(0)
                rows += batch.add(prompt, settings, [key_of(prompt)], priority=rng.randrange(2))
        batch.step(rng.choice([1, 3, 8]))
    for row, (prompt, settings) in zip(rows, asked):
        plain = dataclasses.asdict(settings)
        for name in (
            *("pause_tokens", "stop_strings", "top_logprobs", "untruncated_logprobs"),
            "logit_bias",
        ):
            del plain[name]
        ((alone,),) = engine.generate([prompt], seed=0, **plain)
        found = batch.completion(row)
        same(found, alone)
        if isinstance(engine._kept or engine._weights(8), native.PackedWeights):
            assert found.logprobs == alone.logprobs  # to the bit


def test_events_tell_everything_once(engine):
    batch = engine.batch()
    prompts = [[1, 2, 3], [4, 5], [6] * CONTEXT]
    rows = []
    for prompt in prompts:
        rows += batch.add(prompt, Sampling(12, stop_tokens=(3, 9, 20, 30)), [key_of(prompt)])
    events = until_done(batch, 5)
    for row in rows:
        found = batch.completion(row)
        assert [t for event in events[row] for t in event.tokens] == found.tokens
        assert [p for event in events[row] for p in event.logprobs] == found.logprobs
        assert [event.ended for event in events[row]][:-1] == [""] * (len(events[row]) - 1)
        assert events[row][-1].ended == ("stop" if found.stopped else "length")
    assert batch.completion(rows[2]).tokens == []  # no room
    batch.forget(rows[0])
    with pytest.raises(KeyError):
        batch.completion(rows[0])


@pytest.mark.parametrize("max_rows", [2, 9])
def test_samples_go_on_from_their_prompt_as_a_full_pass_does(engine, max_rows):
    """Whether they stand where the first one stood, or find what it has read."""
    prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7]
    few = Engine(engine.model, max_rows)
    (completions,) = few.generate([prompt], samples=5, max_new_tokens=8, seed=2)
    assert len({tuple(c.tokens) for c in completions}) == 5
    for found in completions:
        with torch.no_grad():
            table = engine.model(torch.tensor([prompt + found.tokens]))[0].log_softmax(-1)
        for at, token in enumerate(found.tokens):
            expected = float(table[len(prompt) + at - 1, token])
            assert found.logprobs[at] == pytest.approx(expected, abs=1e-4)


def continued(engine: Engine, tokens: list[int], made: int, key: int) -> tuple[int, float]:
    """The next token after these by a full forward pass, drawn as the row draws its next."""
    with torch.no_grad():
        logits = engine.model(torch.tensor([tokens]))[0, -1]
    table = sampling.log_probs(logits)
    draw = sampling.uniforms(np.array([key], np.uint64), np.array([made]))
    chosen = int(sampling.sample(table[None], torch.from_numpy(draw))[0])
    return chosen, float(table[chosen])


def test_what_a_tool_says_is_read_and_never_sampled(engine):
    """A row pauses at a token, somebody else's tokens follow, and it goes on from them."""
    prompt = [1, 2, 3]
    free = engine.generate([prompt], max_new_tokens=20, seed=5)[0][0].tokens
    pause = free[4]
    before = free[: free.index(pause) + 1]
    batch = engine.batch()
    key = key_of(prompt, 5)
    (row,) = batch.add(prompt, Sampling(12, pause_tokens=(pause,)), [key])
    (other,) = batch.add([9, 9], Sampling(25), [key_of([9, 9])])
    while not (paused := [e for e in batch.step(3) if e.row == row and e.ended]):
        pass
    assert paused[0].ended == "pause"
    assert batch.completion(row).tokens == before
    for _ in range(4):
        batch.step(1)  # the other goes on
    assert batch.completion(row).tokens == before
    forced = [40, 41, 42]
    with pytest.raises(UserError, match="paused"):
        batch.resume(other, forced)
    batch.resume(row, forced)
    paused_again = False
    while batch.active and not paused_again:
        paused_again = any(e.row == row and e.ended == "pause" for e in batch.step(2))
    found = batch.completion(row)
    assert found.tokens[: len(before) + 3] == before + forced
    own = [True] * len(before) + [False] * 3
    assert found.sampled == own + [True] * (len(found.tokens) - len(own))
    assert [p for p, s in zip(found.logprobs, found.sampled) if not s] == [0.0] * 3
    for at in range(len(own), len(found.tokens)):
        tokens = prompt + found.tokens[:at]
        token, logprob = continued(engine, tokens, at - 3, key)
        assert found.tokens[at] == token
        assert found.logprobs[at] == pytest.approx(logprob, abs=1e-4)
    same(batch.completion(other), engine.generate([[9, 9]], max_new_tokens=25)[0][0])


def test_a_paused_row_ends_where_it_stands_and_others_find_what_it_read(engine):
    prompt = [1, 2, 3] * 12
    free = engine.generate([prompt], max_new_tokens=20, seed=5)[0][0].tokens
    pause = next(token for at, token in enumerate(free) if at > 4 and token not in free[:at])
    batch = engine.batch()
    (row,) = batch.add(prompt, Sampling(20, pause_tokens=(pause,)), [key_of(prompt, 5)])
    with pytest.raises(UserError, match="isn't paused"):
        batch.finish(row)
    while batch.active:
        batch.step(1)
    before = batch.completion(row)
    assert not before.stopped
    batch.finish(row)
    assert batch.completion(row) == dataclasses.replace(before, stopped=True)
    assert not batch.scheduler.running
    if batch.scheduler.pool.keeps:
        assert batch.scheduler.pool.match([*prompt, *before.tokens, 7]).tokens > len(prompt)
    with pytest.raises(UserError, match="isn't paused"):
        batch.resume(row, [1])
    batch.forget(row)


def test_forced_tokens_count_for_the_context_and_not_for_the_limit(engine):
    prompt = [1] * 10
    free = engine.generate([prompt], max_new_tokens=20, seed=5)[0][0].tokens
    for many, most in ((4, 30), (CONTEXT - 13, 30), (CONTEXT, 30)):
        batch = engine.batch()
        settings = Sampling(most, pause_tokens=(free[0],))
        (row,) = batch.add(prompt, settings, [key_of(prompt, 5)])
        while batch.active:
            batch.step(1)
        batch.resume(row, [60] * many)
        while batch.active and not any(event.ended for event in batch.step(1)):
            pass
        found = batch.completion(row)
        assert len(prompt) + len(found.tokens) <= CONTEXT
        kept = min(many, CONTEXT - 11)
        assert found.tokens[1 : 1 + kept] == [60] * kept
        if many > 4:
            assert len(prompt) + len(found.tokens) == CONTEXT or free[0] in found.tokens[1:]


def test_a_cancelled_row_changes_nothing_for_others(engine):
    batch = engine.batch(max_rows=2)
    prompts = [[1, 2], [3, 4], [5, 6]]
    rows = [batch.add(p, Sampling(15), [key_of(p)])[0] for p in prompts]
    for _ in range(4):
        batch.step(1)
    batch.cancel(rows[0])
    gone = batch.completion(rows[0]).tokens
    assert 0 < len(gone) < 15
    begun = batch.step(1)  # the third has its place
    assert {event.row for event in begun} == {rows[1], rows[2]}
    until_done(batch)
    assert batch.completion(rows[0]).tokens == gone
    for prompt, row in zip(prompts[1:], rows[1:]):
        same(batch.completion(row), engine.generate([prompt], max_new_tokens=15)[0][0])


def test_too_little_memory_changes_no_token(make_model, monkeypatch):
    model = make_model(**{**SHAPE, "max_context": 256})
    if native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    packed = native.pack(model, "float32", 256)
    assert packed is not None
    a_page = native.page_tokens(packed) * packed.position_bytes
    prompts = [[1 + n, 2, 3] * 9 for n in range(12)]
    how: dict[str, Any] = {"samples": 3, "max_new_tokens": 120, "seed": 4}
    much = Engine(model).generate(prompts, **how)
    taken: list[int] = []
    lose = Scheduler._lose_place

    def noted(scheduler: Scheduler, row: GenerationRow) -> None:
        taken.append(row.id)
        lose(scheduler, row)

    monkeypatch.setattr(Scheduler, "_lose_place", noted)
    little = Engine(model, max_cache_bytes=11 * a_page).generate(prompts, **how)
    assert little == much
    assert len(taken) > 5  # rows did have to read again
    batch = Engine(model).batch()
    batch.scheduler.pool = PagePool(2, 32)
    with pytest.raises(UserError, match="more memory"):
        batch.add([1] * 60, Sampling(10), [0])


def test_a_beginning_that_was_read_once_is_found_later(make_model):
    model = make_model(**{**SHAPE, "max_context": 256})
    if native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    engine = Engine(model, frozen=True)
    batch = engine.batch()
    system = [n % 60 for n in range(100)]
    turns = [1, 2, 3]
    read: list[int] = []
    run = batch.decoder.run

    def counted(step: Any) -> None:
        read.append(sum(piece.end - piece.start for piece in step.reading))
        run(step)

    batch.decoder.run = counted  # type: ignore[method-assign]
    talk = [*system, *turns]
    for _ in range(4):
        (row,) = batch.add(talk, Sampling(40), [key_of(talk)])
        until_done(batch, 8)
        alone = engine.generate([talk], max_new_tokens=40)[0][0]
        assert batch.completion(row) == alone
        talk = [*talk, *alone.tokens, 7, 8]
        if len(talk) > 200:
            break
    # the first reads everything; each turn after it what is new and at most a page
    read = [count for count in read if count]
    assert read[0] == 103
    assert all(count <= 2 + 1 + 32 for count in read[1:])


def test_the_most_likely_tokens_and_untruncated_log_probabilities(engine):
    prompt = [1, 2, 3, 4]
    how = Sampling(12, temperature=0.6, top_k=3, top_logprobs=5, untruncated_logprobs=True)
    batch = engine.batch()
    (row,) = batch.add(prompt, how, [key_of(prompt)])
    (greedy,) = batch.add([7, 8], Sampling(6, temperature=0.0, top_logprobs=99), [0])
    until_done(batch, 4)
    found = batch.completion(row)
    assert found.top_logprobs is not None
    assert found.untruncated_logprobs is not None
    with torch.no_grad():
        table = engine.model(torch.tensor([prompt + found.tokens]))[0].log_softmax(-1)
    for at, token in enumerate(found.tokens):
        own = table[len(prompt) + at - 1]
        best = own.topk(5)
        assert list(found.top_logprobs[at]) == best.indices.tolist()
        np.testing.assert_allclose(
            list(found.top_logprobs[at].values()), best.values.numpy(), atol=1e-4
        )
        assert found.untruncated_logprobs[at] == pytest.approx(float(own[token]), abs=1e-4)
        assert (
            found.logprobs[at] >= found.untruncated_logprobs[at] - 1e-4 or found.logprobs[at] > -3
        )
    whole = batch.completion(greedy).top_logprobs
    assert whole is not None
    assert all(len(step) == 70 and sum(np.exp(list(step.values()))) == pytest.approx(1, abs=1e-3)
               for step in whole)  # fmt: skip
    assert [next(iter(step)) for step in whole] == batch.completion(greedy).tokens
    assert batch.completion(greedy).untruncated_logprobs is None


def test_of_equally_likely_tokens_the_lowest_ids_are_told(engine):
    head = engine.model.lm_head or engine.model.embed_tokens
    with torch.no_grad():
        head.weight.zero_()
    batch = engine.batch()
    (row,) = batch.add([1, 2], Sampling(3, top_logprobs=4), [0])
    until_done(batch)
    told = batch.completion(row).top_logprobs
    assert told is not None
    assert [list(step) for step in told] == [[0, 1, 2, 3]] * 3


def test_a_row_that_has_been_read_samples_in_the_same_call(engine):
    """Or each prompt would cost a call without a token while the others wait for it."""
    batch = engine.batch()
    (row,) = batch.add([1, 2, 3], Sampling(20), [0])
    assert [(event.row, len(event.tokens)) for event in batch.step(8)] == [(row, 7)]
    assert [(event.row, len(event.tokens)) for event in batch.step(8)] == [(row, 8)]


def test_bad_requests_are_named(engine):
    batch = engine.batch()
    for prompt, said in (([], "empty"), ([1] * (CONTEXT + 1), "context"), ([70], "token id")):
        with pytest.raises(UserError, match=said):
            batch.add(prompt, Sampling(3), [0])
    with pytest.raises(UserError, match="tokenizer"):
        batch.add([1], Sampling(3, stop_strings=("x",)), [0])
    with pytest.raises(UserError, match="top_logprobs"):
        Sampling(3, top_logprobs=-1)
    assert not batch.active


def test_what_is_asked_for_beside_is_told_of_the_last_tokens(engine):
    how = Sampling(9, temperature=0.6, top_logprobs=2, untruncated_logprobs=True)
    batch = engine.batch(max_rows=2)
    (row,) = batch.add([7, 8], how, [0])
    (plain,) = batch.add([7, 8], Sampling(9), [0])
    untruncated: list[float] = []
    top: list[dict[int, float]] = []
    for events in until_events(batch):
        for event in events:
            own, likely = batch.asked_beside(event.row, len(event.tokens))
            if event.row == row:
                untruncated += own
                top += likely
            else:
                assert (own, likely) == (None, None)
    whole = batch.completion(row)
    assert (untruncated, top) == (whole.untruncated_logprobs, whole.top_logprobs)
    assert len(top) == len(batch.completion(plain).tokens) == 9


def until_events(batch: GenerationBatch) -> Any:
    while batch.active:
        yield batch.step(2)
