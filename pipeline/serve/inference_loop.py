"""A model's thread: requests come in, rows share its steps, tokens go out.

One thread owns the model's batch; event loops submit `Generation`s to it and get `Delta`s. Between
two steps it takes what has come and drops what was cancelled, so that a client that goes away holds
no row for longer than a step; the first token of a sample goes out at once, others together every
`flush_seconds`. Log-probabilities of prompts and embeddings are worked on between steps, in pieces.
A step that fails ends the requests that ran in it; the thread begins a new batch and lives on. Rows
get the same tokens to the bit whatever else runs (`pipeline.model.batch`).
"""

import asyncio
import dataclasses
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from pipeline.model.batch import GenerationBatch
from pipeline.model.engine import Engine
from pipeline.model.forward_state import ForwardState
from pipeline.model.prompt_logprobs import PromptLogprobs
from pipeline.model.rows import Array
from pipeline.serve.api_errors import ApiError, TooBusy, Unavailable
from pipeline.serve.config import ServeConfig
from pipeline.serve.fair_queue import FairQueue, QueueFull
from pipeline.serve.generation import Delta, Generation
from pipeline.serve.generation_stream import GenerationStream
from pipeline.serve.reading_queue import Reading, ReadingJob, ReadingQueue
from pipeline.serve.running_rows import RunningRows, call_soon
from pipeline.serve.text_reader import TextReader
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

__all__ = ["Delta", "Generation", "GenerationStream", "InferenceLoop"]

Observe = Callable[[float, int, float], None]  # see `GenerationStream`
CLOSE_SECONDS = 10.0  # far more than a step takes

logger = logging.getLogger("crawl2chat.serve")


@dataclasses.dataclass(frozen=True, eq=False)
class _Asked:
    """A prompt that waits for rows."""

    stream: GenerationStream
    prompt: int  # which of the stream's


