"""A request's samples as they come, on the event loop's side of an inference loop.

In: `Generation`s that an `InferenceLoop` has taken. Out: lists of `Delta`s, asynchronously. Closing
it frees what it holds of the model within one step.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol

from pipeline.serve.generation import Delta, Generation

Command = Callable[[], None]  # what the loop's thread does between two steps


class Owner(Protocol):
    """The inference loop, as streams see it."""

    def resume(
        self, stream: "GenerationStream", prompt: int, sample: int, tokens: Sequence[int]
    ) -> None:
        """Let a paused sample go on."""

    def finish(self, stream: "GenerationStream", prompt: int, sample: int) -> None:
        """End a paused sample."""

    def cancel(self, stream: "GenerationStream") -> None:
        """Let go of all of it."""

    def observe(self, first_seconds: float, tokens: int, token_seconds: float) -> None:
        """What clients waited for a first token, or between tokens."""


class GenerationStream:
    """Use it as a context, which closes it: `with loop.open(…) as stream: async for deltas in …`.

    Args:
        owner: the inference loop.
        wanted: of the request, a prompt each.
        whole: see `InferenceLoop.open`.
    """

    def __init__(self, owner: Owner, wanted: Sequence[Generation], *, whole: bool = False) -> None:
        self.owner, self.wanted, self.whole = owner, tuple(wanted), whole
        self.loop = asyncio.get_running_loop()
        self.client = self.wanted[0].client if self.wanted else ""
        self.closed = False
        self._left = sum(generation.samples for generation in self.wanted)
        self._ready: list[Delta] = []
        self._news = asyncio.Event()
        self._error: Exception | None = None
        self._opened = time.monotonic()
        self._last: dict[tuple[int, int], float] = {}  # when each sample was last heard of

    def __enter__(self) -> "GenerationStream":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> "GenerationStream":
        return self

    async def __anext__(self) -> list[Delta]:
        while not self._ready:
            if self._error is not None:
                raise self._error
            if self._left <= 0 or self.closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        deltas, self._ready = self._ready, []
        return deltas

    def resume(self, tokens: Sequence[int], *, prompt: int = 0, sample: int = 0) -> None:
        """Append tokens that somebody else wrote to a sample that ended with "pause", and go on."""
        self.owner.resume(self, prompt, sample, tokens)

    def finish(self, *, prompt: int = 0, sample: int = 0) -> None:
        """End a sample that ended with "pause" where it stands."""
        self._left -= 1
        self._news.set()
        self.owner.finish(self, prompt, sample)

    def close(self) -> None:
        """Nothing more is wanted."""
        if not self.closed:
            self.closed = True
            self._news.set()
            if self._left > 0 or self._error is not None:
                self.owner.cancel(self)

    def take(self, deltas: list[Delta]) -> None:
        """What the loop's thread hands over, on the event loop."""
        now = time.monotonic()
        for delta in deltas:
            if delta.ended and delta.ended != "pause":
                self._left -= 1
            if delta.tokens:
                self._observe((delta.prompt, delta.sample), len(delta.tokens), now)
        self._ready += deltas
        self._news.set()

    def fail(self, error: Exception) -> None:
        """It ends by an error."""
        self._error = error
        self._news.set()

    def _observe(self, sample: tuple[int, int], tokens: int, now: float) -> None:
        before = self._last.get(sample)
        self._last[sample] = now
        if before is None:
            self.owner.observe(now - self._opened, tokens, 0.0)
        else:
            self.owner.observe(0.0, tokens, (now - before) / tokens)
