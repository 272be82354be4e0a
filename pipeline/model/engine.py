"""Generation: every prompt and all its samples in one batch.

Each distinct prompt is read once and its keys and values are shared out to its samples. Rows decode
together over a preallocated cache; finished rows are dropped from it. A row's draws come from
counters (see sampling), so neither its neighbours nor the dropping of rows changes them.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model import sampling
from pipeline.model.cache import KVCache
from pipeline.model.transformer import Transformer, Weights
from storage.errors import UserError

OnToken = Callable[
    [int, int, int, float], None
]  # prompt index, sample index, token, log-probability

DROP_BELOW = 0.85  # share of live rows: dropping copies the cache, so not for every row


@dataclasses.dataclass
class Completion:
    """What a row produced; the stop token is included where one came."""

    tokens: list[int] = dataclasses.field(default_factory=list)
    logprobs: list[float] = dataclasses.field(default_factory=list)
    stopped: bool = False


@dataclasses.dataclass(frozen=True)
class Sampling:
    """What one call of `generate` asks for."""

    samples: int
    max_new_tokens: int
    temperature: float
    top_k: int
    stop_tokens: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 0:
            raise UserError(
                f"temperature {self.temperature} and top_k {self.top_k} must not be negative"
            )


class Engine:
    """Generates with a model as it stands at each call.

    `max_rows` bounds the cache: longer lists are worked off in slices of whole prompts, which
    changes no result.
    """

    def __init__(self, model: Transformer, max_rows: int = 1024) -> None:
        self.model = model
        self.max_rows = max_rows

    @torch.no_grad()
    def generate(
        self,
        prompts: list[list[int]],
        *,
        samples: int = 1,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int = 0,
        stop_tokens: tuple[int, ...] = (),
        seed: int = 0,
        on_token: OnToken | None = None,
    ) -> list[list[Completion]]:
        """`samples` completions of each prompt; temperature 0 is greedy.

        A completion ends with a stop token, after `max_new_tokens`, or where the model's context
        is full, whichever comes first.
        """
        settings = Sampling(samples, max_new_tokens, temperature, top_k, tuple(stop_tokens))
        completions = [[Completion() for _ in range(samples)] for _ in prompts]
        if not prompts or samples < 1 or max_new_tokens < 1:
            return completions
        self._check(prompts)
        keys = row_keys(prompts, samples, seed)
        weights = self.model.cast_weights()
        stride = max(1, self.max_rows // samples)
        for start in range(0, len(prompts), stride):
            part = slice(start, start + stride)
            for rows, tokens, logprobs in self._steps(prompts[part], keys[part], settings, weights):
                for row, token, logprob in zip(rows, tokens, logprobs):
                    prompt, sample = start + row // samples, row % samples
                    completion = completions[prompt][sample]
                    completion.tokens.append(token)
                    completion.logprobs.append(logprob)
                    completion.stopped = token in stop_tokens
                    if on_token is not None:
                        on_token(prompt, sample, token, logprob)
        return completions

    def stream(
        self,
        prompt: list[int],
        *,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int = 0,
        stop_tokens: tuple[int, ...] = (),
        seed: int = 0,
    ) -> Iterator[int]:
        """The tokens of one completion as they come; the stop token, if one comes, is the last."""
        settings = Sampling(1, max_new_tokens, temperature, top_k, tuple(stop_tokens))
        if max_new_tokens < 1:
            return
        self._check([prompt])
        keys = row_keys([prompt], 1, seed)
        for _, tokens, _ in self._steps([prompt], keys, settings, self.model.cast_weights()):
            yield tokens[0]

    @torch.no_grad()
    def _steps(
        self, prompts: list[list[int]], keys: np.ndarray, settings: Sampling, weights: Weights
    ) -> Iterator[tuple[list[int], list[int], list[float]]]:
        """One yield a position: (row numbers, their tokens, their log-probabilities)."""
        samples, context = settings.samples, self.model.config.max_context
        limits = np.array([min(settings.max_new_tokens, context - len(p)) for p in prompts])
        limits, keys = limits.repeat(samples), keys.reshape(-1)
        rows = np.flatnonzero(limits > 0)
        if not len(rows):
            return
        h, cache = self._prefill(prompts, settings.max_new_tokens, weights)
        source = torch.from_numpy(rows // samples).to(self.model.device)
        logits = F.linear(h, weights.head).index_select(0, source)
        cache, keys = cache.select(source), keys[rows]
        stops = np.array(sorted(settings.stop_tokens), dtype=np.int64)
        alive = np.ones(len(rows), dtype=bool)  # of the rows in the cache
        position = 0
        while True:
            chosen, logprobs = choose(logits, settings, keys, position)
            tokens = chosen.cpu().numpy()
            live = np.flatnonzero(alive)
            yield rows[live].tolist(), tokens[live].tolist(), logprobs.cpu().numpy()[live].tolist()
            position += 1
            alive &= ~np.isin(tokens, stops) & (position < limits[rows])
            if not alive.any():
                return
            if alive.mean() < DROP_BELOW:
                kept = np.flatnonzero(alive)
                index = torch.from_numpy(kept).to(self.model.device)
                cache, chosen = cache.select(index), chosen.index_select(0, index)
                rows, keys, alive = rows[kept], keys[kept], alive[kept]
            logits = self.model(chosen[:, None], cache=cache, weights=weights)[:, 0]
            cache.advance(1)

    def _prefill(
        self, prompts: list[list[int]], max_new_tokens: int, weights: Weights
    ) -> tuple[Tensor, KVCache]:
        """Read all prompts, right-padded; the hidden state at each one's end and the cache."""
        model = self.model
        lengths = torch.tensor([len(p) for p in prompts], device=model.device)
        longest = int(lengths.max())
        capacity = min(longest + max_new_tokens, model.config.max_context)
        padded = torch.zeros(len(prompts), longest, dtype=torch.int64)
        for row, prompt in enumerate(prompts):
            padded[row, : len(prompt)] = torch.tensor(prompt)
        # Products of single queries are faster in float32 than in bf16 on a CPU.
        dtype = torch.float32 if model.device.type == "cpu" else model.compute_dtype
        cache = KVCache.empty(model.config, len(prompts), capacity, dtype, model.device)
        h = model.hidden(padded.to(model.device), cache=cache, weights=weights)
        cache.advance(lengths)
        return h[torch.arange(len(prompts), device=h.device), lengths - 1], cache

    def _check(self, prompts: list[list[int]]) -> None:
        config = self.model.config
        for prompt in prompts:
            if not prompt:
                raise UserError("a prompt is empty: start it with the document token")
            if len(prompt) > config.max_context:
                raise UserError(
                    f"a prompt of {len(prompt)} tokens exceeds the model's context of "
                    f"{config.max_context}: shorten it"
                )
            for id in (min(prompt), max(prompt)):
                if not 0 <= id < config.vocab_size:
                    raise UserError(
                        f"a prompt holds token id {id}, the model's ids end at "
                        f"{config.vocab_size - 1}: use the model's own tokenizer"
                    )