class InferenceLoop:
    """Where requests meet a model.

    Args:
        engine: of the model; nobody else may use it meanwhile.
        tokenizer: the model's.
        config: limits.
        observe: told what clients waited for first tokens and between tokens, on event loops.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        config: ServeConfig,
        observe: Observe = lambda *_: None,
    ) -> None:
        self.engine, self.tokenizer, self.config = engine, tokenizer, config
        self.observe = observe
        shape = engine.model.config
        self.context, self.vocab_size = shape.max_context, shape.vocab_size
        self._lock = threading.Condition()
        # Of the thread alone, once it runs.
        self.rows = RunningRows(self._new_batch, config.flush_seconds, self._released)
        self.max_rows = self.rows.max_rows
        self._reader = TextReader(engine, config)
        self._pieces: list[tuple[ReadingJob, list[int]]] = []  # that are being read
        # Of whoever holds the lock.
        self._queue: FairQueue[_Asked] = FairQueue(config.max_queued, config.max_queued_per_client)
        self._readings = ReadingQueue()
        self._commands: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._draining = self._retired = False

    def open(self, wanted: Sequence[Generation], *, whole: bool = False) -> GenerationStream:
        """Ask for one or more prompts' samples, all of one client.

        Args:
            wanted: of the request, a prompt each.
            whole: nobody looks before a sample ends: its first token is told, then all the others.

        Raises:
            UserError: a prompt is empty or too long, or needs too many rows.
            TooBusy: too many prompts wait.
            Unavailable: the server is shutting down.
        """
        for generation in wanted:
            self._check(generation)
        stream = GenerationStream(self, wanted, whole=whole)
        asked = [(_Asked(stream, n), generation.samples) for n, generation in enumerate(wanted)]
        with self._lock:
            self._check_open()
            try:
                self._queue.push(stream.client, asked)
            except QueueFull:
                raise self._too_busy(len(self._queue)) from None
            self._wake()
        return stream

    async def generate(self, wanted: Generation) -> AsyncGenerator[list[Delta], None]:
        """One prompt's samples as they come; closing the generator frees its rows within a step.

        Raises what `open` does.
        """
        with self.open([wanted]) as stream:
            async for deltas in stream:
                yield deltas

    async def prompt_logprobs(
        self, prompts: list[list[int]], top: int = 0, client: str = ""
    ) -> list[PromptLogprobs]:
        """`Engine.prompt_logprobs`, between the steps of others.

        Raises:
            UserError: a prompt is empty, too long or not the model's.
            TooBusy: too many requests wait.
            Unavailable: the server is shutting down.
        """
        return await self._read(prompts, client, "logprobs", top)

    async def embed(self, texts: list[list[int]], client: str = "") -> list[Array]:
        """`Engine.embed`, between the steps of others: a vector of float32 for each text.

        Raises what `prompt_logprobs` does.
        """
        return await self._read(texts, client, "embedding", 0)

    async def forward_state(self, tokens: list[int], client: str = "") -> ForwardState:
        """All that the model computes for the last of these tokens, between the steps of others.

        Raises what `prompt_logprobs` does.
        """
        found: list[ForwardState] = await self._read([tokens], client, "state", 0)
        return found[0]

    def resume(
        self, stream: GenerationStream, prompt: int, sample: int, tokens: Sequence[int]
    ) -> None:
        """Let a paused sample go on after tokens that somebody else wrote."""
        self._command(lambda: self.rows.resume(stream, prompt, sample, tokens))

    def finish(self, stream: GenerationStream, prompt: int, sample: int) -> None:
        """End a paused sample where it stands."""
        self._command(lambda: self.rows.finish(stream, prompt, sample))

    def cancel(self, stream: GenerationStream) -> None:
        """Let go of all that a request has, waiting or under way."""
        with self._lock:
            self._queue.cancel(stream.client, lambda asked: asked.stream is stream)
        self._command(lambda: self.rows.drop(stream))

    def drain(self) -> None:
        """Take nothing more; what waits for rows is refused, what runs is finished."""
        with self._lock:
            self._draining = True
            waiting = {asked.stream for asked in self._queue.clear()}
        for stream in waiting:
            call_soon(stream.loop, stream.fail, self._shutting_down())

    def retire(self) -> None:
        """Let the thread end once there is nothing to do; what is asked later starts it anew."""
        with self._lock:
            self._retired = True
            self._lock.notify()

    def close(self) -> None:
        """End everything now, by an error; returns once the thread has ended, or nearly so."""
        self.drain()
        with self._lock:
            jobs, thread = self._readings.clear(), self._thread
        for job in jobs:
            job.cancelled = True
            job.done(job, self._shutting_down())
        self._command(lambda: self.rows.end_all(self._shutting_down()))
        self.retire()
        if thread is not None:  # a process must not end while it is in a kernel
            thread.join(CLOSE_SECONDS)

    @property
    def idle(self) -> bool:
        """Whether nobody has anything under way or waiting."""
        with self._lock:
            waits = len(self._queue) or self._readings or self._commands
            return not (waits or len(self.rows) or self._pieces)

    @property
    def queued(self) -> int:
        """Prompts that wait for rows, and requests whose texts wait to be read."""
        return len(self._queue) + len(self._readings)

    def check_prompt(self, prompt: Sequence[int], more: int = 0) -> None:
        """Refuse tokens that the model can't read.

        Args:
            prompt: token ids.
            more: tokens that must have room after it.

        Raises:
            UserError: it is empty, too long or not the model's.
        """
        if not prompt:
            raise UserError("the prompt is empty: give it a token at least")
        if len(prompt) + more > self.context:
            raise UserError(
                f"the prompt has {len(prompt)} tokens and the model's context is {self.context}: "
                f"shorten it{' to leave room for an answer' if more else ''}"
            )
        for token in (min(prompt), max(prompt)):
            if not 0 <= token < self.vocab_size:
                raise UserError(
                    f"the prompt holds token id {token}, the model's ids end at "
                    f"{self.vocab_size - 1}: use the model's own tokenizer"
                )

    def _check(self, wanted: Generation) -> None:
        self.check_prompt(wanted.prompt)
        if wanted.samples > self.max_rows:
            raise UserError(f"{wanted.samples} samples of a prompt: at most {self.max_rows}")

    def _check_open(self) -> None:
        if self._draining:
            raise self._shutting_down()

    def _shutting_down(self) -> ApiError:
        wait = self.config.retry_after_seconds
        return Unavailable("the server is shutting down", wait, "shutting_down")

    def _too_busy(self, waiting: int) -> ApiError:
        wait = self.config.retry_after_seconds
        return TooBusy(f"{waiting} requests wait already: come again later", wait)

    def _command(self, command: Callable[[], None]) -> None:
        with self._lock:
            self._commands.append(command)
            self._wake()

    def _wake(self) -> None:
        """Under the lock."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
            self._thread.start()
        self._lock.notify()

    async def _read(
        self,
        texts: list[list[int]],
        client: str,
        kind: Reading,
        top: int,
    ) -> list[Any]:
        if not texts:
            return []
        for text in texts:
            self.check_prompt(text)
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[list[Any]] = loop.create_future()

        def settle(job: ReadingJob, error: Exception | None) -> None:
            if ended.done():
                return  # nobody waits for it any more
            if error is None:
                ended.set_result(job.results)
            else:
                ended.set_exception(error)

        job = ReadingJob(
            kind, texts, client, lambda job, error: call_soon(loop, settle, job, error), top
        )
        with self._lock:
            self._check_open()
            if len(self._readings) >= self.config.max_queued:
                raise self._too_busy(len(self._readings))
            self._readings.add(job)
            self._wake()
        try:
            return await ended
        finally:
            job.cancelled = True

    def _new_batch(self) -> GenerationBatch:
        return self.engine.batch(
            max_rows=self.config.max_rows,
            tokens_per_step=self.config.tokens_per_step,
            tokenizer=self.tokenizer,
        )

    def _released(self, client: str, rows: int) -> None:
        with self._lock:
            self._queue.release(client, rows)

    def _run(self) -> None:
        while True:
            with self._lock:
                asked = self._admitted()
                while not (asked or self._commands or self._readings or self.rows.active):
                    if self._retired:
                        self._thread = None
                        return
                    self._lock.wait()
                    asked = self._admitted()
                commands, self._commands = self._commands, deque()
                waited_for = bool(asked) or self.rows.active
                self._pieces = self._readings.take(self._reader.most_tokens(waited_for))
            for command in commands:
                self._guarded(command)
            for one in asked:
                if one.stream.closed:
                    self._released(one.stream.client, one.stream.wanted[one.prompt].samples)
                else:
                    self.rows.begin(one.stream, one.prompt)
            self._guarded(self.rows.step)
            self._guarded(self.rows.send)
            if self._pieces:
                self._reader.read(self._pieces)
                self._pieces = []

    def _guarded(self, work: Callable[[], None]) -> None:
        """The thread outlives whatever goes wrong in it; the requests that it concerns don't."""
        try:
            work()
        except Exception as error:
            logger.exception("a new batch begins")
            self.rows.end_all(error)

    def _admitted(self) -> list[_Asked]:
        """Under the lock: those whose turn it is and for whom there are rows."""
        found: list[_Asked] = []
        free = self.max_rows - len(self.rows)
        while (asked := self._queue.pop(free)) is not None:
            free -= asked.stream.wanted[asked.prompt].samples
            found.append(asked)
        return found
