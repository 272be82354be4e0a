"""A request for a chat completion, and the reply that it wants of a model.

In: JSON that pydantic has checked by type and range. Out: a `WantedReply`. Messages, tools and
formats are read by modules of their own, which name what is wrong by its place.
"""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from pipeline.chat.layout import CALL
from pipeline.serve.chat_messages import conversation_of, tools_of
from pipeline.serve.config import ServeConfig
from pipeline.serve.field_errors import InvalidField
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.request_fields import SamplingRequest, sampling_of
from pipeline.serve.response_format import response_format
from pipeline.serve.text_bounds import check_count
from pipeline.serve.token_logprobs import MOST_TOP_LOGPROBS
from pipeline.serve.tool_choice import MODES, tool_choice
from pipeline.serve.wanted_reply import WantedReply, schemas_of

MOST_TOKENS = 2**31 - 1  # that may be asked for; a reply gets what the context has room for
_TEXT = {
    "oneOf": [
        {"type": "string"},
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                "required": ["type", "text"],
            },
        },
        {"type": "null"},
    ]
}
_CALL = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}},
            "required": ["name", "arguments"],
        },
    },
    "required": ["id", "type", "function"],
}
MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": _TEXT,
        "tool_calls": {"type": "array", "items": _CALL},
        "tool_call_id": {"type": "string"},
    },
    "required": ["role"],
}
FUNCTION = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "parameters": {"type": "object"},
        "strict": {"type": ["boolean", "null"]},
    },
    "required": ["name"],
}
TOOL = {
    "type": "object",
    "properties": {"type": {"const": "function"}, "function": FUNCTION},
    "required": ["type", "function"],
}
# Read by modules of their own: pydantic would name each of the types that a value might have had.
_CHOICES = [{"enum": list(MODES)}, {"type": "object"}, {"type": "null"}]
Choice = Annotated[Any, WithJsonSchema({"oneOf": _CHOICES})]
Messages = Annotated[list[Any], WithJsonSchema({"type": "array", "items": MESSAGE, "minItems": 1})]
Tools = Annotated[list[Any], WithJsonSchema({"type": "array", "items": TOOL})]


class ChatCompletionRequest(SamplingRequest):
    """What is asked for."""

    messages: Messages
    tools: Tools | None = None
    tool_choice: Choice = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MOST_TOP_LOGPROBS)
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    functions: Any = None
    function_call: Any = None
    modalities: list[str] | None = None


def wanted_of(
    asked: ChatCompletionRequest,
    served: ServedModel,
    config: ServeConfig,
    own_tools: tuple[str, ...],
) -> WantedReply:
    """The reply that a request wants.

    Args:
        asked: the request.
        served: its model.
        config: limits.
        own_tools: the server's, for requests that bring none.

    Raises:
        ApiError: something is wrong with it, by its field.
    """
    for name in ("functions", "function_call"):
        if getattr(asked, name) is not None:
            raise InvalidField(name, "is OpenAI's older form: use tools and tool_choice")
    if asked.modalities and asked.modalities != ["text"]:
        raise InvalidField("modalities", "must be ['text']: the model writes text alone")
    if asked.top_logprobs is not None and not asked.logprobs:
        raise InvalidField("top_logprobs", "needs logprobs to be true")
    most_samples = min(config.max_samples, served.loop.max_rows)
    if (asked.n or 1) > most_samples:
        raise InvalidField("n", f"must be at most {most_samples}")
    check_count(asked.messages, served, "messages")
    check_count(asked.tools, served, "tools")
    tools = tools_of(asked.tools)
    is_served = not tools and is_open(asked.tool_choice) and can_call(served, own_tools)
    stated = own_tools if is_served else tools
    most = asked.max_completion_tokens or asked.max_tokens or config.max_new_tokens
    return WantedReply(
        talk=conversation_of(asked.messages, stated),
        sampling=sampling_of(
            asked,
            served,
            config,
            max_new_tokens=most,
            top_logprobs=asked.top_logprobs or 0,
            untruncated_logprobs=bool(asked.logprobs),
        ),
        samples=asked.n or 1,
        seed=asked.seed_or_random(),
        choice=tool_choice(asked.tool_choice, tuple(schemas_of(stated))),
        strict=any(tool["function"].get("strict") is True for tool in asked.tools or ()),
        parallel=asked.parallel_tool_calls is not False,
        format=response_format(asked.response_format, "response_format", nested=True),
        served=is_served,
    )


def is_open(choice: Any) -> bool:
    """Whether a request leaves it to the server which tools there are."""
    return choice is None or choice == "auto"


def can_call(served: ServedModel, tools: tuple[str, ...]) -> bool:
    """Whether there are tools, and a model that has the tokens for calls."""
    return bool(tools) and CALL in served.tokenizer.special_tokens
