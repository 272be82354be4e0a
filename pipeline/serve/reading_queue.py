"""Texts that a model only reads: for their tokens' log-probabilities, embeddings, or its state.

Pure bookkeeping. In: jobs of clients. Out: pieces of work bounded in tokens, from all clients in
turn, so that one with a long list delays nobody.
"""

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

Reading = Literal["logprobs", "embedding", "state"]


@dataclasses.dataclass(eq=False)
class ReadingJob:
    """Texts of one request."""

    kind: Reading
    texts: list[list[int]]  # token ids
    client: str
    done: Callable[["ReadingJob", Exception | None], object]  # called once, at its end
    top: int = 0  # of logprobs: so many of the most likely tokens at each place
    results: list[Any] = dataclasses.field(default_factory=list)  # of each text, in their order
    next: int = 0  # the text that is read next
    cancelled: bool = False


class ReadingQueue:
    """Jobs by client; a client's first before its second."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[ReadingJob]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, job: ReadingJob) -> None:
        """Let a job wait for its turns."""
        self._lines.setdefault(job.client, deque()).append(job)

    def take(self, most_tokens: int) -> list[tuple[ReadingJob, list[int]]]:
        """Texts to be read together: of one kind, at least one, else within so many tokens."""
        taken: list[tuple[ReadingJob, list[int]]] = []
        kind: tuple[str, int] | None = None
        left = most_tokens
        while (job := self._first()) is not None:
            text = job.texts[job.next]
            if kind not in (None, (job.kind, job.top)) or (taken and len(text) > left):
                break
            kind = job.kind, job.top
            left -= len(text)
            taken.append((job, text))
            job.next += 1
            self._move_on(job)
        return taken

    def clear(self) -> list[ReadingJob]:
        """Take everything out."""
        found = [job for line in self._lines.values() for job in line]
        self._lines.clear()
        return found

    def _first(self) -> ReadingJob | None:
        """The job whose turn it is; cancelled ones are dropped on the way."""
        while self._lines:
            client = next(iter(self._lines))
            line = self._lines[client]
            while line and line[0].cancelled:
                line.popleft()
            if line:
                return line[0]
            del self._lines[client]
        return None

    def _move_on(self, job: ReadingJob) -> None:
        """The client goes to the end of the clients, and its job, once all is taken, is gone."""
        line = self._lines.pop(job.client)
        if job.next == len(job.texts):
            line.popleft()
        if line:
            self._lines[job.client] = line
