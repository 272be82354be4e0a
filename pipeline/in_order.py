"""Work spread over processes, its results in the order of the work: their number changes nothing.

A process that is killed (the kernel's answer to too little memory, mostly) is replaced and what
was under way is done again.
"""

import collections
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from pipeline.worker.lifetime import die_with_parent

AHEAD = 4  # pieces of work a process that are under way, so that none has to wait
CHANCES = 3  # how often processes may die before a piece of work is done

Tag = TypeVar("Tag")
Work = Callable[[Any], Any]


def in_order(
    pieces: Iterable[tuple[Tag, Any]],
    begin: Callable[..., Work],
    arguments: tuple[Any, ...],
    processes: int,
) -> Iterator[tuple[Tag, Any]]:
    """The outcome of each piece of work with its tag, in order; a few pieces are held at a time.

    `begin(*arguments)` gives the function that works, in each process once. It and what goes to it
    are pickled; with one process nothing is, and the work is done in this one.
    """
    if processes < 2:
        work = begin(*arguments)
        for tag, piece in pieces:
            yield tag, work(piece)
        return
    coming = iter(pieces)
    waiting: collections.deque[tuple[Tag, Any]] = collections.deque()
    crew = _Crew(processes, begin, arguments)
    try:
        while True:
            while len(waiting) < processes * AHEAD and (given := next(coming, None)) is not None:
                waiting.append(given)
                crew.give(given[1])
            if not waiting:
                return
            outcome = crew.next_outcome()
            yield waiting.popleft()[0], outcome
    finally:
        crew.leave()


class _Crew:
    """Processes, and the pieces they have."""

    def __init__(
        self, processes: int, begin: Callable[..., Work], arguments: tuple[Any, ...]
    ) -> None:
        self._processes = processes
        self._beginning = (os.getpid(), begin, arguments)
        self._given: collections.deque[tuple[Any, Future[Any] | None]] = collections.deque()
        self._pool = self._hired()

    def give(self, piece: Any) -> None:
        """Have a piece done some time."""
        self._given.append((piece, self._submitted(piece)))

    def next_outcome(self) -> Any:
        """Of the piece that was given first."""
        for _ in range(CHANCES):
            future = self._given[0][1]
            try:
                if future is not None:
                    outcome = future.result()
                    self._given.popleft()
                    return outcome
            except BrokenProcessPool:
                pass
            self._replace()
        raise RuntimeError(
            f"processes were killed {CHANCES} times at the same work: is there memory enough for "
            f"{self._processes} of them?"
        )

    def leave(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _replace(self) -> None:
        self.leave()
        self._pool = self._hired()
        pieces = [piece for piece, _ in self._given]
        self._given.clear()
        for piece in pieces:
            self.give(piece)

    def _submitted(self, piece: Any) -> Future[Any] | None:
        try:
            return self._pool.submit(_do, piece)
        except BrokenProcessPool:
            return None  # as will be seen when its outcome is asked for

    def _hired(self) -> ProcessPoolExecutor:
        # spawned, not forked: threads of Arrow are running here
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, context, _begin, self._beginning)


_WORK: list[Work] = []  # of this process


def _begin(parent_pid: int, begin: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
    die_with_parent(parent_pid)
    _WORK.append(begin(*arguments))


def _do(piece: Any) -> Any:
    return _WORK[0](piece)
