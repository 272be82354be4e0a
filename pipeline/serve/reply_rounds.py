"""Replies as they are written: a model's tokens as events, with the calls that the server answers.

In: a prepared reply, the model's inference loop, the server's tools. Out: lists of events of its
samples as they come. A sample that has called the server's tools waits for their outputs, which are
appended as the conversation encoder writes them, and goes on, within the limits of
`tools.tool_batch`: so many rounds, and room in the context for a reply; all others go on meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

from pipeline.chat.conversation import STOP, after_calls
from pipeline.chat.messages import ToolCall
from pipeline.serve.generation import Delta
from pipeline.serve.generation_stream import GenerationStream
from pipeline.serve.inference_loop import InferenceLoop
from pipeline.serve.reply_events import (
    CallAnswered,
    CallBegun,
    CallMade,
    CallPiece,
    FinishReason,
    ReplyEvent,
    ReplyOver,
    SampledToken,
    TextPiece,
    call_id,
)
from pipeline.serve.reply_stream import ReplyEnd
from pipeline.serve.server_tools import ServerTools
from pipeline.serve.wanted_reply import PreparedReply
from pipeline.tools.tool import ToolOutput
from pipeline.tools.tool_batch import MOST_ROUNDS, TOO_MANY


class SampleEvent(NamedTuple):
    """What happened in a sample."""

    sample: int
    event: ReplyEvent


class _Sample:
    """One sample under way."""

    def __init__(self, number: int, prepared: PreparedReply) -> None:
        self.number, self.prepared = number, prepared
        self.reading = prepared.stream()
        self.tokens: list[SampledToken] = []  # of this message, where they are told
        self.length = len(prepared.generation.prompt)  # of all that stands in the context
        self.sampled = self.forced = self.calls = self.rounds = 0
        self.last = -1  # token that came
        self.over = self.cut = False  # cut: within a call
        self.begun = ToolCall("", "")  # the call under way, where a grammar holds it

    def take(self, delta: Delta) -> list[ReplyEvent]:
        """What has been written."""
        self.sampled += len(delta.tokens)
        self.length += len(delta.tokens)
        self.last = delta.tokens[-1] if delta.tokens else self.last
        if self.prepared.tells_tokens:
            tops = delta.top_logprobs or [{}] * len(delta.tokens)
            self.tokens += map(SampledToken, delta.tokens, delta.logprobs, tops)
        return [*self._shown(self.reading.push(delta.tokens)), *self._calls()]

    def end_message(self, as_text: bool) -> tuple[list[ReplyEvent], ReplyEnd]:
        """The last piece of its text and of calls that are held, and how the message ended."""
        end = self.reading.finish(as_text)
        return [*self._shown(end.text), *self._calls()], end

    def named(self, calls: Sequence[ToolCall]) -> list[ToolCall]:
        """The calls with ids."""
        key = self.prepared.key(self.number)
        first, self.calls = self.calls, self.calls + len(calls)
        return [
            ToolCall(call.name, call.arguments, call_id(key, first + at))
            for at, call in enumerate(calls)
        ]

    def next_message(self, forced: int) -> None:
        """Tokens of outputs have been appended: it goes on."""
        self.length += forced
        self.forced += forced
        self.reading, self.tokens = self.prepared.stream(), []

    def end(self, reason: FinishReason) -> ReplyOver:
        """It is over."""
        self.over = True
        return ReplyOver(reason, self.sampled, self.forced)

    def _calls(self) -> list[ReplyEvent]:
        """What is new of calls that a grammar holds, with ids."""
        found: list[ReplyEvent] = []
        for part in self.reading.call_parts():
            if isinstance(part, CallPiece):
                found.append(part)
            elif isinstance(part, CallBegun):
                (self.begun,) = self.named([part.call])
                found.append(CallBegun(self.begun))
            else:
                call = ToolCall(part.call.name, part.call.arguments, self.begun.id)
                found.append(CallMade(call, cut=part.cut))
                self.cut = part.cut
        return found

    def _shown(self, text: str) -> list[ReplyEvent]:
        tokens: tuple[SampledToken, ...] = ()
        if self.prepared.tells_tokens:
            tokens = tuple(self.tokens[place] for place in self.reading.text_tokens())
        return [TextPiece(text, tokens)] if text or tokens else []


class RunningReply:
    """A reply that the model has been asked for: there is room for it, or this raises.

    Args:
        prepared: what the model is to do.
        loop: of the model.
        tools: that answer calls, where the reply is `served`.
        whole: see `InferenceLoop.open`.

    Raises:
        ApiError: the model is too busy.
        UserError: the prompt or so many samples are too much for it.
    """

    def __init__(
        self,
        prepared: PreparedReply,
        loop: InferenceLoop,
        tools: ServerTools,
        *,
        whole: bool = False,
    ) -> None:
        self.prepared, self.tools = prepared, tools
        self._stream = loop.open([prepared.generation], whole=whole)

    def close(self) -> None:
        """Nothing more is wanted: what it holds of the model is free within a step."""
        self._stream.close()

    async def events(self) -> AsyncGenerator[list[SampleEvent], None]:
        """What happens in the samples, as it happens.

        Raises:
            ApiError: the model fails.
        """
        samples = [_Sample(n, self.prepared) for n in range(self.prepared.generation.samples)]
        with self._stream as stream:
            if self.prepared.served:
                async for events in _Rounds(stream, samples, self.tools).events():
                    yield events
                return
            async for deltas in stream:
                found = [
                    SampleEvent(delta.sample, event)
                    for delta in deltas
                    for event in _plain(samples[delta.sample], delta)
                ]
                if found:
                    yield found


def _plain(sample: _Sample, delta: Delta) -> list[ReplyEvent]:
    """A delta of a reply whose calls the client answers."""
    events = sample.take(delta)
    if not delta.ended:
        return events
    rest, end = sample.end_message(as_text=False)
    events += [*rest, *(CallMade(call) for call in sample.named(end.calls))]
    reason: FinishReason = "tool_calls" if sample.calls and not sample.cut else "stop"
    return [*events, sample.end("length" if delta.ended == "length" else reason)]


class _Rounds:
    """Samples whose calls the server answers."""

    def __init__(
        self, stream: GenerationStream, samples: Sequence[_Sample], tools: ServerTools
    ) -> None:
        self.stream, self.samples, self.tools = stream, samples, tools
        self._running: dict[asyncio.Task[list[ToolOutput]], tuple[_Sample, list[ToolCall]]] = {}

    async def events(self) -> AsyncGenerator[list[SampleEvent], None]:
        """As they happen."""
        more: asyncio.Task[list[Delta]] | None = None
        try:
            while not all(sample.over for sample in self.samples):
                more = more or asyncio.ensure_future(anext(self.stream))
                await asyncio.wait({more, *self._running}, return_when=asyncio.FIRST_COMPLETED)
                found = [event for task in list(self._running) for event in self._answered(task)]
                if more.done():
                    found += [event for delta in more.result() for event in self._delta(delta)]
                    more = None
                if found:
                    yield found
        finally:
            for task in (*self._running, *([more] if more else [])):
                task.cancel()

    def _delta(self, delta: Delta) -> list[SampleEvent]:
        sample = self.samples[delta.sample]
        events = sample.take(delta)
        if delta.ended:
            pauses = delta.ended == "pause"
            over = sample.rounds > MOST_ROUNDS  # it was told to stop calling
            rest, end = sample.end_message(as_text=not pauses)
            events += rest
            if pauses and end.calls and not over:
                calls = sample.named(end.calls)
                events += [CallMade(call, served=True) for call in calls]
                self._run(sample, calls)
            else:
                if pauses:
                    self.stream.finish(sample=sample.number)
                limited = delta.ended == "length" or (over and bool(end.calls))
                events.append(sample.end("length" if limited else "stop"))
        return [SampleEvent(sample.number, event) for event in events]

    def _run(self, sample: _Sample, calls: list[ToolCall]) -> None:
        """Let the tools answer a round of calls."""
        sample.rounds += 1
        over = sample.rounds > MOST_ROUNDS
        answer = _too_many(calls) if over else self.tools.answer(calls)
        self._running[asyncio.ensure_future(answer)] = (sample, calls)

    def _answered(self, task: "asyncio.Task[list[ToolOutput]]") -> list[SampleEvent]:
        """Outputs have come, if they have: the sample goes on, where its context has room."""
        if not task.done():
            return []
        sample, calls = self._running.pop(task)
        outputs = task.result()
        events: list[ReplyEvent] = list(map(CallAnswered, calls, outputs))
        tokenizer = sample.prepared.tokenizer
        forced = after_calls([output.text for output in outputs], tokenizer)
        stop = tokenizer.special(STOP)
        forced = forced if sample.last == stop else [stop, *forced]  # it paused after one call
        if sample.length + len(forced) < sample.prepared.context:
            sample.next_message(len(forced))
            self.stream.resume(forced, sample=sample.number)
        else:
            self.stream.finish(sample=sample.number)
            events.append(sample.end("length"))
        return [SampleEvent(sample.number, event) for event in events]


async def _too_many(calls: Sequence[ToolCall]) -> list[ToolOutput]:
    return [TOO_MANY] * len(calls)
