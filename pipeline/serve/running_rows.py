"""The rows that a model's batch has under way, each with the request that it belongs to.

What the thread of an inference loop does between two looks at its inbox: begin rows, step, send
what is due. Nothing here is called by any other thread.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.model.batch import Event, GenerationBatch
from pipeline.model.sampling import row_key
from pipeline.serve.api_errors import ApiError
from pipeline.serve.generation import Delta
from pipeline.serve.generation_stream import GenerationStream
from pipeline.serve.step_pace import StepPace
from pipeline.serve.unsent_tokens import UnsentTokens, wait_between
from storage.errors import UserError

logger = logging.getLogger("crawl2chat.serve")

# Of the time between two events: a step takes about all of it, often a little less, and a row that
# waited for another step would be heard of half as often.
LEAST_WAIT = 2 / 3


class RunningRows:
    """Rows under way, paused ones among them.

    Args:
        new_batch: makes the batch, and another where a step has failed.
        flush_seconds: between two pieces of a row's tokens, and about what a step takes, both of
            them longer where many rows run.
        released: called with a client and how many of its rows have ended.
    """

    def __init__(
        self,
        new_batch: Callable[[], GenerationBatch],
        flush_seconds: float,
        released: Callable[[str, int], None],
    ) -> None:
        self.new_batch, self.flush_seconds, self.released = new_batch, flush_seconds, released
        self.batch: GenerationBatch | None = new_batch()
        self.max_rows = self.batch.scheduler.max_rows
        self.steps = self.sampled_tokens = 0  # so far
        self._found = self._read = 0  # tokens of prompts, by batches that are gone
        self._rows: dict[int, UnsentTokens] = {}
        self._unsent: dict[UnsentTokens, None] = {}
        self._pace = StepPace()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def active(self) -> bool:
        """Whether a step would do anything."""
        return self.batch is not None and self.batch.active

    @property
    def _wait_between(self) -> float:
        """Seconds between two events of a row."""
        return wait_between(self.flush_seconds, len(self._rows))

    @property
    def found_tokens(self) -> int:
        """Tokens of prompts that had been read before, so far: what the prefix cache saved."""
        return self._found + (self.batch.scheduler.found_tokens if self.batch else 0)

    @property
    def read_tokens(self) -> int:
        """Tokens of prompts that had to be read, so far."""
        return self._read + (self.batch.scheduler.read_tokens if self.batch else 0)

    def begin(self, stream: GenerationStream, prompt: int) -> None:
        """Add one of a request's prompts with its samples."""
        wanted = stream.wanted[prompt]
        tokens = list(wanted.prompt)
        try:
            if self.batch is None:
                self.batch = self.new_batch()
            numbers = range(wanted.samples)
            keys = [row_key(wanted.seed, tokens, wanted.occurrence, n) for n in numbers]
            constrain = wanted.constraint
            constraints = [constrain() for _ in numbers] if constrain is not None else ()
            rows = self.batch.add(tokens, wanted.sampling, keys, constraints=constraints)
        except Exception as error:
            if not isinstance(error, UserError | ApiError):
                logger.exception("a prompt could not begin")
            self.released(wanted.client, wanted.samples)
            self._fail(stream, error)
            return
        for sample, row in enumerate(rows):
            self._rows[row] = UnsentTokens(stream, prompt, sample, row)

    def step(self) -> None:
        """Let rows read and sample for a while.

        Raises:
            FloatingPointError: the model's logits are not finite.
        """
        if not self.active or self.batch is None:
            return
        before = self.batch.scheduler.read_tokens
        begun = [row.begun for row in self._rows.values()]
        tokens = self._pace.tokens(
            first_is_due=not all(begun),
            all_wait_for_first=not any(begun),
            stop_strings=any(row.stop_strings for row in self._rows.values()),
            seconds=self._wait_between,
        )
        start = time.perf_counter()
        events = self.batch.step(tokens)
        read = self.batch.scheduler.read_tokens > before
        self._pace.took(tokens, time.perf_counter() - start, read=read)
        self.steps += 1
        for event in events:
            self._take(event, self.batch)

    def send(self) -> None:
        """Hand over what is due, by one call for all streams of an event loop."""
        if not self._unsent:
            return
        now = time.monotonic()
        # Where no step follows, nothing will come that the rest could be sent with.
        least = self._wait_between * LEAST_WAIT if self.active else 0.0
        due = [row for row in self._unsent if row.is_due(now, least)]
        by_loop: dict[asyncio.AbstractEventLoop, dict[GenerationStream, list[Delta]]] = {}
        for row in due:
            del self._unsent[row]
            streams = by_loop.setdefault(row.stream.loop, {})
            streams.setdefault(row.stream, []).append(row.take(now))
        for loop, streams in by_loop.items():
            if not call_soon(loop, _deliver, streams):
                for stream in streams:
                    self.drop(stream)

    def resume(
        self, stream: GenerationStream, prompt: int, sample: int, tokens: Sequence[int]
    ) -> None:
        """Let a paused row go on after tokens that somebody else wrote."""
        row = self._row(stream, prompt, sample)
        if row is None or self.batch is None:
            return  # its request has ended meanwhile
        try:
            self.batch.resume(row.row, tokens)
        except UserError as error:
            self._fail(stream, error)

    def finish(self, stream: GenerationStream, prompt: int, sample: int) -> None:
        """End a paused row where it stands."""
        row = self._row(stream, prompt, sample)
        if row is None or self.batch is None:
            return
        try:
            self.batch.finish(row.row)
        except UserError as error:
            self._fail(stream, error)
        else:
            self._forget(row)

    def drop(self, stream: GenerationStream) -> None:
        """End what a request has under way: its rows are free at once."""
        for row in [row for row in self._rows.values() if row.stream is stream]:
            if self.batch is not None:
                self.batch.cancel(row.row)
            self._forget(row)
        for row in [row for row in self._unsent if row.stream is stream]:
            del self._unsent[row]

    def end_all(self, error: Exception) -> None:
        """End every request by an error; the next begins with a new batch."""
        for row in self._rows.values():
            self.released(row.stream.client, 1)
        for stream in {row.stream for row in [*self._rows.values(), *self._unsent]}:
            call_soon(stream.loop, stream.fail, error)
        self._found, self._read = self.found_tokens, self.read_tokens
        self._rows.clear()
        self._unsent.clear()
        self.batch = None

    def _take(self, event: Event, batch: GenerationBatch) -> None:
        row = self._rows.get(event.row)
        if row is None or not (event.tokens or event.ended):
            return  # its request has ended meanwhile, or its prompt was read and no more
        row.add(event, batch)
        self._unsent[row] = None
        self.sampled_tokens += len(event.tokens)
        if event.ended == "error":
            self._fail(row.stream, ApiError(500, event.failure, code="constraint_failed"))
        elif event.ended and event.ended != "pause":
            self._forget(row)

    def _row(self, stream: GenerationStream, prompt: int, sample: int) -> UnsentTokens | None:
        for row in self._rows.values():
            if row.stream is stream and (row.prompt, row.sample) == (prompt, sample):
                return row
        return None

    def _fail(self, stream: GenerationStream, error: Exception) -> None:
        call_soon(stream.loop, stream.fail, error)
        self.drop(stream)

    def _forget(self, row: UnsentTokens) -> None:
        del self._rows[row.row]
        if self.batch is not None:
            self.batch.forget(row.row)
        self.released(row.stream.client, 1)


def call_soon(
    loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any
) -> bool:
    """Call a function on an event loop; False: that loop is over."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return False
    return True


def _deliver(streams: dict[GenerationStream, list[Delta]]) -> None:
    for stream, deltas in streams.items():
        stream.take(deltas)
