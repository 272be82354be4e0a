"""A model's thread: answers to the bit whatever the load, rows freed at once, errors survived."""

import asyncio
import contextlib
import dataclasses
import random
from typing import Any

import numpy as np
import pytest
from model_server import CONTEXT, LONG, POISON, tiny_folder, tiny_loop, until

from pipeline.export import load
from pipeline.model.batch import GenerationBatch
from pipeline.model.engine import Engine
from pipeline.model.rows import Sampling, row_keys
from pipeline.serve.api_errors import TooBusy, Unavailable
from pipeline.serve.config import ServeConfig
from pipeline.serve.inference_loop import Delta, Generation, InferenceLoop
from storage.errors import UserError


@pytest.fixture
def loop() -> Any:
    made = tiny_loop()
    yield made
    made.close()


def drawn(rng: random.Random, number: int) -> Generation:
    """Any of the things that clients ask for."""
    prompt = tuple(rng.randrange(1, 257) for _ in range(rng.choice([1, 3, 20, 90])))
    settings = Sampling(
        max_new_tokens=rng.randint(1, 60),
        temperature=rng.choice([0.0, 0.7, 1.3]),
        top_k=rng.choice([0, 5]),
        top_p=rng.choice([1.0, 0.9]),
        stop_tokens=rng.choice([(), (3, 9)]),
        stop_strings=rng.choice([(), ("e",)]),
        top_logprobs=rng.choice([0, 2]),
        untruncated_logprobs=rng.random() < 0.5,
        logit_bias=rng.choice([(), ((70, 5.0),)]),
    )
    samples, client = rng.choice([1, 1, 3]), rng.choice("ab")
    return Generation(prompt, settings, samples, seed=number, client=client)


async def whole(loop: InferenceLoop, wanted: Generation) -> list[Delta]:
    """All that each sample gets, as one delta."""
    found = [Delta(n, [], [], None) for n in range(wanted.samples)]
    async for deltas in loop.generate(wanted):
        for new in deltas:
            old = found[new.sample]
            top = None
            if new.top_logprobs is not None:
                top = (old.top_logprobs or []) + new.top_logprobs
            found[new.sample] = dataclasses.replace(
                old,
                tokens=old.tokens + new.tokens,
                logprobs=old.logprobs + new.logprobs,
                top_logprobs=top,
                ended=new.ended,
            )
    return found


def counted(deltas: list[Delta]) -> int:
    return sum(len(delta.tokens) for delta in deltas)


