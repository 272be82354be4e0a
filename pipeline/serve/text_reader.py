"""Reads texts by a model's engine, so many at a time that streams don't wait for it long.

In: pieces of jobs from `ReadingQueue`. Out: each job's results, and its end. Called by the thread
that owns the engine.
"""

import logging
import time
from typing import Any

from pipeline.model.engine import Engine
from pipeline.model.forward_state import forward_state
from pipeline.serve.config import ServeConfig
from pipeline.serve.reading_queue import ReadingJob

logger = logging.getLogger("crawl2chat.serve")


class TextReader:
    """Learns how fast the model reads.

    Args:
        engine: of the model.
        config: limits.
    """

    def __init__(self, engine: Engine, config: ServeConfig) -> None:
        self.engine, self.config = engine, config
        self._rate = 0.0  # tokens a second; 0: not known yet

    def most_tokens(self, streams_wait: bool) -> int:
        """How many to read before the next step: where one is due, about as long as a step."""
        if not streams_wait:
            return self.config.reading_tokens
        if not self._rate:
            return self.config.tokens_per_step
        return min(self.config.reading_tokens, int(self._rate * self.config.flush_seconds))

    def read(self, pieces: list[tuple[ReadingJob, list[int]]]) -> None:
        """Read texts of one kind; jobs of which the last is read are done."""
        first, texts = pieces[0][0], [text for _, text in pieces]
        start = time.perf_counter()
        try:
            if first.kind == "logprobs":
                found: list[Any] = list(self.engine.prompt_logprobs(texts, first.top))
            elif first.kind == "embedding":
                found = list(self.engine.embed(texts))
            else:  # of the weights as they were trained, which int8's are rounded from
                found = [forward_state(self.engine.model, text) for text in texts]
        except Exception as error:
            logger.exception("reading failed")
            for job in {job: None for job, _ in pieces}:
                job.cancelled = True
                job.done(job, error)
            return
        if first.kind != "state":  # which tells nothing about how fast the others go
            self._rate = sum(map(len, texts)) / max(1e-9, time.perf_counter() - start)
        for (job, _), result in zip(pieces, found):
            job.results.append(result)
            if len(job.results) == len(job.texts):
                job.done(job, None)
