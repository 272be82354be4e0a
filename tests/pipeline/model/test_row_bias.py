"""What is added to logits, and constraints: against full forward passes and tables in numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.model import instructions, native, sampling
from pipeline.model.batch import Completion, Event, GenerationBatch
from pipeline.model.engine import Engine
from pipeline.model.rows import GenerationRow, Sampling, row_keys
from pipeline.model.scheduler import Scheduler
from storage.errors import UserError

VOCAB, CONTEXT = 70, 128
SHAPE = {"width": 48, "heads": 2, "kv_heads": 1, "head_dim": 32, "ffn_width": 80}
PROMPT = [1, 2, 3, 4, 5]

Mask = np.ndarray | None
Allow = Callable[[list[int]], Mask]


class Scripted:
    """Allows what a function of the tokens so far says, and notes these."""

    def __init__(self, allow: Allow) -> None:
        self.allow, self.got = allow, list[int]()

    def allowed(self) -> Mask:
        return self.allow(self.got)

    def accept(self, token: int) -> None:
        self.got.append(token)


def only(*tokens: int) -> np.ndarray:
    mask = np.zeros(VOCAB, np.bool_)
    mask[list(tokens)] = True
    return mask


def by_chance(seed: int) -> Allow:
    """A few tokens, others after each beginning; now and then all."""

    def allow(got: list[int]) -> Mask:
        rng = np.random.default_rng([seed, *got])
        mask = rng.random(VOCAB) < 0.1
        mask[rng.integers(VOCAB)] = True
        return None if rng.random() < 0.2 else mask

    return allow


@pytest.fixture
def model(make_model):
    return make_model(**SHAPE, vocab_size=VOCAB, max_context=CONTEXT)


@pytest.fixture(params=["kernels", "torch"])
def engine(request, model, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(native, "kernels", lambda _: None)
    elif native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    return Engine(model)


@pytest.fixture
def by_kernels(model):
    if native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    return Engine(model)


def run(batch: GenerationBatch, burst: int = 4) -> dict[int, Event]:
    """To the end; each row's last event."""
    last: dict[int, Event] = {}
    while batch.active:
        last |= {event.row: event for event in batch.step(burst)}
    return last


def keys_of(prompt: list[int], count: int = 1, seed: int = 0) -> list[int]:
    return row_keys([prompt], count, seed)[0].tolist()


def plainly(model: Any, settings: Sampling, key: int, allow: Allow) -> Completion:
    """A forward pass over everything for each token, and the tables of `sampling`."""
    made = Completion(untruncated_logprobs=[], top_logprobs=[])
    assert made.untruncated_logprobs is not None
    assert made.top_logprobs is not None
    added = torch.zeros(VOCAB)
    for token, value in settings.logit_bias:
        added[token] += value
    for at in range(settings.max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([PROMPT + made.tokens]))[0, -1]
        mask = allow(made.tokens)
        total = logits + added
        if mask is not None:
            total[torch.from_numpy(~mask)] = -torch.inf
        s = settings
        table = sampling.log_probs(total, s.temperature, s.top_k, s.top_p, s.min_p)
        draw = torch.from_numpy(sampling.uniforms(np.array([key], np.uint64), np.array([at])))
        greedy = s.temperature == 0
        chosen = sampling.greedy(table[None]) if greedy else sampling.sample(table[None], draw)
        token = int(chosen[0])
        own = logits.log_softmax(-1)
        best = own.topk(s.top_logprobs)
        made.tokens.append(token)
        made.logprobs.append(float(table[token]))
        made.untruncated_logprobs.append(float(own[token]))
        made.top_logprobs.append(dict(zip(best.indices.tolist(), best.values.tolist())))
    return made


def near(found: Completion, wanted: Completion) -> None:
    assert found.tokens == wanted.tokens
    np.testing.assert_allclose(found.logprobs, wanted.logprobs, atol=1e-4)
    np.testing.assert_allclose(
        found.untruncated_logprobs or [], wanted.untruncated_logprobs or [], atol=1e-4
    )
    for told, best in zip(found.top_logprobs or [], wanted.top_logprobs or [], strict=True):
        assert list(told) == list(best)
        np.testing.assert_allclose(list(told.values()), list(best.values()), atol=1e-4)


