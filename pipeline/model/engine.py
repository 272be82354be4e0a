"""Generation: every prompt and all its samples in one batch.

What prompts share is read once, and a prompt's keys and values serve all its samples. On a CPU the
C kernels decode (`decode_native`): ten times as fast as transformers' `generate`, and the same to
the bit in any batch; else torch does (`decode_torch`). Random numbers come from counters (see
`sampling`). `Engine.batch` is the same as events, for callers whose rows come and go.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence

import torch

from pipeline.model import embedding, native
from pipeline.model.batch import Completion, Decoder, GenerationBatch
from pipeline.model.decode_native import NativeDecoder
from pipeline.model.decode_torch import TorchDecoder
from pipeline.model.page_pool import PagePool
from pipeline.model.prompt_logprobs import Head, PromptLogprobs, logprobs_of_prompts
from pipeline.model.rows import Array, Sampling, row_keys
from pipeline.model.transformer import Transformer, Weights
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

__all__ = ["Completion", "Engine", "GenerationBatch", "PromptLogprobs", "Sampling", "row_keys"]

OnToken = Callable[
    [int, int, int, float], None
]  # prompt index, sample index, token, log-probability

# Called with the piece of work that begins now, "" when all is done: for a caller's watchdog.
Moved = Callable[[str], object]

BURST = 32  # tokens a row between looks at the clock's interrupts
TEXT_BURST = 4  # … where each look may find a stop string: tokens after it are thrown away
TOKENS_PER_STEP = 16_384  # read and sampled at a time by `generate`, where nobody waits for a token


def unwatched(_: str) -> None:
    """The `Moved` of a caller that has no watchdog."""


class Engine:
    """Generates with a model as it is at each call.

    Args:
        model: in the compute dtype to decode in.
        max_rows: that run at a time; others wait, which changes no result.
        max_cache_bytes: of keys and values. Where they don't suffice rows read their tokens again
            later, which changes no result either.
        int8: multiply by weights of 8 bits: half or a quarter of the memory traffic, at less
            precision. Fastest on CPUs that have VNNI.
        frozen: keep the weights of the first call, for models that don't change; `stream` then
            finds what it read before, as a conversation's next turn needs.
        moved: called at each piece of work.

    Raises:
        UserError: `int8` is asked for and can't be had.
    """

    def __init__(
        self,
        model: Transformer,
        max_rows: int = 1024,
        *,
        max_cache_bytes: int = 4 << 30,
        int8: bool = False,
        frozen: bool = False,
        moved: Moved | None = None,
    ) -> None:
        self.model = model
        self.moved = moved or unwatched
        self.max_rows, self.max_cache_bytes = max_rows, max_cache_bytes
        self.format = "int8" if int8 else str(model.compute_dtype).removeprefix("torch.")
        self.frozen = frozen
        self._kept: native.PackedWeights | Weights | None = None
        self._kept_head: Head | None = None
        self._talk: GenerationBatch | None = None
        if int8 and native.kernels(model) is None:
            raise UserError(
                "int8 weights need a CPU, the built extensions and a model of a portable family "
                "(qwen3, llama, gpt2) with heads of 32, 64, 96 or 128: leave int8 off"
            )

    def generate(
        self,
        prompts: list[list[int]],
        *,
        samples: int = 1,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        stop_tokens: tuple[int, ...] = (),
        stop_strings: Sequence[str] = (),
        tokenizer: Tokenizer | None = None,
        seed: int = 0,
        on_token: OnToken | None = None,
    ) -> list[list[Completion]]:
        """Complete each prompt `samples` times.

        A completion ends with a stop token, with the token that completes a stop string, after
        `max_new_tokens`, or where the model's context is full, whichever comes first.

        Args:
            prompts: token ids, at least one each.
            samples: completions of each prompt.
            max_new_tokens: the most tokens of a completion.
            temperature: 0 is greedy.
            top_k, top_p, min_p: see `sampling.log_probs`; 0, 1 and 0 turn them off.
            stop_tokens: token ids that end a completion.
            stop_strings: texts that end one; they need the tokenizer.
            tokenizer: the model's; with it completions have a text.
            seed: of the random numbers, which also depend on the prompt and the sample's index.
            on_token: called with every token as it comes.

        Returns:
            For each prompt its completions.

        Raises:
            UserError: a setting is out of range, or a prompt is empty, too long or not the model's.
            FloatingPointError: the model's logits are not finite.
        """
        settings = Sampling(
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            stop_tokens=tuple(stop_tokens),
            stop_strings=tuple(stop_strings),
        )
        if stop_strings and tokenizer is None:
            raise UserError("stop strings need the model's tokenizer: pass it, or use stop tokens")
        if not prompts or samples < 1 or max_new_tokens < 1:
            return [[Completion() for _ in range(samples)] for _ in prompts]
        batch = self._batch_of(prompts, samples, max_new_tokens, tokenizer)
        keys = row_keys(prompts, samples, seed)
        rows = [batch.add(prompt, settings, own) for prompt, own in zip(prompts, keys.tolist())]
        burst = 1 if on_token is not None else TEXT_BURST if stop_strings else BURST
        self.moved("prompts")
        while batch.active:
            for event in batch.step(burst):
                for token, logprob in zip(event.tokens, event.logprobs):
                    if on_token is not None:
                        on_token(event.row // samples, event.row % samples, token, logprob)
            self.moved("tokens")
        self.moved("")
        return [[batch.completion(row) for row in own] for own in rows]

    def stream(
        self,
        prompt: list[int],
        *,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        stop_tokens: tuple[int, ...] = (),
        seed: int = 0,
    ) -> Generator[int, None, None]:
        """The tokens of one completion as they come; the stop token, if one comes, is the last.

        Arguments and exceptions are those of `generate`. `stop_strings.pieces` makes text of the
        tokens and ends it at stop strings.
        """
        settings = Sampling(
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            stop_tokens=tuple(stop_tokens),
        )
        if max_new_tokens < 1:
            return
        whose = self.talk() if self.frozen else contextlib.nullcontext(None)
        with whose as kept:
            batch = kept or self._batch_of([prompt], 1, max_new_tokens, None)
            (row,) = batch.add(prompt, settings, row_keys([prompt], 1, seed)[0].tolist())
            try:
                while batch.active:
                    for event in batch.step(1):
                        yield from event.tokens
            finally:  # the caller may have heard enough
                batch.cancel(row)
                batch.forget(row)

    @contextlib.contextmanager
    def talk(self) -> Iterator[GenerationBatch]:
        """A batch for one row at a time; a frozen engine's finds what those before have read."""
        batch, self._talk = self._talk, None  # whoever talks beside this one gets another
        batch = batch or self.batch(max_rows=1)
        try:
            yield batch
        finally:
            self._talk = batch if self.frozen else None

    def batch(
        self,
        *,
        max_rows: int = 64,
        tokens_per_step: int = 512,
        tokenizer: Tokenizer | None = None,
    ) -> GenerationBatch:
        """Generation as events: rows of the model as it is now, that come and go at any step.

        Args:
            max_rows: that run at a time; others wait.
            tokens_per_step: read and sampled together: fewer let those who sample wait less for
                the prompts of others.
            tokenizer: the model's, for stop strings and texts.
        """
        context = self.model.config.max_context
        return self._batch(max_rows, context, tokens_per_step, tokenizer)

    def cache_bytes(self, max_rows: int) -> int:
        """What the keys and values of a `batch` may come to, as more and more of it is used."""
        context = self.model.config.max_context
        weights = self._weights(context)
        if isinstance(weights, native.PackedWeights):
            a_page = native.page_tokens(weights) * weights.position_bytes
            return self._pages(weights, max_rows, context) * a_page
        a_row = self._row_bytes(context)
        return max(1, min(max_rows, self.max_cache_bytes // a_row)) * a_row

    def prompt_logprobs(self, prompts: list[list[int]], top: int = 0) -> list[PromptLogprobs]:
        """Log-probabilities of prompts' own tokens; see `logprobs_of_prompts`.

        Raises:
            UserError: a prompt is empty, too long or not the model's.
        """
        weights = self._weights_to_read(prompts)
        head = self._head(weights)
        return logprobs_of_prompts(self.model, weights, head, prompts, top)

    def embed(self, texts: list[list[int]]) -> Array:  # [texts, width] float32
        """The mean hidden state of each text; see `embedding.embed`.

        Raises:
            UserError: a text is empty, too long or not the model's.
        """
        return embedding.embed(self.model, self._weights_to_read(texts), texts)

    def _batch_of(
        self,
        prompts: list[list[int]],
        samples: int,
        max_new_tokens: int,
        tokenizer: Tokenizer | None,
    ) -> GenerationBatch:
        """A batch for these prompts and no others."""
        longest = max(map(len, prompts)) + max_new_tokens
        rows = min(self.max_rows, len(prompts) * samples)
        return self._batch(
            rows, min(longest, self.model.config.max_context), TOKENS_PER_STEP, tokenizer
        )

    def _batch(
        self, max_rows: int, context: int, tokens_per_step: int, tokenizer: Tokenizer | None
    ) -> GenerationBatch:
        weights = self._weights(context)
        decoder: Decoder
        if isinstance(weights, native.PackedWeights):
            pages = self._pages(weights, max_rows, context)
            decoder = NativeDecoder(weights, pages, max_rows, context)
            pool = PagePool(pages, native.page_tokens(weights))
        else:
            max_rows = max(1, min(max_rows, self.max_cache_bytes // self._row_bytes(context)))
            decoder = TorchDecoder(self.model, weights, context)
            # A page is a row of the cache, which goes with its row.
            pool = PagePool(max_rows, context + 1, keeps=False)
        return GenerationBatch(
            decoder,
            pool,
            max_rows=max_rows,
            tokens_per_step=tokens_per_step,
            context=context,
            vocab_size=self.model.config.vocab_size,
            tokenizer=tokenizer,
        )

    def _pages(self, weights: native.PackedWeights, max_rows: int, context: int) -> int:
        """How many pages a batch has: at least those of one row."""
        size = native.page_tokens(weights)
        a_row = -(-context // size)
        room = self.max_cache_bytes // (size * weights.position_bytes)
        return max(a_row, min(max_rows * a_row, room))

    def _row_bytes(self, context: int) -> int:
        """Of a row's keys and values, where torch decodes."""
        c = self.model.config
        return 2 * c.layers * c.kv_heads * c.head_dim * (context + 1) * 4

    def _weights(self, context: int) -> native.PackedWeights | Weights:
        """The model's weights in the kernels' layout, or in torch's where those can't run."""
        if self._kept is not None:
            return self._kept
        packed = native.pack(
            self.model, self.format, self.model.config.max_context if self.frozen else context
        )
        weights = packed or self.model.cast_weights()
        if self.frozen:
            self._kept = weights
        return weights

    def _weights_to_read(self, texts: list[list[int]]) -> native.PackedWeights | Weights:
        longest = max(map(len, texts), default=1)
        return self._weights(min(longest, self.model.config.max_context))

    def _head(self, weights: native.PackedWeights | Weights) -> Head:
        """What torch multiplies hidden states with."""
        if not isinstance(weights, native.PackedWeights):
            return weights.head, weights.head_bias
        with torch.no_grad():
            head = self._kept_head or native.dense_head(self.model, self.format)
        if self.frozen:
            self._kept_head = head
        return head
