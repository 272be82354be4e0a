"""Asks many requests, some at a time: from the cache, or once of the endpoint, within the caps.

In: requests in order. Out: their answers in that order, with None from the first one on that a cap
forbids. Threads only send, wait and keep; whether a request may begin is decided here, in order.
The first request goes alone: a refused key or an unknown model costs one try, not eight. When one
fails for good, no other begins; those under way end and are kept, since they are paid for.
"""

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from pipeline.sft.teacher.answer_cache import AnswerCache
from pipeline.sft.teacher.budget import NOTHING, Cost, billed, exceeded
from pipeline.sft.teacher.chat_endpoint import ChatAnswer, ChatEndpoint, Unanswered
from pipeline.sft.teacher.config import TeacherConfig
from storage.backoff import pause_seconds
from storage.errors import UserError

NOTE_SECONDS = 0.5  # the longest that what troubles a thread stays unsaid
MOST_NOTES = 20
MOST_REFUSED = 3  # in a row from the first on: then it is not about this request or that


@dataclasses.dataclass(frozen=True)
class ChatRequest:
    """One, with what it may cost."""

    body: bytes
    bound: Cost  # at most
    later: Cost = NOTHING  # at most, of what follows from an answer that is of use


@dataclasses.dataclass
class Counters:
    """What this process has done; an earlier one's work is in `cached`."""

    cached: int = 0
    asked: int = 0
    tries: int = 0
    paid: Cost = NOTHING
    lost: Cost = NOTHING  # tries that were cut off, at most: the endpoint may have billed them