BIAS = ((7, 4.0), (8, -3.5), (9, 2.0), (9, 1.0), (60, 5.5), (3, -100.0))
WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0.0},
    "plain": {},
    "warm": {"temperature": 1.3, "top_k": 9},
    "cut": {"temperature": 0.8, "top_p": 0.7, "min_p": 0.03},
}


@pytest.mark.parametrize("way", WAYS)
def test_bias_and_constraint_come_before_all_else_and_change_no_told_distribution(engine, way):
    told: dict[str, Any] = {"top_logprobs": 4, "untruncated_logprobs": True}
    settings = Sampling(24, **WAYS[way], **told, logit_bias=BIAS)
    keys = keys_of(PROMPT, 3)
    batch = engine.batch()
    free = batch.add(PROMPT, settings, keys)
    held = batch.add(PROMPT, settings, keys, constraints=[Scripted(by_chance(n)) for n in range(3)])
    run(batch)
    for sample, key in enumerate(keys):
        near(batch.completion(free[sample]), plainly(engine.model, settings, key, lambda _: None))
        wanted = plainly(engine.model, settings, key, by_chance(sample))
        near(batch.completion(held[sample]), wanted)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_hundred_bans_and_forces(engine, temperature):
    batch = engine.batch()
    often = engine.generate([PROMPT], max_new_tokens=40, temperature=temperature)[0][0].tokens
    banned = tuple((token, -100.0) for token in set(often[:5]))
    how: dict[str, Any] = {"temperature": temperature, "untruncated_logprobs": True}
    (without,) = batch.add(PROMPT, Sampling(40, **how, logit_bias=banned), keys_of(PROMPT))
    (forced,) = batch.add(PROMPT, Sampling(40, **how, logit_bias=((33, 100.0),)), keys_of(PROMPT))
    run(batch)
    assert not {token for token, _ in banned} & set(batch.completion(without).tokens)
    always = batch.completion(forced)
    assert always.tokens == [33] * 40
    np.testing.assert_allclose(always.logprobs, 0, atol=1e-6)  # of what it was drawn from
    assert max(always.untruncated_logprobs) < -0.5  # … which isn't what the model says


@pytest.mark.parametrize("ceiling", ["portable", "avx2", "avx512"])
def test_every_build_of_the_kernels_draws_what_torch_draws(model, ceiling, monkeypatch):
    if native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    monkeypatch.setenv(instructions.VARIABLE, ceiling)
    try:
        instructions.flags()
    except UserError as error:
        pytest.skip(str(error))

    def completions() -> list[Completion]:
        batch = Engine(model).batch(max_rows=7)
        rows = []
        for way in WAYS.values():
            for bias in ((), BIAS):
                settings = Sampling(20, **way, top_logprobs=3, logit_bias=bias)
                limits = [Scripted(by_chance(1)), None, Scripted(by_chance(2))]
                rows += batch.add(PROMPT, settings, keys_of(PROMPT, 3), constraints=limits)
        run(batch)
        return [batch.completion(row) for row in rows]

    short = completions()
    monkeypatch.setattr(native, "kernels", lambda _: None)
    for found, wanted in zip(short, completions(), strict=True):
        near(found, wanted)


def test_rows_beside_constrained_ones_are_the_same_to_the_bit(by_kernels):
    """Whenever these come and go, and whether or not they end by their constraints."""
    prompts = [[n, 2, 3] * 7 for n in range(1, 9)]
    settings = [
        Sampling(30, 0.9, top_p=0.9, top_logprobs=2, logit_bias=BIAS[: n % 3]) for n in range(8)
    ]
    alone = by_kernels.batch(max_rows=6)
    rows = [alone.add(p, s, keys_of(p))[0] for p, s in zip(prompts, settings)]
    run(alone, 8)
    wanted = [alone.completion(row) for row in rows]
    beside = by_kernels.batch(max_rows=6)
    rows = []
    for number, (prompt, how) in enumerate(zip(prompts, settings)):
        rows += beside.add(prompt, how, keys_of(prompt))
        ends = Scripted(lambda got: only() if len(got) > 5 else only(1, 2, 3))
        limits = [Scripted(by_chance(number)), ends]
        beside.add([9, number], Sampling(12), keys_of([9], 2), constraints=limits)
        for _ in range(number):
            beside.step(3)
    run(beside, 8)
    assert [beside.completion(row) for row in rows] == wanted


