"""What /v1/completions is asked for, checked against what the model and the server can.

In: the request. Out: prompts as token ids and the `Generation`s that answer them. A text gets the
document token in front, as the model read its pages; token ids are taken as they are.
"""

import dataclasses
import time
import uuid
from collections import Counter
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from pipeline.serve.api_errors import refused
from pipeline.serve.config import ServeConfig
from pipeline.serve.generation import Generation
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.request_fields import SamplingRequest, sampling_of
from pipeline.serve.text_bounds import check_length
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

DEFAULT_TOKENS = 16  # OpenAI's


def _prompts(value: Any) -> list[str] | list[list[int]]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value:
        if all(isinstance(item, str) for item in value):
            return value
        if _are_ids(value):
            return [value]
        if all(isinstance(item, list) and _are_ids(item) for item in value):
            return value
    raise ValueError(
        "a string, a list of strings, a list of token ids or a list of such lists is wanted,"
        " none of them empty"
    )


def _are_ids(items: list[Any]) -> bool:
    return bool(items) and all(type(item) is int for item in items)


Prompts = Annotated[
    list[str] | list[list[int]],
    PlainValidator(_prompts, json_schema_input_type=str | list[str] | list[int] | list[list[int]]),
]


class CompletionRequest(SamplingRequest):
    """What is asked for. `ignore_eos` is vLLM's: pages go on for as long as is asked."""

    prompt: Prompts
    max_tokens: int | None = Field(None, ge=0)
    best_of: int | None = Field(None, ge=1)
    echo: bool | None = None
    logprobs: int | None = Field(None, ge=0)
    suffix: str | None = None
    ignore_eos: bool | None = None


@dataclasses.dataclass(frozen=True)
class CompletionPlan:
    """A request that was found to be in order."""

    asked: CompletionRequest
    served: ServedModel
    prompts: list[list[int]]  # token ids
    texts: list[bytes]  # of the prompts, for `echo`
    own_first: bool  # the first token of each is one that we put there
    generations: list[Generation]  # none where no token is asked for
    client: str
    id: str
    created: int

    @property
    def tokenizer(self) -> Tokenizer:
        return self.served.tokenizer

    @property
    def stop_tokens(self) -> tuple[int, ...]:
        return () if self.asked.ignore_eos else self.tokenizer.stop_tokens

    def around(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """The object that choices are sent in."""
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.served.id,
            "choices": choices,
        }

    def usage(self, completion_tokens: int) -> dict[str, int]:
        """What was read and what was sampled."""
        prompt_tokens = sum(map(len, self.prompts))
        return {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }


def plan_of(
    asked: CompletionRequest, served: ServedModel, config: ServeConfig, client: str
) -> CompletionPlan:
    """Check what is asked for against what the model and the server can."""
    n, best_of = asked.n or 1, asked.best_of or asked.n or 1
    limit = DEFAULT_TOKENS if asked.max_tokens is None else asked.max_tokens
    if asked.suffix:
        raise refused("suffix is not supported: the model only goes on", "suffix", "unsupported")
    if best_of < n:
        raise refused(f"best_of {best_of} is less than n {n}", "best_of")
    if best_of > n and asked.stream:
        raise refused("best_of can't be streamed: it is known at the end only", "best_of")
    most = min(config.max_samples, served.loop.max_rows)
    if best_of > most:
        name = "n" if best_of == n else "best_of"
        raise refused(f"{name} is at most {most}", name)
    if limit == 0 and not asked.echo:
        raise refused("max_tokens 0 gives something with echo alone", "max_tokens")
    # A queue that could never take them all would be full for ever.
    most = min(config.max_prompts, config.max_queued, config.max_queued_per_client)
    if len(asked.prompt) > most:
        raise refused(f"prompt: at most {most} at a time", "prompt")
    prompts, texts, own_first = encoded(asked.prompt, served, "prompt")
    for prompt in prompts:
        try:
            served.loop.check_prompt(prompt, more=1 if limit else 0)
        except UserError as error:
            raise refused(f"prompt: {error}", "prompt") from None
    sampling = sampling_of(
        asked,
        served,
        config,
        max_new_tokens=limit,
        top_logprobs=asked.logprobs or 0,
        untruncated_logprobs=asked.logprobs is not None or best_of > n,
        stop_tokens=() if asked.ignore_eos else served.tokenizer.stop_tokens,
    )
    seed, seen = asked.seed_or_random(), Counter[tuple[int, ...]]()
    generations = []
    for ids in map(tuple, prompts if limit else []):
        more = seen[ids]
        generations.append(Generation(ids, sampling, best_of, seed, client, occurrence=more))
        seen[ids] += 1
    name, now = f"cmpl-{uuid.uuid4().hex}", int(time.time())
    return CompletionPlan(asked, served, prompts, texts, own_first, generations, client, name, now)


def encoded(
    prompts: list[str] | list[list[int]], served: ServedModel, field: str
) -> tuple[list[list[int]], list[bytes], bool]:
    """The prompts as token ids and as bytes, and whether we put a token in front."""
    tokenizer = served.tokenizer
    texts = [prompt for prompt in prompts if isinstance(prompt, str)]
    if texts:
        for text in texts:
            check_length([text], served, field)
        try:
            encoded = tokenizer.encode_batch(texts)
        except UserError as error:
            raise refused(f"{field}: {error}", field) from None
        ids = [[tokenizer.document_token, *found] for found in encoded]
        return ids, [text.encode() for text in texts], True
    given = [prompt for prompt in prompts if isinstance(prompt, list)]
    if any(min(ids) < 0 for ids in given):
        raise refused(f"{field}: a token id is negative", field)
    return given, [tokenizer.decode_bytes(ids) for ids in given], False
