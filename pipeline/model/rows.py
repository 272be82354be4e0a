"""Completions under way: what each asks for, what it has so far, and its key to random numbers.

A row's random numbers depend on its key and its count of sampled tokens alone, so neither its
neighbours nor when it joins them, pauses or is moved change them.
"""

import dataclasses
import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pipeline.model import sampling
from pipeline.model.constraint import Constraint
from storage.errors import UserError

Array = npt.NDArray[Any]

# States of a row. `READING`: it samples once what it holds has been read. `WAITING`: it has no
# place in the batch yet, or has lost it, or waits for what comes after a pause.
UNDER_WAY, AT_LIMIT, STOPPED, WAITING, READING = range(5)

# Beyond it no token has a chance, or no other one; and float32 logits stay numbers by far.
MAX_LOGIT_BIAS = 1e6


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How a row is sampled and what ends it.

    Raises:
        UserError: a value is out of range.
    """

    max_new_tokens: int  # sampled ones
    temperature: float = 1.0  # 0: greedy
    top_k: int = 0  # see `sampling.log_probs`, as for the next two
    top_p: float = 1.0
    min_p: float = 0.0
    stop_tokens: tuple[int, ...] = ()  # end it
    pause_tokens: tuple[int, ...] = ()  # it waits after one of these for `GenerationBatch.resume`
    stop_strings: tuple[str, ...] = ()  # end it; they need a tokenizer
    top_logprobs: int = 0  # of so many of the most likely tokens at each position
    untruncated_logprobs: bool = False  # at temperature 1 with no token left out, beside the others
    # Tokens and what is added to their logits, before temperature and truncation. Untruncated and
    # top log-probabilities stay the model's own.
    logit_bias: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf or self.top_k < 0:
            raise UserError(
                f"temperature {self.temperature} and top_k {self.top_k} must be finite and not "
                "negative"
            )
        if not 0 < self.top_p <= 1 or not 0 <= self.min_p <= 1:
            raise UserError(
                f"top_p {self.top_p} must be above 0 and at most 1, min_p {self.min_p} from 0 to 1"
            )
        if self.top_logprobs < 0:
            raise UserError(f"top_logprobs {self.top_logprobs} must not be negative")
        for token, value in self.logit_bias:
            if not abs(value) <= MAX_LOGIT_BIAS:
                raise UserError(
                    f"logit_bias of token {token} is {value}: it must be a number from "
                    f"-{MAX_LOGIT_BIAS:.0f} to {MAX_LOGIT_BIAS:.0f}"
                )


@dataclasses.dataclass(eq=False)
class GenerationRow:
    """One completion. The scheduler moves it, a decoder adds its tokens."""

    id: int
    prompt_tokens: int
    sampling: Sampling
    key: int  # to its random numbers
    tokens: list[int]  # of the prompt and all that followed, sampled or forced
    room: int  # positions that it may fill: the model's context
    priority: int = 0  # 0 before 1 …
    leader: "GenerationRow | None" = None  # the first sample of the same prompt
    state: int = WAITING
    slot: int = -1  # its place in the batch; -1: none
    position: int = 0  # how many of its tokens have been read
    pages: list[int] = dataclasses.field(default_factory=list)
    made: int = 0  # sampled tokens
    paused: bool = False
    waited: int = 0  # plans in which it might have begun and didn't
    # Sampled tokens as a decoder writes them: [limit], and [limit, top_logprobs].
    made_tokens: Array = dataclasses.field(default_factory=lambda: np.empty(0, np.int32))
    made_logprobs: Array = dataclasses.field(default_factory=lambda: np.empty(0, np.float32))
    untruncated: Array | None = None
    top_tokens: Array | None = None
    top_logprobs: Array | None = None
    sampled: list[bool] = dataclasses.field(default_factory=list)  # of each token after the prompt
    constraint: Constraint | None = None
    fixed_bias: Array | None = None  # [vocab] float32 of `logit_bias`, which samples share
    bias: Array | None = None  # what its logits get: the same, or its own under a constraint
    refused: Literal["", "stop", "error"] = ""  # how its constraint ends it: no token, a failure
    failure: str = ""  # of the constraint, in words

    def __post_init__(self) -> None:
        most, top = max(1, self.limit), self.sampling.top_logprobs
        self.made_tokens = np.empty(most, np.int32)
        self.made_logprobs = np.empty(most, np.float32)
        if self.sampling.untruncated_logprobs:
            self.untruncated = np.empty(most, np.float32)
        if top:
            self.top_tokens = np.empty((most, top), np.int32)
            self.top_logprobs = np.empty((most, top), np.float32)
        if self.limit < 1:
            self.state = AT_LIMIT

    @property
    def limit(self) -> int:
        """The most tokens that it may have sampled in the end."""
        return min(self.sampling.max_new_tokens, self.made + self.room - len(self.tokens))

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.state in (AT_LIMIT, STOPPED)

    def take(self, made: int) -> list[int]:
        """The tokens that a decoder has sampled, `made` of them in all, become the row's."""
        new: list[int] = self.made_tokens[self.made : made].tolist()
        self.tokens += new
        self.sampled += [True] * len(new)
        self.made = made
        return new

    def force(self, tokens: list[int]) -> None:
        """Append tokens that somebody else wrote."""
        self.tokens += tokens
        self.sampled += [False] * len(tokens)

    def cut(self, length: int) -> None:
        """End it after `length` sampled tokens, by a rule that its decoder doesn't know."""
        dropped = self.made - length
        if dropped:
            del self.tokens[-dropped:], self.sampled[-dropped:]
        self.made, self.state = length, STOPPED


def row_keys(prompts: list[list[int]], samples: int, seed: int) -> Array:
    """[prompts, samples] uint64: each row's key to its random numbers."""
    seen: dict[tuple[int, ...], int] = {}
    keys = np.empty((len(prompts), samples), dtype=np.uint64)
    for row, prompt in enumerate(prompts):
        occurrence = seen.get(tuple(prompt), 0)
        seen[tuple(prompt)] = occurrence + 1
        for sample in range(samples):
            keys[row, sample] = sampling.row_key(seed, prompt, occurrence, sample)
    return keys