def test_samples_of_a_prompt_have_constraints_of_their_own(engine):
    """Where their tokens go apart, so do their constraints."""

    def rising(got: list[int]) -> Mask:
        return np.arange(VOCAB) > (got[-1] if got else 10)

    limits = [Scripted(rising) for _ in range(6)]
    batch = engine.batch(max_rows=4)
    rows = batch.add(PROMPT, Sampling(60), keys_of(PROMPT, 6), constraints=limits)
    last = run(batch)
    found = [batch.completion(row) for row in rows]
    assert len({tuple(c.tokens) for c in found}) == 6
    for row, completion, limit in zip(rows, found, limits):
        tokens = completion.tokens
        assert tokens == sorted(set(tokens))
        assert limit.got == tokens
        assert tokens[-1] == VOCAB - 1  # after which nothing is greater
        assert (last[row].ended, completion.stopped) == ("stop", True)


def test_a_row_that_loses_its_place_keeps_its_constraint(by_kernels, monkeypatch):
    packed = native.pack(by_kernels.model, "float32", CONTEXT)
    assert packed is not None
    a_page = native.page_tokens(packed) * packed.position_bytes
    prompts = [[1 + n, 2, 3] * 9 for n in range(10)]
    lost: list[int] = []
    lose = Scheduler._lose_place

    def noted(scheduler: Scheduler, row: GenerationRow) -> None:
        lost.append(row.made)
        lose(scheduler, row)

    monkeypatch.setattr(Scheduler, "_lose_place", noted)

    def completions(engine: Engine) -> list[Completion]:
        batch, rows = engine.batch(max_rows=10), []
        limits = [Scripted(by_chance(n)) for n in range(20)]
        for n, prompt in enumerate(prompts):
            two = limits[2 * n : 2 * n + 2]
            rows += batch.add(prompt, Sampling(70), keys_of(prompt, 2), constraints=two)
        run(batch, 8)
        found = [batch.completion(row) for row in rows]
        assert [limit.got for limit in limits] == [completion.tokens for completion in found]
        return found

    much = completions(by_kernels)
    assert not lost
    assert completions(Engine(by_kernels.model, max_cache_bytes=10 * a_page)) == much
    assert sum(made > 0 for made in lost) > 5


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_row_that_may_write_nothing_ends_by_itself(engine, after):
    """Also the first of a prompt's samples, which the others go on from."""

    def allow(got: list[int]) -> Mask:
        return only() if len(got) == after else only(4, 5, 6)

    limits = [Scripted(allow), None, Scripted(allow)]
    batch = engine.batch()
    settings = Sampling(9, top_logprobs=2, untruncated_logprobs=True)
    keys = keys_of(PROMPT, 3)
    rows = batch.add(PROMPT, settings, keys, constraints=limits)
    last = run(batch)
    for row in (rows[0], rows[2]):
        found = batch.completion(row)
        assert (last[row].ended, last[row].failure, found.stopped) == ("stop", "", True)
        assert len(found.tokens) == len(found.logprobs) == len(found.sampled) == after
        assert len(found.top_logprobs or []) == len(found.untruncated_logprobs or []) == after
    assert not batch.scheduler.running
    near(batch.completion(rows[1]), plainly(engine.model, settings, keys[1], lambda _: None))


class Broken(Scripted):
    def accept(self, token: int) -> None:
        super().accept(token)
        if len(self.got) == 3:
            raise ArithmeticError("no more")


def fails(got: list[int]) -> Mask:
    raise KeyError("nowhere") if len(got) == 3 else RuntimeError("unused")


