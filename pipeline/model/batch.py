"""A batch that rows join and leave at any step: generation as events.

In: prompts with settings of their own, tokens that somebody else wrote (a tool's output), requests
to stop. Out, after each step, what every row has got. A row's tokens are the same to the bit
whatever else is in the batch and whenever it came, on the C kernels; torch rounds a product by the
size of its batch.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, Protocol

from pipeline.model import row_bias
from pipeline.model.constraint import Constraint
from pipeline.model.page_pool import PagePool
from pipeline.model.rows import AT_LIMIT, STOPPED, UNDER_WAY, WAITING, GenerationRow, Sampling
from pipeline.model.scheduler import Scheduler, Step
from pipeline.model.stop_strings import StopStringFinder, as_bytes
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

# Why a row has ended, or waits: a stop token or string, its limit or the context's end, a pause
# token, somebody's request, a constraint that failed. A constraint that allows nothing stops it.
Ended = Literal["", "stop", "length", "pause", "cancelled", "error"]


class Decoder(Protocol):
    """What does a step: by the C kernels or by torch."""

    def run(self, step: Step) -> None:
        """Read and sample what the step says."""

    def made_of(self, row: GenerationRow) -> int:
        """How many tokens a row that ran has sampled in all."""


@dataclasses.dataclass(frozen=True)
class Event:
    """What a step brought a row."""

    row: int
    tokens: list[int]  # newly sampled
    logprobs: list[float]  # of each, nats, under the distribution that it was drawn from
    ended: Ended = ""
    failure: str = ""  # why, in words, where it ended by an error


@dataclasses.dataclass
class Completion:
    """What a row generated."""

    tokens: list[int] = dataclasses.field(default_factory=list)  # with the stop token, if one came
    logprobs: list[float] = dataclasses.field(default_factory=list)  # nats; 0 for forced tokens
    stopped: bool = False  # by a stop token or string, not by a limit
    text: str | None = None  # given a tokenizer; without the stop token or stop string
    sampled: list[bool] = dataclasses.field(default_factory=list)  # False: forced
    # Asked for by Sampling: of each sampled token, and the most likely ones in its place.
    untruncated_logprobs: list[float] | None = None
    top_logprobs: list[dict[int, float]] | None = None


class GenerationBatch:
    """Rows under way, and those that wait for a place.

    Args:
        decoder: of the model as it is.
        pool: the decoder's pages.
        max_rows: that run at a time.
        tokens_per_step: read and sampled together.
        context: the most positions of a row.
        vocab_size: of the model.
        tokenizer: the model's, for stop strings and texts.
    """

    def __init__(
        self,
        decoder: Decoder,
        pool: PagePool,
        *,
        max_rows: int,
        tokens_per_step: int,
        context: int,
        vocab_size: int,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.decoder, self.context, self.vocab_size = decoder, context, vocab_size
        self.tokenizer = tokenizer
        self.scheduler = Scheduler(pool, max_rows, tokens_per_step)
        self._rows: dict[int, GenerationRow] = {}
        self._finders: dict[int, StopStringFinder] = {}
        self._lengths: dict[int, int] = {}  # of texts that end before a stop string, bytes
        self._ended: list[Event] = []  # before they began
        self._constrained: list[GenerationRow] = []
        self._next = 0

    @property
    def active(self) -> bool:
        """Whether a step would do anything; rows that are paused wait for somebody else."""
        return bool(
            self._ended
            or self.scheduler.waiting
            or any(not row.paused for row in self.scheduler.running.values())
        )

    def add(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        keys: Sequence[int],
        *,
        priority: int = 0,
        constraints: Sequence[Constraint | None] = (),
    ) -> list[int]:
        """Let a prompt be completed, once for each key.

        Args:
            prompt: token ids, at least one.
            sampling: settings of these rows.
            keys: to each row's random numbers, from `rows.row_keys`.
            priority: its class: lower ones begin first.
            constraints: on what each row writes, one for each key; none: it writes what it likes.

        Returns:
            The rows' numbers.

        Raises:
            UserError: the prompt is empty, too long, not the model's, or needs more than all pages;
                `logit_bias` names a token that isn't the model's.
        """
        self._check(prompt)
        if constraints and len(constraints) != len(keys):
            raise ValueError(f"{len(constraints)} constraints for {len(keys)} rows: one each")
        if sampling.stop_strings and self.tokenizer is None:
            raise UserError("stop strings need the model's tokenizer: pass it, or use stop tokens")
        stops = as_bytes(sampling.stop_strings)
        bias = row_bias.of_settings(sampling, self.vocab_size)
        made: list[GenerationRow] = []
        for key, constraint in zip(keys, constraints or [None] * len(keys)):
            row = GenerationRow(
                id=self._next,
                prompt_tokens=len(prompt),
                sampling=sampling,
                key=int(key),
                tokens=list(prompt),
                room=self.context,
                priority=priority,
                leader=made[0] if made else None,
                constraint=constraint,
                fixed_bias=bias,
                bias=bias,
            )
            pool = self.scheduler.pool
            if not made and pool.pages_for(len(prompt) + max(0, row.limit)) > pool.count:
                raise UserError(
                    f"a prompt of {len(prompt)} tokens and {row.limit} new ones need more memory "
                    "for keys and values than max_cache_bytes gives: raise it, or make them fewer"
                )
            self._next += 1
            made.append(row)
            self._rows[row.id] = row
            if self.tokenizer is not None and stops:
                self._finders[row.id] = StopStringFinder(stops, self.tokenizer)
            if row.done:
                self._ended.append(Event(row.id, [], [], "length"))
            elif constraint is not None:
                self._constrained.append(row)
            self.scheduler.add(row)
        return [row.id for row in made]

    def step(self, most_tokens: int = 1) -> list[Event]:
        """Read and sample for a while.

        Args:
            most_tokens: of each row, before this returns; one, while a row with a constraint runs.

        Returns:
            What each row that ran has got; rows in the order of their numbers.

        Raises:
            FloatingPointError: the model's logits are not finite.
        """
        events, self._ended = self._ended, []
        plan = self.scheduler.plan(most_tokens)
        if self._constrained:
            plan = self._constrain(plan)
        if not plan.empty:
            self.decoder.run(plan)
            self.scheduler.has_read(plan)
            whole = (piece.row for piece in plan.reading if piece.last)
            for row in [*plan.sampling, *whole]:
                events.append(self._event(row))
        events.sort(key=lambda event: event.row)
        return events

    def resume(self, row: int, tokens: Sequence[int]) -> None:
        """Append tokens that were not sampled to a paused row and let it go on.

        Raises:
            UserError: the row isn't paused, or a token isn't the model's.
        """
        paused = self._rows[row]
        if not paused.paused:
            raise UserError(f"row {row} isn't paused: only a pause token lets a row wait for text")
        self._check(tokens or [0])
        paused.paused = False
        forced = list(tokens)[: max(0, self.context - len(paused.tokens))]
        paused.force(forced)
        if row in self._finders:
            self._finders[row].find(forced)  # a stop string in somebody else's text stops nothing
        if paused.limit <= paused.made:
            paused.state = AT_LIMIT
            self._ended.append(Event(row, [], [], "length"))
            self.scheduler.leave(paused)
        else:
            self.scheduler.resume(paused)

    def finish(self, row: int) -> None:
        """End a paused row where it stands: its pause token was a stop token.

        Raises:
            UserError: the row isn't paused.
        """
        paused = self._rows[row]
        if not paused.paused:
            raise UserError(f"row {row} isn't paused: cancel ends one that goes on")
        paused.state, paused.paused = STOPPED, False
        self.scheduler.leave(paused)

    def cancel(self, row: int) -> None:
        """End a row; its place is free at once."""
        cancelled = self._rows[row]
        if not cancelled.done:
            self.scheduler.drop(cancelled)
            cancelled.state, cancelled.paused = AT_LIMIT, False

    def completion(self, row: int) -> Completion:
        """What a row has so far."""
        found = self._rows[row]
        sampled = iter(found.made_logprobs[: found.made].tolist())
        completion = Completion(
            tokens=found.tokens[found.prompt_tokens :],
            logprobs=[next(sampled) if own else 0.0 for own in found.sampled],
            stopped=found.state == STOPPED,
            sampled=list(found.sampled),
        )
        if found.untruncated is not None:
            completion.untruncated_logprobs = found.untruncated[: found.made].tolist()
        completion.top_logprobs = _most_likely(found, slice(found.made))
        if self.tokenizer is not None:
            completion.text = self._text(found, self.tokenizer)
        return completion

    def asked_beside(
        self, row: int, tokens: int
    ) -> tuple[list[float] | None, list[dict[int, float]] | None]:
        """What `Sampling` asked for beside a row's last so many sampled tokens.

        Returns:
            Their untruncated log-probabilities, and the most likely tokens in the place of each.
        """
        found = self._rows[row]
        last = slice(found.made - tokens, found.made)
        untruncated = None if found.untruncated is None else found.untruncated[last].tolist()
        return untruncated, _most_likely(found, last)

    def forget(self, row: int) -> None:
        """Drop what is known of a row that has ended."""
        if self._rows[row].done:
            for kept in (self._rows, self._finders, self._lengths):
                kept.pop(row, None)

    def _constrain(self, plan: Step) -> Step:
        """Write what constrained rows may sample next, which is known one token ahead."""
        self._constrained = [row for row in self._constrained if not row.done]
        running = [row for row in self._constrained if row.slot >= 0 and not row.paused]
        for row in running:
            row_bias.make_room(row, self.vocab_size)
            if row.state == UNDER_WAY:
                row_bias.forbid(row)
        return dataclasses.replace(plan, steps=1) if running else plan

    def _event(self, row: GenerationRow) -> Event:
        before = row.made
        tokens = row.take(self.decoder.made_of(row))
        if row.constraint is not None:
            tokens = row_bias.accept(row, tokens)
        ended: Ended = row.refused
        finder = self._finders.get(row.id)
        found = None if finder is None or ended else finder.find(tokens)
        if found is not None:
            behind = len(row.sampled) - found[0]
            row.cut(row.made - behind)
            self._lengths[row.id] = found[1]
            tokens, ended = tokens[: len(tokens) - behind], "stop"
        elif row.state == STOPPED and tokens and tokens[-1] in row.sampling.pause_tokens:
            row.state, row.paused, ended = WAITING, True, "pause"
        elif row.done and not ended:
            ended = "stop" if row.state == STOPPED else "length"
        if row.done:
            self.scheduler.leave(row)
        logprobs = row.made_logprobs[before : before + len(tokens)].tolist()
        return Event(row.id, tokens, logprobs, ended, row.failure)

    def _text(self, row: GenerationRow, tokenizer: Tokenizer) -> str:
        """The text, without the stop token, or as far as the stop string."""
        tokens = row.tokens[row.prompt_tokens :]
        if tokens and tokens[-1] in row.sampling.stop_tokens:
            tokens = tokens[:-1]
        table = tokenizer.token_bytes
        text = b"".join(table[token] for token in tokens if token < len(table))
        return text[: self._lengths.get(row.id)].decode("utf-8", "replace")

    def _check(self, tokens: Sequence[int]) -> None:
        if not tokens:
            raise UserError("a prompt is empty: start it with the document token")
        if len(tokens) > self.context:
            raise UserError(
                f"a prompt of {len(tokens)} tokens exceeds the model's context of "
                f"{self.context}: shorten it"
            )
        for id in (min(tokens), max(tokens)):
            if not 0 <= id < self.vocab_size:
                raise UserError(
                    f"a prompt holds token id {id}, the model's ids end at "
                    f"{self.vocab_size - 1}: use the model's own tokenizer"
                )


def _most_likely(row: GenerationRow, which: slice) -> list[dict[int, float]] | None:
    """In the place of some sampled tokens the most likely ones, where they are asked for."""
    if row.top_tokens is None or row.top_logprobs is None:
        return None
    pairs = zip(row.top_tokens[which].tolist(), row.top_logprobs[which].tolist())
    return [{token: logprob for token, logprob in zip(*pair) if token >= 0} for pair in pairs]