class Answering:
    """An endpoint with its cache and what has been spent on it.

    Args:
        endpoint: to ask.
        cache: of its answers.
        config: caps and limits.
        note: gets lines for people, from the thread that asks.
    """

    def __init__(
        self,
        endpoint: ChatEndpoint,
        cache: AnswerCache,
        config: TeacherConfig,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.endpoint, self.cache, self.config = endpoint, cache, config
        self._note, self._notes = note, list[str]()
        self.spent = NOTHING  # on all answers given out, whoever paid for them
        self.counters = Counters()
        self._limits = config.endpoint
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._not_before = 0.0  # on the monotonic clock
        self._told = 0  # of the notes
        self._proven, self._refused = False, 0  # one was answered; refused until then

    def ask(
        self,
        requests: Sequence[ChatRequest],
        is_of_use: Callable[[int, ChatAnswer], bool] = lambda index, answer: False,
        tell: Callable[[int], None] = lambda done: None,
    ) -> list[ChatAnswer | None]:
        """Ask them all.

        Args:
            requests: in the order in which the caps count them.
            is_of_use: whether what follows from an answer is held back for, by its index.
            tell: is called with how many are answered.

        Returns:
            An answer each; None: a cap has ended the asking before.

        Raises:
            Unanswered: the network or the endpoint fails; what came until then is kept.
            UserError: the endpoint refuses all, or tries that were cut off have used up a cap.
        """
        answers: list[ChatAnswer | None] = [None] * len(requests)
        # Of each that began, what it holds of the caps: at most, then as it came out.
        held: list[Cost] = []
        total, done = self.spent, 0
        running: dict[Future[ChatAnswer], int] = {}

        def settle(index: int, answer: ChatAnswer) -> None:
            nonlocal total, done
            request, before = requests[index], held[index]
            answers[index], done = answer, done + 1
            later = request.later if is_of_use(index, answer) else NOTHING
            held[index] = billed(answer, request.bound) + later
            total += held[index] - before
            tell(done)

        def collect() -> None:
            ended = wait(running, NOTE_SECONDS, FIRST_COMPLETED).done
            self._say()
            for future in ended:
                settle(running.pop(future), future.result())

        with ThreadPoolExecutor(self._limits.connections, "teacher") as pool:
            try:
                for index, request in enumerate(requests):
                    most = request.bound + request.later
                    while running and not self._fits(total + most):
                        collect()
                    if not self._fits(total + most):
                        self._check_lost(total + most)
                        break
                    held.append(most)
                    total += most
                    name = self.cache.name(request.body)
                    if (known := self.cache.get(name)) is not None:
                        self.counters.cached += 1
                        settle(index, known)
                        continue
                    while len(running) >= (self._limits.connections if self._proven else 1):
                        collect()
                    running[pool.submit(self._answer, request, name)] = index
                while running:
                    collect()
            except BaseException:
                self._stopped.set()
                raise
        return self._within(requests, answers, held)

    def _within(
        self, requests: Sequence[ChatRequest], answers: list[ChatAnswer | None], held: list[Cost]
    ) -> list[ChatAnswer | None]:
        """The answers that the caps allow one after another, which an endpoint that exceeded its
        limits may have given more of.
        """
        total = self.spent
        for index, cost in enumerate(held):
            request, answer = requests[index], answers[index]
            if exceeded(total + request.bound + request.later, self.config):
                return [*answers[:index], *[None] * (len(answers) - index)]
            assert answer is not None
            self.spent += billed(answer, request.bound)
            total += cost
        return answers

    def _fits(self, cost: Cost) -> bool:
        with self._lock:
            return not exceeded(cost + self.counters.lost, self.config)

    def _check_lost(self, cost: Cost) -> None:
        """UserError where it is tries without an answer that leave no room."""
        if exceeded(cost, self.config):
            return
        lost = self.counters.lost
        raise UserError(
            f"teacher.{exceeded(cost + lost, self.config)}: {lost.requests} tries were cut off and"
            f" may have been billed ({lost.prompt_tokens + lost.answer_tokens:,} tokens at most):"
            " look at the endpoint, then raise the cap or run again"
        )

    def _answer(self, request: ChatRequest, name: str) -> ChatAnswer:
        """One answer, tried until it is there, and kept; in a thread of its own."""
        answer = self._tried(request, name)
        with self._lock:
            self.counters.asked += 1
            self.counters.paid += billed(answer, request.bound)
            if answer.problem == "refused" and not self._proven:
                self._refused += 1
                if self._refused >= MOST_REFUSED:
                    raise UserError(f"{self.endpoint.url} refuses every request: {answer.detail}")
            self._proven = self._proven or answer.problem != "refused"
        if answer.paid:
            self.cache.put(name, answer)
        return answer

    def _tried(self, request: ChatRequest, name: str) -> ChatAnswer:
        failures = 0
        while True:
            self._wait_for_all()
            if self._stopped.is_set():  # another request has failed for good
                raise Unanswered(f"{self.endpoint.url}: not asked any more")
            with self._lock:
                self.counters.tries += 1
            try:
                return self.endpoint.ask(request.body, name)
            except Unanswered as error:
                failures += 1
                if error.sent:
                    with self._lock:
                        self.counters.lost += request.bound
                if failures >= self._limits.tries:
                    if error.spoke and self._proven:
                        return ChatAnswer(problem="no_completion", detail=str(error), paid=False)
                    raise _again(error, f"{error} ({failures} tries)") from error
                self._pause(error, failures)

    def _pause(self, error: Unanswered, failures: int) -> None:
        limits = self._limits
        seconds = pause_seconds(failures, limits.backoff_seconds, limits.max_backoff_seconds)
        asked = min(error.retry_after or 0.0, limits.max_retry_after_seconds)
        seconds = max(seconds, asked)
        with self._lock:
            self._notes.append(f"teacher: {error}; again in {seconds:.0f} s")
        if error.slow_down:
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + seconds)
            return  # every thread waits for it before its next try
        self._stopped.wait(seconds)

    def _say(self) -> None:
        """What has troubled the threads, the first few."""
        with self._lock:
            said, self._told = self._notes[self._told : MOST_NOTES], len(self._notes)
        for text in said:
            self._note(text)

    def _wait_for_all(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                seconds = self._not_before - time.monotonic()
            if seconds <= 0:
                return
            # jitter: not all threads at the same moment
            self._stopped.wait(seconds + random.uniform(0, self._limits.backoff_seconds))


def _again(error: Unanswered, message: str) -> Unanswered:
    return Unanswered(
        message,
        retry_after=error.retry_after,
        slow_down=error.slow_down,
        sent=error.sent,
        spoke=error.spoke,
    )