def test_a_request_that_is_alone_gets_its_first_token_after_a_step_of_one(
    loop: InferenceLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    step = GenerationBatch.step

    def noted(self: GenerationBatch, most_tokens: int = 1) -> Any:
        steps.append(most_tokens)
        return step(self, most_tokens)

    monkeypatch.setattr(GenerationBatch, "step", noted)
    wanted = Generation((70, 71), Sampling(max_new_tokens=LONG), 1, seed=1, client="a")
    asyncio.run(whole(loop, wanted))
    assert max(steps) > 8, "steps have become long, so that the next first one could be"
    steps.clear()
    asyncio.run(whole(loop, wanted))
    assert steps[0] == 1
    assert max(steps) > 8


def test_who_wants_a_whole_answer_hears_of_its_first_token_and_of_the_rest() -> None:
    loop = tiny_loop(ServeConfig(flush_seconds=1e-9))
    wanted = Generation((70, 71), Sampling(max_new_tokens=LONG), seed=1)

    async def lengths(*, whole: bool) -> list[int]:
        with loop.open([wanted], whole=whole) as stream:
            return [len(delta.tokens) async for deltas in stream for delta in deltas]

    try:
        streamed = asyncio.run(lengths(whole=False))
        assert asyncio.run(lengths(whole=True)) == [1, sum(streamed) - 1]
    finally:
        loop.close()
    assert len(streamed) > 2


def test_the_more_rows_run_the_longer_are_steps() -> None:
    """As long as events are apart: rows that step before are work for nobody."""
    loop = tiny_loop(ServeConfig(flush_seconds=1e-9))
    wanted = Generation((70, 71), Sampling(max_new_tokens=60), 100, seed=1)
    try:
        asyncio.run(whole(loop, wanted))
        assert loop.rows.steps < 60
    finally:
        loop.close()


def test_answers_are_the_same_to_the_bit_whatever_the_load() -> None:
    rng = random.Random(1)
    asked = [drawn(rng, number) for number in range(16)]

    async def together() -> list[Any]:
        crowded = tiny_loop(ServeConfig(max_rows=7, tokens_per_step=32, flush_seconds=0.002))
        texts = [[n % 250 + 1, 70, n % 50 + 2] for n in range(40)]
        try:
            *answers, read = await asyncio.gather(
                *(whole(crowded, wanted) for wanted in asked), crowded.prompt_logprobs(texts, 2)
            )
        finally:
            crowded.close()
        assert read == Engine(crowded.engine.model).prompt_logprobs(texts, 2)
        return answers

    async def alone() -> list[Any]:
        single = tiny_loop()
        try:
            return [await whole(single, wanted) for wanted in asked]
        finally:
            single.close()

    crowded = asyncio.run(together())
    assert crowded == asyncio.run(alone())
    # and to the engine's own answers
    engine = tiny_loop().engine
    for wanted, answer in zip(asked, crowded):
        batch = engine.batch(max_rows=4, tokenizer=tiny_loop().tokenizer)
        keys = row_keys([list(wanted.prompt)], wanted.samples, wanted.seed)[0].tolist()
        rows = batch.add(wanted.prompt, wanted.sampling, keys)
        while batch.active:
            batch.step(4)
        for row, sample in zip(rows, answer):
            found = batch.completion(row)
            logprobs = found.untruncated_logprobs or found.logprobs
            assert (found.tokens, logprobs, found.top_logprobs) == (
                sample.tokens,
                sample.logprobs,
                sample.top_logprobs,
            )


def test_the_first_token_comes_alone_and_the_others_together(loop: InferenceLoop) -> None:
    async def ask() -> list[list[Delta]]:
        return [deltas async for deltas in loop.generate(Generation((5, 6), Sampling(150)))]

    first = asyncio.run(ask())  # nothing is known yet of how fast the model is
    assert len(first[0][0].tokens) == 1
    found = asyncio.run(ask())
    assert len(found) < 75
    assert sum(len(delta.tokens) for deltas in found for delta in deltas) == 150
    assert [delta.ended for deltas in found for delta in deltas][-1] == "length"


def test_where_events_are_dear_rows_get_few(
    loop: InferenceLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.serve.unsent_tokens.MOST_EVENTS_PER_SECOND", 1e-3)
    loop.rows.flush_seconds = 1e-9  # by itself each step would be an event

    async def ask() -> list[Delta]:
        wanted = Generation((5, 6), Sampling(150), samples=2)
        return [delta for deltas in [d async for d in loop.generate(wanted)] for delta in deltas]

    found = asyncio.run(ask())
    for sample in (0, 1):  # the first at once, all others with the end
        own = [delta for delta in found if delta.sample == sample]
        assert [delta.ended for delta in own] == ["", "length"]
        assert sum(len(delta.tokens) for delta in own) == 150


def test_who_goes_away_holds_no_rows(loop: InferenceLoop) -> None:
    async def ask() -> None:
        first = loop.generate(Generation((5, 6), Sampling(LONG), samples=3))
        await anext(first)
        assert len(loop.rows) == 3
        await first.aclose()
        before = loop.rows.steps
        await until(lambda: not len(loop.rows))
        assert loop.rows.steps <= before + 1  # the one that was under way

        begun = asyncio.Event()

        async def listen() -> None:
            async for _ in loop.generate(Generation((5, 6), Sampling(LONG))):
                begun.set()

        task = asyncio.create_task(listen())
        await begun.wait()
        assert len(loop.rows) == 1
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        before = loop.rows.steps
        await until(lambda: not len(loop.rows))
        assert loop.rows.steps <= before + 1
        # places are free again for whoever comes, and the shares are settled
        assert len(await whole(loop, Generation((5,), Sampling(3), samples=4))) == 4
        await until(lambda: loop.idle)
        assert loop._queue.under_way == {}

    asyncio.run(ask())


def test_what_waits_can_be_cancelled_and_the_queue_is_bounded() -> None:
    loop = tiny_loop(ServeConfig(max_rows=1, max_queued=2, max_queued_per_client=2))

    async def ask() -> None:
        long = Generation((5, 6), Sampling(LONG))
        runs = loop.open([long])
        await anext(runs)
        waits = [loop.open([long]), loop.open([dataclasses.replace(long, client="other")])]
        with pytest.raises(TooBusy) as busy:
            loop.open([long])
        assert busy.value.status == 429
        assert busy.value.headers["Retry-After"]
        assert loop.queued == 2
        waits[0].close()
        assert loop.queued == 1
        with loop.open([long]) as later:
            runs.close()
            waits[1].close()
            assert counted(await anext(later)) >= 1
        await until(lambda: loop.idle)

    asyncio.run(ask())
    loop.close()


def test_several_prompts_of_one_request(loop: InferenceLoop) -> None:
    prompts = [(5, 6), (7,), (5, 6)]
    settings = Sampling(12, temperature=1.0)

    async def ask() -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        wanted = [
            Generation(prompt, settings, seed=3, occurrence=n // 2)
            for n, prompt in enumerate(prompts)
        ]
        with loop.open(wanted) as stream:
            async for deltas in stream:
                for delta in deltas:
                    found.setdefault(delta.prompt, []).extend(delta.tokens)
        return found

    found = asyncio.run(ask())
    plain = loop.engine.generate(
        [list(prompt) for prompt in prompts], max_new_tokens=12, temperature=1.0, seed=3
    )
    assert [found[n] for n in range(3)] == [samples[0].tokens for samples in plain]
    assert found[0] != found[2]


def test_a_sample_pauses_for_somebody_elses_tokens(loop: InferenceLoop) -> None:
    prompt = (5, 6)
    ((free,),) = loop.engine.generate([list(prompt)], max_new_tokens=20, temperature=0.0)
    pause = free.tokens[4]
    settings = Sampling(40, temperature=0.0, pause_tokens=(pause,))

    async def ask() -> list[int]:
        got: list[int] = []
        told = 0
        with loop.open([Generation(prompt, settings)]) as stream:
            async for deltas in stream:
                for delta in deltas:
                    got += delta.tokens
                    if delta.ended == "pause":
                        told += 1
                        if told == 1:
                            stream.resume([11, 12])
                        else:
                            stream.finish()
        await until(lambda: loop.idle)
        return got

    batch = loop.engine.batch(max_rows=1)
    (row,) = batch.add(prompt, settings, row_keys([list(prompt)], 1, 0)[0].tolist())
    got = asyncio.run(ask())
    told = 0
    while batch.active:
        for event in batch.step(1):
            if event.ended == "pause":
                told += 1
                batch.resume(row, [11, 12]) if told == 1 else batch.finish(row)
    sampled = batch.completion(row)
    assert got == [t for t, own in zip(sampled.tokens, sampled.sampled) if own]
    assert told == 2


def test_resuming_what_is_not_paused_is_an_error_of_that_request(loop: InferenceLoop) -> None:
    async def ask() -> None:
        with loop.open([Generation((5, 6), Sampling(LONG))]) as stream:
            await anext(stream)
            stream.resume([7])
            with pytest.raises(UserError, match="paused"):
                async for _ in stream:
                    pass
        assert len(await whole(loop, Generation((5,), Sampling(3)))) == 1

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Generation((), Sampling(3)), "empty"),
        (Generation((1,) * (CONTEXT + 1), Sampling(3)), f"{CONTEXT + 1} tokens"),
        (Generation((1, 258), Sampling(3)), "token id 258"),
        (Generation((1, -1), Sampling(3)), "token id -1"),
        (Generation((1,), Sampling(3), samples=1_000), "at most"),
    ],
)
def test_prompts_that_the_model_can_not_read(
    loop: InferenceLoop, wanted: Generation, words: str
) -> None:
    async def ask() -> None:
        with pytest.raises(UserError, match=words):
            loop.open([wanted])
        if wanted.samples == 1:
            with pytest.raises(UserError, match=words):
                await loop.prompt_logprobs([[1], list(wanted.prompt)])

    asyncio.run(ask())
    assert loop.idle


