"""What /v1/responses answers, object by object: see `answer_schemas`."""

from typing import Any, Literal, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from pipeline.serve.answer_schemas import EXACTLY, ToldToken


@with_config(EXACTLY)
class TextPart(TypedDict):
    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[ToldToken]


ItemState = Literal["in_progress", "completed", "incomplete"]


@with_config(EXACTLY)
class MessageItem(TypedDict):
    type: Literal["message"]
    id: str
    role: Literal["assistant"]
    status: ItemState
    content: list[TextPart]


@with_config(EXACTLY)
class CallItem(TypedDict):
    type: Literal["function_call"]
    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemState


@with_config(EXACTLY)
class OutputItem(TypedDict):
    """What the server's own tool gave."""

    type: Literal["function_call_output"]
    id: str
    call_id: str
    output: str
    status: ItemState


OutputItems = MessageItem | CallItem | OutputItem


@with_config(EXACTLY)
class CachedTokens(TypedDict):
    cached_tokens: int
    cache_write_tokens: int


@with_config(EXACTLY)
class ReasoningTokens(TypedDict):
    reasoning_tokens: int


@with_config(EXACTLY)
class ResponseUsage(TypedDict):
    input_tokens: int
    input_tokens_details: CachedTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


@with_config(EXACTLY)
class FailureFields(TypedDict):
    code: str
    message: str


@with_config(EXACTLY)
class WhyIncomplete(TypedDict):
    reason: Literal["max_output_tokens"]


@with_config(EXACTLY)
class FlatTool(TypedDict):
    type: Literal["function"]
    name: str
    description: str | None
    parameters: dict[str, Any] | None
    strict: Any


@with_config(EXACTLY)
class ResponseBody(TypedDict):
    """A response."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    background: Literal[False]
    error: FailureFields | None
    incomplete_details: WhyIncomplete | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None
    model: str
    output: list[OutputItems]
    parallel_tool_calls: bool
    previous_response_id: str | None
    presence_penalty: float
    frequency_penalty: float
    prompt_cache_key: None
    reasoning: None
    safety_identifier: None
    service_tier: Literal["default"]
    store: bool
    temperature: float
    text: dict[str, Any]
    tool_choice: Any
    tools: list[FlatTool]
    top_logprobs: int
    top_p: float
    truncation: Literal["disabled"]
    usage: ResponseUsage | None
    metadata: dict[str, Any]
    user: None


@with_config(EXACTLY)
class DeletedResponse(TypedDict):
    id: str
    object: Literal["response"]
    deleted: Literal[True]


@with_config(EXACTLY)
class ResponseEvent(TypedDict):
    """One of a stream; which fields it has its type says."""

    type: str
    sequence_number: int
    response: NotRequired[ResponseBody]
    output_index: NotRequired[int]
    content_index: NotRequired[int]
    item_id: NotRequired[str]
    item: NotRequired[OutputItems]
    part: NotRequired[TextPart]
    delta: NotRequired[str]
    text: NotRequired[str]
    logprobs: NotRequired[list[ToldToken]]
    name: NotRequired[str]
    arguments: NotRequired[str]