@pytest.mark.parametrize(
    ("limit", "kept", "said"),
    [
        (
            Scripted(lambda got: only(1, 2) if len(got) < 3 else fails(got)),
            3,
            "KeyError: 'nowhere'",
        ),
        (
            Scripted(lambda got: np.ones(VOCAB + 1, np.bool_)),
            0,
            "TypeError: a constraint gave bool",
        ),
        (Scripted(lambda got: np.ones(VOCAB)), 0, "TypeError: a constraint gave float64"),
        (Broken(lambda got: None), 3, "ArithmeticError: no more"),
    ],
)
def test_a_constraint_that_fails_ends_its_row_alone(by_kernels, limit, kept, said):
    batch = by_kernels.batch()
    settings = Sampling(9)
    keys = keys_of(PROMPT, 2)
    row, other = batch.add(PROMPT, settings, keys, constraints=[limit, None])
    last = run(batch)
    assert last[row].ended == "error"
    assert last[row].failure.startswith(said)
    found = batch.completion(row)
    assert len(found.tokens) == kept
    assert not found.stopped
    assert batch.scheduler.pool.available == batch.scheduler.pool.count
    wanted = plainly(by_kernels.model, settings, keys[1], lambda _: None)
    assert batch.completion(other).tokens == wanted.tokens


def test_a_constraint_that_fails_on_the_last_token_comes_too_late(by_kernels):
    batch = by_kernels.batch()
    (row,) = batch.add(PROMPT, Sampling(3), [0], constraints=[Broken(lambda got: None)])
    assert run(batch)[row].ended == "length"


def test_many_tokens_a_step_but_beside_a_constraint(engine):
    batch = engine.batch()
    free = batch.add([5, 6], Sampling(60), [0])[0]
    batch.step(1)
    assert [len(event.tokens) for event in batch.step(8)] == [8]
    limit = Scripted(lambda got: only(2, 3))
    held = batch.add(PROMPT, Sampling(4, pause_tokens=(60,)), [1], constraints=[limit])[0]
    assert [len(event.tokens) for event in batch.step(8)] == [1, 0]  # its prompt was read
    for _ in range(4):
        assert [(e.row, len(e.tokens)) for e in batch.step(8)] == [(free, 1), (held, 1)]
    assert [(e.row, len(e.tokens)) for e in batch.step(8)] == [(free, 8)]


def test_what_somebody_else_writes_is_no_matter_of_the_constraint(engine):
    """A paused row keeps nobody waiting, and goes on from the same state."""
    limit = Scripted(lambda got: only([11, 12, 13, 14][len(got)]))
    batch = engine.batch()
    settings = Sampling(4, pause_tokens=(12,))
    (row,) = batch.add(PROMPT, settings, [0], constraints=[limit])
    (free,) = batch.add([5, 6], Sampling(60), [0])
    while not any(event.ended == "pause" for event in batch.step(8)):
        pass
    assert [(e.row, len(e.tokens)) for e in batch.step(8)] == [(free, 8)]
    batch.resume(row, [40, 41])
    assert run(batch)[row].ended == "length"
    assert batch.completion(row).tokens == [11, 12, 40, 41, 13, 14]
    assert limit.got == [11, 12, 13, 14]


def test_bad_biases_and_constraints_are_named(by_kernels):
    for value in (float("nan"), float("inf"), -1e7):
        with pytest.raises(UserError, match="logit_bias of token 3"):
            Sampling(1, logit_bias=((3, value),))
    batch = by_kernels.batch()
    for token in (-1, VOCAB):
        with pytest.raises(UserError, match=f"logit_bias names token id {token}"):
            batch.add(PROMPT, Sampling(1, logit_bias=((token, 1.0),)), [0])
    with pytest.raises(ValueError, match="2 constraints for 1 rows"):
        batch.add(PROMPT, Sampling(1), [0], constraints=[None, None])
    assert not batch.active


@pytest.mark.parametrize("value", [-1e6, 1e6])
def test_the_largest_bias_leaves_logits_that_are_numbers(engine, value):
    batch = engine.batch()
    bias = tuple((token, value) for token in range(VOCAB))
    (row,) = batch.add(PROMPT, Sampling(5, top_p=0.9, logit_bias=bias), [0])
    run(batch)
    assert len(batch.completion(row).tokens) == 5
