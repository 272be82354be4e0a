"""The input of a response as messages, and its tools: OpenAI's items.

In: `input` (a text, or items: messages, function_call, function_call_output) and `tools` in their
flat form. Out: messages with the place of each in the request, definitions of tools. A message of
the assistant and the calls that follow it are one message of a conversation.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.chat.messages import Message, ToolCall
from pipeline.chat.row_fields import RejectedRow, tool_call
from pipeline.serve.chat_messages import definition, text_of
from pipeline.serve.field_errors import InvalidField

ROLES = {"user": "user", "system": "system", "developer": "system", "assistant": "assistant"}


@dataclasses.dataclass(frozen=True)
class PlacedMessage:
    """A message, and what it is called in the request."""

    said: Message
    field: str


def input_messages(value: Any, field: str = "input") -> list[PlacedMessage]:
    """The messages of an input.

    Raises:
        InvalidField: it is no text and no list of items; it names the first wrong field.
    """
    if isinstance(value, str):
        return [PlacedMessage(Message("user", text_of(value, field)), field)]
    if not isinstance(value, list) or not value:
        raise InvalidField(field, "must be a text or a list of items, at least one")
    found: list[PlacedMessage] = []
    for at, item in enumerate(value):
        place = f"{field}[{at}]"
        if not isinstance(item, Mapping):
            raise InvalidField(place, "must be an object with a type")
        made = _item(item, place)
        if isinstance(made, Message):
            found.append(PlacedMessage(made, place))
        elif found and found[-1].said.role == "assistant":
            before = found[-1].said
            calls = (*before.tool_calls, made)
            found[-1] = PlacedMessage(
                dataclasses.replace(before, tool_calls=calls), found[-1].field
            )
        else:
            found.append(PlacedMessage(Message("assistant", "", (made,)), place))
    return found


def flat_tools(tools: Sequence[Any] | None, field: str = "tools") -> tuple[str, ...]:
    """Tools' definitions, as a conversation states them.

    Raises:
        InvalidField: one is no function with a name, or two have the same.
    """
    made: dict[str, str] = {}
    for number, one in enumerate(tools or ()):
        place = f"{field}[{number}]"
        if not isinstance(one, Mapping):
            raise InvalidField(place, "must be an object")
        if one.get("type") != "function":
            kind = f"{one.get('type')!r:.80}"
            raise InvalidField(f"{place}.type", f"must be 'function': there is no tool {kind} here")
        if not isinstance(one.get("strict"), bool | None):
            raise InvalidField(f"{place}.strict", "must be true, false or null")
        text = definition(one, place)
        if one["name"] in made:
            raise InvalidField(f"{place}.name", f"{one['name']!r} stands twice")
        made[one["name"]] = text
    return tuple(made.values())


def _item(item: Mapping[str, Any], place: str) -> Message | ToolCall:
    kind = item.get("type", "message")
    if kind == "message":
        name = item.get("role")
        role = ROLES.get(name) if isinstance(name, str) else None
        if role is None:
            raise InvalidField(f"{place}.role", f"must be one of {', '.join(ROLES)}")
        return Message(role, text_of(item.get("content"), f"{place}.content"))
    if kind not in ("function_call", "function_call_output"):
        known = "message, function_call, function_call_output"
        raise InvalidField(f"{place}.type", f"{kind!r:.80} can't be read here: one of {known}")
    id_ = item.get("call_id")
    if not isinstance(id_, str) or not id_:
        raise InvalidField(f"{place}.call_id", "must be a text: it binds a call and its output")
    if kind == "function_call_output":
        return Message("tool", text_of(item.get("output"), f"{place}.output"), tool_call_id=id_)
    try:
        return tool_call({"name": item.get("name"), "arguments": item.get("arguments"), "id": id_})
    except RejectedRow as error:
        raise InvalidField(place, f"{error.detail or error.reason}: it can't be read") from error
