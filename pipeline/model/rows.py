"""Unfinished completions: what a batch has generated so far, by whichever decoder.

In: prompts, samples, settings. Out: `Rows`, whose arrays `decode_native` and `decode_torch` fill a
few tokens at a time. A row's random numbers depend on its key and its count of tokens alone, so
neither its neighbours nor the dropping of finished rows change them.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.model import sampling
from storage.errors import UserError

Array = npt.NDArray[Any]

AT_LIMIT, STOPPED = 1, 2  # values of `done`; 0: not done


@dataclasses.dataclass(frozen=True)
class Sampling:
    """What one call of `Engine.generate` asks for.

    Raises:
        UserError: a value is out of range.
    """

    samples: int
    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    stop_tokens: tuple[int, ...]

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


@dataclasses.dataclass(frozen=True)
class Rows:
    """Prompts x samples rows, one prompt's after the other's; arrays change as tokens come."""

    settings: Sampling
    keys: Array  # [rows] uint64: each row's key to its random numbers
    limits: Array  # [rows] int32: the most tokens to generate
    starts: Array  # [rows] int32: tokens of the row's prompt
    made: Array  # [rows] int32: tokens generated
    tokens: Array  # [rows, max_new_tokens] int32
    logprobs: Array  # [rows, max_new_tokens] float32
    done: Array  # [rows] int8: 0, AT_LIMIT or STOPPED

    @classmethod
    def begin(
        cls, prompts: list[list[int]], keys: Array, settings: Sampling, context: int
    ) -> "Rows":
        """Rows without tokens.

        Args:
            prompts: token ids.
            keys: [prompts, samples], from `row_keys`.
            settings: of this call.
            context: the model's, in positions.
        """
        starts = np.array([len(p) for p in prompts], np.int32).repeat(settings.samples)
        limits = np.minimum(settings.max_new_tokens, context - starts).astype(np.int32)
        shape = (len(starts), max(1, int(limits.max())))
        return cls(
            settings=settings,
            keys=np.ascontiguousarray(keys.reshape(-1)),
            limits=limits,
            starts=starts,
            made=np.zeros(len(starts), np.int32),
            tokens=np.empty(shape, np.int32),
            logprobs=np.empty(shape, np.float32),
            done=np.where(limits > 0, 0, AT_LIMIT).astype(np.int8),
        )

    @property
    def active(self) -> Array:
        """Indices of the rows that are not done."""
        return np.flatnonzero(self.done == 0)

    def record(self, rows: Array, tokens: Array, logprobs: Array) -> None:
        """Add a token, with its log-probability, to each of `rows` (indices)."""
        at = self.made[rows]
        self.tokens[rows, at], self.logprobs[rows, at] = tokens, logprobs
        self.made[rows] = at + 1
        self.done[rows[at + 1 >= self.limits[rows]]] = AT_LIMIT
        stops = np.array(self.settings.stop_tokens, np.int64)
        self.done[rows[np.isin(tokens, stops)]] = STOPPED

    def cut(self, row: int, length: int) -> None:
        """End a row after `length` tokens, by a rule that its decoder doesn't know."""
        self.made[row], self.done[row] = length, STOPPED


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