def test_a_step_that_fails_ends_its_requests_and_the_thread_lives_on(tmp_path: Any) -> None:
    model, tokenizer = load(tiny_folder(tmp_path / "m", poison=True, chat=False))
    loop = InferenceLoop(Engine(model, frozen=True), tokenizer, ServeConfig())
    (poison,) = tokenizer.encode(POISON.decode())
    settings = Sampling(LONG, temperature=0.0, logit_bias=((poison, -100.0),))

    async def ask() -> None:
        before = await whole(loop, Generation((5, 6), settings))
        runs = loop.open([Generation((5, 6), settings)])
        await anext(runs)
        with pytest.raises(FloatingPointError):
            await whole(loop, Generation((5, poison), settings))
        with pytest.raises(FloatingPointError):  # it was in the same step
            async for _ in runs:
                pass
        runs.close()
        await until(lambda: loop.idle)
        assert await whole(loop, Generation((5, 6), settings)) == before
        assert loop._queue.under_way == {}

    asyncio.run(ask())
    loop.close()


def test_texts_are_read_while_others_stream(loop: InferenceLoop) -> None:
    texts = [[n % 250 + 1] * 60 for n in range(30)]

    async def ask() -> None:
        stream = loop.open([Generation((5, 6), Sampling(LONG))])
        first = await anext(stream)
        reading = asyncio.ensure_future(loop.embed(texts, "other"))
        gone = asyncio.ensure_future(loop.prompt_logprobs(texts * 20, 1))
        await asyncio.sleep(0)
        (job,) = (line[0] for line in loop._readings._lines.values() if line[0].top)
        gone.cancel()
        assert counted(first) + sum([counted(part) async for part in stream]) == LONG
        vectors = await reading
        assert np.array_equal(np.stack(vectors), loop.engine.embed(texts))
        await until(lambda: loop.idle)
        assert len(job.results) < len(texts * 20)  # nobody read on for who had gone
        assert await loop.embed([]) == []

    asyncio.run(ask())


