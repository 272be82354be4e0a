"""Generation: every prompt and all its samples in one batch.

What prompts share is read once, and a prompt's keys and values serve all its samples. On a CPU the
C kernels decode (`decode_native`): ten times as fast as transformers' `generate`, and the same to
the bit in any batch; else torch does (`decode_torch`). Random numbers come from counters (see
`sampling`).
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from pipeline.model import native
from pipeline.model.decode_native import NativeDecoder
from pipeline.model.decode_torch import TorchDecoder
from pipeline.model.rows import STOPPED, Array, Rows, Sampling, row_keys
from pipeline.model.stop_strings import StopStringFinder, as_bytes
from pipeline.model.transformer import Transformer, Weights
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

OnToken = Callable[
    [int, int, int, float], None
]  # prompt index, sample index, token, log-probability

# Called with the piece of work that begins now, "" when all is done: for a caller's watchdog.
Moved = Callable[[str], object]

BURST = 32  # tokens a row between looks at the clock's interrupts
TEXT_BURST = 4  # … where each look may find a stop string: tokens after it are thrown away


def unwatched(_: str) -> None:
    """The `Moved` of a caller that has no watchdog."""


@dataclasses.dataclass
class Completion:
    """What a row generated."""

    tokens: list[int] = dataclasses.field(default_factory=list)  # with the stop token, if one came
    logprobs: list[float] = dataclasses.field(default_factory=list)  # nats, of each token
    stopped: bool = False  # by a stop token or string, not by a limit
    text: str | None = None  # given a tokenizer; without the stop token or stop string


class Engine:
    """Generates with a model as it is at each call.

    Args:
        model: in the compute dtype to decode in.
        max_rows: the cache's rows. Longer lists are generated in slices of whole prompts, which
            changes no result.
        int8: multiply by weights of 8 bits: half or a quarter of the memory traffic, at less
            precision. Fastest on CPUs that have VNNI.
        frozen: keep the weights of the first call, for models that don't change.
        moved: called at each piece of work.

    Raises:
        UserError: `int8` is asked for and can't be had.
    """

    def __init__(
        self,
        model: Transformer,
        max_rows: int = 1024,
        *,
        int8: bool = False,
        frozen: bool = False,
        moved: Moved | None = None,
    ) -> None:
        self.model = model
        self.moved = moved or unwatched
        self.max_rows = max_rows
        self.format = "int8" if int8 else str(model.compute_dtype).removeprefix("torch.")
        self.frozen = frozen
        self._kept: native.PackedWeights | Weights | None = None
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
            samples, max_new_tokens, temperature, top_k, top_p, min_p, tuple(stop_tokens)
        )
        if stop_strings and tokenizer is None:
            raise UserError("stop strings need the model's tokenizer: pass it, or use stop tokens")
        stops = as_bytes(stop_strings)
        if not prompts or samples < 1 or max_new_tokens < 1:
            return [[Completion() for _ in range(samples)] for _ in prompts]
        self._check(prompts)
        keys = row_keys(prompts, samples, seed)
        weights = self._weights(prompts, max_new_tokens)
        stride = max(1, self.max_rows // samples)
        completions = []
        for start in range(0, len(prompts), stride):
            part = prompts[start : start + stride]
            rows = Rows.begin(
                part, keys[start : start + stride], settings, self.model.config.max_context
            )
            self.moved("prompts")
            decoder = self._decoder(weights, part, rows)
            finders = []
            if tokenizer is not None and stops:
                finders = [StopStringFinder(stops, tokenizer) for _ in range(len(rows.made))]
            burst = 1 if on_token is not None else TEXT_BURST if finders else BURST
            lengths: dict[int, int] = {}  # of texts that end before a stop string
            while len(active := rows.active):
                made = rows.made.copy()
                self.moved("tokens")
                decoder.advance(burst)
                for row in active if finders else ():
                    found = finders[row].find(rows.tokens[row, made[row] : rows.made[row]].tolist())
                    if found is not None:
                        rows.cut(row, found[0])
                        lengths[int(row)] = found[1]
                for row in active if on_token is not None else ():
                    prompt, sample = start + int(row) // samples, int(row) % samples
                    at = int(made[row])
                    if on_token is not None and rows.made[row] > at:
                        token, logprob = rows.tokens[row, at], rows.logprobs[row, at]
                        on_token(prompt, sample, int(token), float(logprob))
            finished = _completions(rows)
            if tokenizer is not None:
                for row, completion in enumerate(finished):
                    completion.text = _text(completion, tokenizer, lengths.get(row), stop_tokens)
            completions += [
                finished[row : row + samples] for row in range(0, len(finished), samples)
            ]
        self.moved("")
        return completions

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
    ) -> Iterator[int]:
        """The tokens of one completion as they come; the stop token, if one comes, is the last.

        Arguments and exceptions are those of `generate`. `stop_strings.pieces` makes text of the
        tokens and ends it at stop strings.
        """
        settings = Sampling(1, max_new_tokens, temperature, top_k, top_p, min_p, tuple(stop_tokens))
        if max_new_tokens < 1:
            return
        self._check([prompt])
        keys = row_keys([prompt], 1, seed)
        rows = Rows.begin([prompt], keys, settings, self.model.config.max_context)
        decoder = self._decoder(self._weights([prompt], max_new_tokens), [prompt], rows)
        while len(rows.active):
            decoder.advance(1)
            yield int(rows.tokens[0, rows.made[0] - 1])

    def _weights(
        self, prompts: list[list[int]], max_new_tokens: int
    ) -> native.PackedWeights | Weights:
        """The model's weights in the kernels' layout, or in torch's where those can't run."""
        if self._kept is not None:
            return self._kept
        context = self.model.config.max_context
        needed = min(context, max(map(len, prompts)) + max_new_tokens)
        packed = native.pack(self.model, self.format, context if self.frozen else needed)
        weights = packed or self.model.cast_weights()
        if self.frozen:
            self._kept = weights
        return weights

    def _decoder(
        self, weights: native.PackedWeights | Weights, prompts: list[list[int]], rows: Rows
    ) -> NativeDecoder | TorchDecoder:
        if isinstance(weights, native.PackedWeights):
            return NativeDecoder(weights, prompts, rows)
        return TorchDecoder(self.model, weights, prompts, rows)

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


def _completions(rows: Rows) -> list[Completion]:
    return [
        Completion(tokens[:made], logprobs[:made], stopped)
        for tokens, logprobs, made, stopped in zip(
            rows.tokens.tolist(),
            rows.logprobs.tolist(),
            rows.made.tolist(),
            (rows.done == STOPPED).tolist(),
        )
    ]


def _text(
    completion: Completion, tokenizer: Tokenizer, length: int | None, stop_tokens: Array | tuple
) -> str:
    """The text, without the stop token, or its first `length` bytes."""
    tokens = completion.tokens
    if tokens and tokens[-1] in stop_tokens:
        tokens = tokens[:-1]
    table = tokenizer.token_bytes
    text = b"".join(table[token] for token in tokens if token < len(table))
    return text[:length].decode("utf-8", "replace")
