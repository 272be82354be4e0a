"""The fields that requests have in common, and what becomes of them for the engine.

In: JSON that pydantic has checked by type and range; unknown fields are ignored. Out: `Sampling`.
What depends on the model or the server's limits is checked here, and named by its field.
"""

import secrets
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from pipeline.model.rows import Sampling
from pipeline.serve.api_errors import refused
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import ServedModel

MOST_SEED = 2**63 - 1
LEAST_TOP_P = 1e-6  # 0 is asked for as well: the most likely token alone
LEAST_TEMPERATURE = 1e-6  # below it, nothing but the most likely is left
BIAS = 100.0  # OpenAI's bounds of a logit_bias


def _stops(value: Any) -> list[str]:
    if value is None:
        return []
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(stop, str) for stop in found):
        raise ValueError("a string or a list of strings is wanted")
    if not all(found):
        raise ValueError("a stop string is empty: it would stop everything")
    return found


Stops = Annotated[list[str], PlainValidator(_stops, json_schema_input_type=str | list[str] | None)]


class StreamOptions(BaseModel):
    """What a stream says besides."""

    model_config = ConfigDict(strict=True)

    include_usage: bool = False


class SamplingRequest(BaseModel):
    """How text is sampled. `top_k` and `min_p` are not OpenAI's; vLLM and llama.cpp have them."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)

    model: str | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=0, le=2**31 - 1)
    min_p: float | None = Field(None, ge=0, le=1)
    n: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=-MOST_SEED, le=MOST_SEED)
    stop: Stops = Field(default_factory=list)
    logit_bias: dict[str, float] | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with what it cost."""
        return self.stream_options is not None and self.stream_options.include_usage

    def seed_or_random(self) -> int:
        """The seed; without one, a fresh random one."""
        return secrets.randbits(63) if self.seed is None else self.seed


def sampling_of(
    asked: SamplingRequest,
    served: ServedModel,
    config: ServeConfig,
    *,
    max_new_tokens: int,
    top_logprobs: int = 0,
    untruncated_logprobs: bool = False,
    stop_tokens: Sequence[int] = (),
    pause_tokens: Sequence[int] = (),
    temperature: float = 1.0,
) -> Sampling:
    """A request's settings for the engine.

    Args:
        asked: the request.
        served: its model.
        config: limits.
        max_new_tokens: the most tokens of a sample.
        top_logprobs: of so many of the most likely tokens.
        untruncated_logprobs: the model's own log-probabilities are wanted.
        stop_tokens: end a sample.
        pause_tokens: let it wait for somebody else's tokens.
        temperature: where the request says none.

    Raises:
        ApiError: a value that this server or model has no room or no means for.
    """
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(asked, name):
            raise refused(f"{name} is not supported: leave it out or at 0", name, "unsupported")
    if len(asked.stop) > config.max_stop_strings:
        raise refused(f"stop: at most {config.max_stop_strings} strings", "stop")
    if any(len(stop) > config.max_stop_characters for stop in asked.stop):
        raise refused(f"stop: at most {config.max_stop_characters} characters each", "stop")
    if top_logprobs > config.max_top_logprobs:
        raise refused(f"logprobs: at most {config.max_top_logprobs}", "logprobs")
    heat = temperature if asked.temperature is None else asked.temperature
    return Sampling(
        max_new_tokens=min(max_new_tokens, config.max_new_tokens),
        temperature=heat if heat >= LEAST_TEMPERATURE else 0.0,
        top_k=asked.top_k or 0,
        top_p=1.0 if asked.top_p is None else max(asked.top_p, LEAST_TOP_P),
        min_p=asked.min_p or 0.0,
        stop_tokens=tuple(stop_tokens),
        pause_tokens=tuple(pause_tokens),
        stop_strings=tuple(asked.stop),
        top_logprobs=top_logprobs,
        untruncated_logprobs=untruncated_logprobs,
        logit_bias=_bias(asked.logit_bias or {}, served, config),
    )


def _bias(
    asked: dict[str, float], served: ServedModel, config: ServeConfig
) -> tuple[tuple[int, float], ...]:
    """Each token's, by id."""
    where = "logit_bias"
    if len(asked) > config.max_logit_bias:
        raise refused(f"{where}: at most {config.max_logit_bias} tokens", where)
    vocab_size = served.loop.vocab_size
    found: dict[int, float] = {}
    for name, value in asked.items():
        if not (name.isascii() and name.isdigit() and int(name[:10]) < vocab_size):
            raise refused(f"{where}: {name[:20]!r} is no token id below {vocab_size}", where)
        if not -BIAS <= value <= BIAS:
            raise refused(f"{where}: {value:g} is not between -{BIAS:g} and {BIAS:g}", where)
        found[int(name)] = value
    return tuple(sorted(found.items()))