def test_an_idle_thread_sleeps(loop: InferenceLoop) -> None:
    async def ask() -> None:
        await whole(loop, Generation((5,), Sampling(3)))
        await until(lambda: loop.idle)
        turns = 0
        admitted = loop._admitted

        def counted() -> Any:
            nonlocal turns
            turns += 1
            return admitted()

        loop._admitted = counted  # type: ignore[method-assign]
        await asyncio.sleep(0.2)
        assert turns <= 1

    asyncio.run(ask())


def test_draining_finishes_what_runs_and_refuses_what_waits() -> None:
    loop = tiny_loop(ServeConfig(max_rows=1))

    async def ask() -> None:
        runs = loop.open([Generation((5, 6), Sampling(LONG))])
        first = await anext(runs)
        waits = loop.open([Generation((5, 6), Sampling(LONG))])
        loop.drain()
        with pytest.raises(Unavailable, match="shutting down"):
            await anext(waits)
        waits.close()
        with pytest.raises(Unavailable):
            loop.open([Generation((5, 6), Sampling(LONG))])
        with pytest.raises(Unavailable):
            await loop.embed([[1]])
        assert counted(first) + sum([counted(part) async for part in runs]) == LONG
        loop.close()
        await until(lambda: loop._thread is None)

    asyncio.run(ask())


def test_closing_ends_what_runs(loop: InferenceLoop) -> None:
    async def ask() -> None:
        runs = loop.open([Generation((5, 6), Sampling(LONG))])
        await anext(runs)
        reads = asyncio.ensure_future(loop.embed([[n % 250] * 90 for n in range(2_000)]))
        await asyncio.sleep(0)
        loop.close()
        assert loop._thread is None
        with pytest.raises(Unavailable):
            await reads
        with pytest.raises(Unavailable):
            async for _ in runs:
                pass
        await until(lambda: loop._thread is None)
        assert loop.idle

    asyncio.run(ask())


def test_a_retired_loop_still_answers_whoever_holds_it(loop: InferenceLoop) -> None:
    async def ask() -> None:
        before = await whole(loop, Generation((5,), Sampling(5)))
        loop.retire()
        await until(lambda: loop._thread is None)
        assert await whole(loop, Generation((5,), Sampling(5))) == before
        await until(lambda: loop._thread is None)

    asyncio.run(ask())


def test_an_event_loop_that_is_over_leaves_no_rows(loop: InferenceLoop) -> None:
    async def leave() -> None:
        stream = loop.open([Generation((5, 6), Sampling(LONG), samples=2)])
        await anext(stream)

    async def look() -> None:
        await until(lambda: loop.idle)

    asyncio.run(leave())
    asyncio.run(look())
    assert loop.rows.sampled_tokens < 2 * LONG


def test_an_end_is_said_at_once_though_others_run() -> None:
    loop = tiny_loop(ServeConfig(flush_seconds=60.0))

    async def ask() -> None:
        runs = loop.open([Generation((5, 6), Sampling(LONG))])
        (first,) = await anext(runs)
        (delta,) = await whole(loop, Generation((7, 8), Sampling(40)))
        assert delta.ended == "length"
        assert len(loop.rows) == 1
        # … and what is between waits for its time, here for the end
        rest = [part async for deltas in runs for part in deltas]
        assert [len(first.tokens), *(len(part.tokens) for part in rest)] == [1, LONG - 1]

    asyncio.run(ask())
    loop.close()
