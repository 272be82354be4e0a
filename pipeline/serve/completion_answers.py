"""The answers of /v1/completions: a plan's samples as one object, or as a stream of chunks."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

from pipeline.model.prompt_logprobs import PromptLogprobs
from pipeline.serve.completion_logprobs import CompletionLogprobs, joined
from pipeline.serve.completion_plan import CompletionPlan
from pipeline.serve.event_stream import event
from pipeline.serve.generation import Delta
from pipeline.serve.generation_stream import GenerationStream
from pipeline.serve.text_stream import TextStream


class CompletionSample:
    """One sample's text and log-probabilities as they come."""

    def __init__(self, plan: CompletionPlan, prompt: int) -> None:
        self.plan, self.prompt = plan, prompt
        self.text = TextStream(plan.tokenizer, plan.asked.stop, plan.stop_tokens)
        self.told = CompletionLogprobs(plan.tokenizer, plan.asked.logprobs or 0)
        self.tokens = 0
        self.logprob = 0.0  # of all tokens
        self.ended = ""

    def echo(self, read: PromptLogprobs | None) -> dict[str, Any]:
        """The prompt, as the choice's beginning."""
        tokens = self.plan.prompts[self.prompt]
        logprobs = None
        if read is not None:
            own = 1 if self.plan.own_first else 0
            parts = [
                self.told.add(tokens[part], read.logprobs[part], read.top_logprobs[part], silent)
                for part, silent in ((slice(own), tokens[:own]), (slice(own, None), ()))
            ]
            logprobs = joined(parts)
        return {"text": self.text.begin(self.plan.texts[self.prompt]), "logprobs": logprobs}

    def add(self, delta: Delta) -> dict[str, Any]:
        """What is new of the choice."""
        text = self.text.push(delta.tokens)
        if delta.ended:
            self.ended = delta.ended
            text += self.text.finish()
        self.tokens += len(delta.tokens)
        self.logprob += sum(delta.logprobs)
        logprobs = None
        if self.plan.asked.logprobs is not None:
            stops = self.plan.stop_tokens
            logprobs = self.told.add(delta.tokens, delta.logprobs, delta.top_logprobs, stops)
        return {"text": text, "logprobs": logprobs}


async def _read(plan: CompletionPlan) -> list[PromptLogprobs | None]:
    """The prompts' own log-probabilities, where they are asked for."""
    if not plan.asked.echo or plan.asked.logprobs is None:
        return [None for _ in plan.prompts]
    top, loop = plan.asked.logprobs, plan.served.loop
    return [*await loop.prompt_logprobs(plan.prompts, top, plan.client)]


async def whole(plan: CompletionPlan) -> dict[str, Any]:
    """The whole answer."""
    n = plan.asked.n or 1
    read = await _read(plan)
    numbers = range(plan.generations[0].samples) if plan.generations else range(n)
    samples = _samples(plan, len(numbers))
    pieces: dict[tuple[int, int], list[dict[str, Any]]] = {at: [] for at in samples}
    if plan.asked.echo:
        for at, sample in samples.items():
            pieces[at].append(sample.echo(read[at[0]]))
    with plan.served.loop.open(plan.generations, whole=True) as stream:
        async for deltas in stream:
            for delta in deltas:
                at = delta.prompt, delta.sample
                pieces[at].append(samples[at].add(delta))
    choices: list[dict[str, Any]] = []
    for prompt in range(len(plan.prompts)):
        own = [(prompt, number) for number in numbers]
        if len(own) > n:
            own = sorted(own, key=lambda at: _badness(samples[at]))[:n]
        for at in own:
            choices.append(_choice(len(choices), pieces[at], samples[at].ended or "length"))
    tokens = sum(sample.tokens for sample in samples.values())
    return plan.around(choices) | {"usage": plan.usage(tokens)}


def _samples(plan: CompletionPlan, count: int) -> dict[tuple[int, int], CompletionSample]:
    """By prompt and sample."""
    prompts = range(len(plan.prompts))
    return {(p, s): CompletionSample(plan, p) for p in prompts for s in range(count)}


def _badness(sample: CompletionSample) -> float:
    """Minus the mean log-probability."""
    return -sample.logprob / max(1, sample.tokens)


def _choice(index: int, pieces: list[dict[str, Any]], ended: str | None) -> dict[str, Any]:
    told = [piece["logprobs"] for piece in pieces if piece["logprobs"] is not None]
    return {
        "index": index,
        "text": "".join(piece["text"] for piece in pieces),
        "logprobs": joined(told) if told else None,
        "finish_reason": ended,
    }


async def events(
    plan: CompletionPlan, stream: GenerationStream, note: Callable[[dict[str, int]], None]
) -> AsyncGenerator[bytes, None]:
    """The answer as a stream; `note` is told what it cost, however it ends."""
    n = plan.asked.n or 1
    usage: dict[str, Any] = {"usage": None} if plan.asked.include_usage else {}
    samples = _samples(plan, n)

    def chunk(at: tuple[int, int], piece: dict[str, Any], ended: str | None) -> bytes:
        return event(plan.around([_choice(at[0] * n + at[1], [piece], ended)]) | usage)

    try:
        if plan.asked.echo:
            read = await _read(plan)
            last = None if plan.generations else "length"
            for at, sample in samples.items():
                yield chunk(at, sample.echo(read[at[0]]), last)
        async for deltas in stream:
            sent = []
            for delta in deltas:
                at = delta.prompt, delta.sample
                piece = samples[at].add(delta)
                if piece["text"] or piece["logprobs"] or delta.ended:
                    sent.append(chunk(at, piece, delta.ended or None))
            if sent:
                yield b"".join(sent)
    finally:
        cost = plan.usage(sum(sample.tokens for sample in samples.values()))
        note(cost)
    if plan.asked.include_usage:
        yield event(plan.around([]) | {"usage": cost})
