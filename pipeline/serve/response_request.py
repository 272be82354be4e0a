"""A request for a response, and the reply that it wants of a model.

In: JSON that pydantic has checked by type and range, and the messages that it goes on from. Out: a
`WantedReply`, and the response's object before anything is written.
"""

import time
import uuid
from typing import Annotated, Any

import orjson
from pydantic import Field, WithJsonSchema

from pipeline.chat.messages import Message, system
from pipeline.serve.chat_messages import joined
from pipeline.serve.chat_request import FUNCTION, MOST_TOKENS, Choice, can_call, is_open
from pipeline.serve.config import ServeConfig
from pipeline.serve.field_errors import InvalidField
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.request_fields import SamplingRequest, sampling_of
from pipeline.serve.response_format import response_format
from pipeline.serve.response_input import PlacedMessage, flat_tools
from pipeline.serve.token_logprobs import MOST_TOP_LOGPROBS
from pipeline.serve.tool_choice import tool_choice
from pipeline.serve.wanted_reply import WantedReply, schemas_of

ECHOED = ("instructions", "metadata", "text", "tool_choice", "tools")  # as they came
LOGPROBS = "message.output_text.logprobs"
_FLAT_TOOL = {
    **FUNCTION,
    "properties": {"type": {"const": "function"}, **FUNCTION["properties"]},  # type: ignore[dict-item]
    "required": ["type", "name"],
}
_ITEM = {
    "type": "object",
    "properties": {"type": {"enum": ["message", "function_call", "function_call_output"]}},
}
Input = Annotated[
    Any, WithJsonSchema({"oneOf": [{"type": "string"}, {"type": "array", "items": _ITEM}]})
]


class ResponseRequest(SamplingRequest):
    """What is asked for. `seed`, `stop` and `logit_bias` are chat's, not OpenAI's here."""

    input: Input
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: Annotated[list[Any], WithJsonSchema({"type": "array", "items": _FLAT_TOOL})] | None = (
        None
    )
    tool_choice: Choice = None
    parallel_tool_calls: bool | None = None
    text: dict[str, Any] | None = None
    max_output_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    store: bool | None = None
    include: list[str] | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MOST_TOP_LOGPROBS)
    metadata: dict[str, str] | None = None
    truncation: str | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None

    @property
    def tells_logprobs(self) -> bool:
        """Whether log-probabilities are asked for."""
        return LOGPROBS in (self.include or ()) or bool(self.top_logprobs)


def wanted_of(
    asked: ResponseRequest,
    before: tuple[Message, ...],
    said: list[PlacedMessage],
    served: ServedModel,
    config: ServeConfig,
    own_tools: tuple[str, ...],
) -> WantedReply:
    """The reply that a request wants.

    Args:
        asked: the request.
        before: what was said up to the response that it goes on from.
        said: its input.
        served: its model.
        config: limits.
        own_tools: the server's, for requests that bring none.

    Raises:
        ApiError: something is wrong with it, by its field.
    """
    if asked.truncation not in (None, "disabled"):
        raise InvalidField("truncation", "must be 'disabled': no turn is ever dropped here")
    for name in ("background", "conversation", "prompt"):
        if getattr(asked, name):
            raise InvalidField(name, "is not supported: leave it out")
    for name in ECHOED:
        try:
            orjson.dumps(getattr(asked, name))
        except TypeError as error:  # numbers beyond 64 bits, halves of characters
            raise InvalidField(name, f"can't be given back in the response: {error}") from error
    tools = flat_tools(asked.tools)
    is_served = not tools and is_open(asked.tool_choice) and can_call(served, own_tools)
    stated = own_tools if is_served else tools
    own = [PlacedMessage(system(asked.instructions), "instructions")] if asked.instructions else []
    prior = [PlacedMessage(message, "previous_response_id") for message in before]
    whole = [*own, *prior, *said]
    return WantedReply(
        talk=joined([one.said for one in whole], [one.field for one in whole], stated, "input"),
        sampling=sampling_of(
            asked,
            served,
            config,
            max_new_tokens=asked.max_output_tokens or config.max_new_tokens,
            top_logprobs=asked.top_logprobs or 0,
            untruncated_logprobs=asked.tells_logprobs,
        ),
        seed=asked.seed_or_random(),
        choice=tool_choice(asked.tool_choice, tuple(schemas_of(stated))),
        strict=any(tool.get("strict") is True for tool in asked.tools or ()),
        parallel=asked.parallel_tool_calls is not False,
        format=response_format((asked.text or {}).get("format"), "text.format", nested=False),
        served=is_served,
        fields=("input", "text.format", "tools"),
    )


def empty_response(asked: ResponseRequest, model: str) -> dict[str, Any]:
    """The response's object, in progress, of the model of that id."""
    tools = [
        {
            "type": "function",
            "name": tool["name"],
            "description": tool.get("description"),
            "parameters": tool.get("parameters"),
            "strict": tool.get("strict"),
        }
        for tool in asked.tools or ()
    ]
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "max_tool_calls": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "previous_response_id": asked.previous_response_id,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "prompt_cache_key": None,
        "reasoning": None,
        "safety_identifier": None,
        "service_tier": "default",
        "store": asked.store is not False,
        "temperature": 1.0 if asked.temperature is None else asked.temperature,
        "text": {"format": {"type": "text"}, **(asked.text or {})},
        "tool_choice": asked.tool_choice or "auto",
        "tools": tools,
        "top_logprobs": asked.top_logprobs or 0,
        "top_p": 1.0 if asked.top_p is None else asked.top_p,
        "truncation": "disabled",
        "usage": None,
        "metadata": asked.metadata or {},
        "user": None,
    }