def choose(
    logits: Tensor, settings: Sampling, keys: np.ndarray, position: int
) -> tuple[Tensor, Tensor]:
    """A token a row and its log-probability under the distribution it was taken from."""
    table = sampling.log_probs(logits, settings.temperature, settings.top_k)
    if settings.temperature == 0:
        chosen = sampling.greedy(table)
    else:
        draws = torch.from_numpy(sampling.uniforms(keys, position)).to(table.device)
        chosen = sampling.sample(table, draws)
    logprobs = table.gather(-1, chosen[:, None])[:, 0]
    if not bool(logprobs.isfinite().all()):
        raise FloatingPointError("the model's logits are not finite: its training diverged")
    return chosen, logprobs


def row_keys(prompts: list[list[int]], samples: int, seed: int) -> np.ndarray:
    """(prompts, samples) uint64: the names of each row's random numbers."""
    seen: dict[tuple[int, ...], int] = {}
    keys = np.empty((len(prompts), samples), dtype=np.uint64)
    for row, prompt in enumerate(prompts):
        occurrence = seen.get(tuple(prompt), 0)
        seen[tuple(prompt)] = occurrence + 1
        for sample in range(samples):
            keys[row, sample] = sampling.row_key(seed, prompt, occurrence, sample)
    return keys
