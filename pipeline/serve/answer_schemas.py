"""What the API answers, object by object: for the OpenAPI document, and for whoever makes them.

These types say which fields there are, no more: answers are plain dicts, and none is checked when
it is sent. The document's schemas are these (`documented`, `documented_stream`); a test holds the
server's true answers to the document, each field of it included. `response_schemas` has those of
/v1/responses.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from pipeline.serve.api_errors import ErrorBody

Documented = dict[int | str, dict[str, Any]]
EXACTLY = ConfigDict(extra="forbid")  # no other fields


@with_config(EXACTLY)
class TokenUsage(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


@with_config(EXACTLY)
class LikelyToken(TypedDict):
    token: str
    logprob: float
    bytes: list[int]


@with_config(EXACTLY)
class ToldToken(TypedDict):
    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[LikelyToken]


@with_config(EXACTLY)
class ChatLogprobs(TypedDict):
    content: list[ToldToken]
    refusal: None


@with_config(EXACTLY)
class CalledFunction(TypedDict):
    name: str
    arguments: str


@with_config(EXACTLY)
class MessageCall(TypedDict):
    id: str
    type: Literal["function"]
    function: CalledFunction


@with_config(EXACTLY)
class ToolEvent(TypedDict):
    """A call that the server answered itself: an extension."""

    id: str
    name: str
    arguments: str
    output: NotRequired[str]
    ending: NotRequired[str]


@with_config(EXACTLY)
class ChatMessage(TypedDict):
    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: NotRequired[list[MessageCall]]
    tool_events: NotRequired[list[ToolEvent]]


FinishReason = Literal["stop", "length", "tool_calls"]


@with_config(EXACTLY)
class ChatChoiceBody(TypedDict):
    index: int
    message: ChatMessage
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


@with_config(EXACTLY)
class ChatCompletion(TypedDict):
    """A reply."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoiceBody]
    usage: TokenUsage


@with_config(EXACTLY)
class FunctionDelta(TypedDict):
    name: NotRequired[str]
    arguments: str


@with_config(EXACTLY)
class CallDelta(TypedDict):
    index: int
    id: NotRequired[str]
    type: NotRequired[Literal["function"]]
    function: FunctionDelta


@with_config(EXACTLY)
class ToolEventDelta(TypedDict):
    index: int
    id: NotRequired[str]
    name: NotRequired[str]
    arguments: NotRequired[str]
    output: NotRequired[str]
    ending: NotRequired[str]


@with_config(EXACTLY)
class ChatDelta(TypedDict):
    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str]
    refusal: NotRequired[None]
    tool_calls: NotRequired[list[CallDelta]]
    tool_events: NotRequired[list[ToolEventDelta]]


@with_config(EXACTLY)
class ChunkChoice(TypedDict):
    index: int
    delta: ChatDelta
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason | None


@with_config(EXACTLY)
class ChatChunk(TypedDict):
    """A part of a reply."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: NotRequired[TokenUsage | None]


@with_config(EXACTLY)
class PageLogprobs(TypedDict):
    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


@with_config(EXACTLY)
class CompletionChoice(TypedDict):
    index: int
    text: str
    logprobs: PageLogprobs | None
    finish_reason: Literal["stop", "length"] | None


@with_config(EXACTLY)
class CompletionBody(TypedDict):
    """Completions, all or a part of them."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: NotRequired[TokenUsage | None]


@with_config(EXACTLY)
class ModelBody(TypedDict):
    id: str
    object: Literal["model"]
    created: int
    owned_by: Literal["crawl2chat"]
    max_model_len: NotRequired[int]  # once it is loaded


@with_config(EXACTLY)
class ModelListBody(TypedDict):
    object: Literal["list"]
    data: list[ModelBody]


@with_config(EXACTLY)
class EmbeddingUsage(TypedDict):
    prompt_tokens: int
    total_tokens: int


@with_config(EXACTLY)
class EmbeddingBody(TypedDict):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str  # base64 of float32, little-endian


@with_config(EXACTLY)
class EmbeddingList(TypedDict):
    object: Literal["list"]
    data: list[EmbeddingBody]
    model: str
    usage: EmbeddingUsage


@with_config(EXACTLY)
class Tokenized(TypedDict):
    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: NotRequired[list[str] | None]


@with_config(EXACTLY)
class Detokenized(TypedDict):
    prompt: str


@with_config(EXACTLY)
class TokenizerInfo(TypedDict):
    tokenizer_class: Literal["PreTrainedTokenizerFast"]
    vocab_size: int
    model_max_length: int
    bos_token: str
    eos_token: str
    pad_token: str
    chat_template: str | None


@with_config(EXACTLY)
class StatusBody(TypedDict):
    status: Literal["ok", "ready"]


def documented(shape: Any, description: str) -> Documented:
    """A route's answer to a request that is in order, for `responses`."""
    return {200: {"model": shape, "description": description}}


def documented_stream(shape: Any, event: Any) -> Documented:
    """The same of a route that can stream; `event` is what an event's data are, before [DONE];
    an error may be the last.
    """
    schema = _inlined(TypeAdapter(event | ErrorBody).json_schema())
    told = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    data = {"anyOf": [{"const": "[DONE]"}, told]}
    one = {
        "type": "object",
        "description": "One event",
        "properties": {"event": {"type": "string"}, "data": data},
        "required": ["data"],
    }
    found = documented(shape, "The answer; as server-sent events where `stream` is true")
    found[200]["content"] = {"text/event-stream": {"schema": one}}
    return found


def _inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without references: those to its own definitions would point elsewhere."""
    definitions = schema.get("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(definitions[value["$ref"].removeprefix("#/$defs/")])
        return {key: inlined(one) for key, one in value.items() if key != "$defs"}

    found: dict[str, Any] = inlined(dict(schema))
    return found
