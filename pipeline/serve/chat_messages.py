"""Messages and tools of OpenAI's chat format as a conversation, or the field that is wrong.

In: the request's `messages` and `tools` as JSON gives them. Out: a `Conversation` in order, in
which texts are texts: what is spelled like a control token stays so. `developer` is `system`.
System messages at the start are one, and so are a user's messages that follow each other, with an
empty line between: models are taught conversations in turn, and clients send what they have. Fields
that say nothing about the conversation (`name`, `audio`) are passed over.

Unlike rows to learn from (`chat.openai_rows`) nothing is dropped, and whatever is refused is named
by its place: `messages[2].content`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.chat.messages import (
    Conversation,
    Message,
    ToolCall,
    canonical_json,
    check_reply_due,
)
from pipeline.chat.misplaced_message import MisplacedMessage
from pipeline.chat.openai_rows import ROLES
from pipeline.chat.row_fields import PART_SEPARATOR, TEXT_PARTS, RejectedRow, tool_call
from pipeline.serve.field_errors import InvalidField
from storage import strict_json
from storage.errors import UserError

BETWEEN = "\n\n"  # texts of one speaker that become one message


def conversation_of(
    messages: Sequence[Any], tools: Sequence[str] = (), field: str = "messages"
) -> Conversation:
    """The conversation, in which it is the assistant's turn.

    Args:
        messages: OpenAI's, at least one.
        tools: that it states, from `tools_of`.
        field: what `messages` is called in the request.

    Raises:
        InvalidField: a message is none, or is out of turn; it names the first wrong field.
    """
    if not messages:
        raise InvalidField(field, "must hold at least one message")
    made = [_message(said, f"{field}[{at}]") for at, said in enumerate(messages)]
    return joined(made, [f"{field}[{at}]" for at in range(len(made))], tools, field)


def joined(
    messages: Sequence[Message], fields: Sequence[str], tools: Sequence[str], field: str
) -> Conversation:
    """Messages as a conversation in which it is the assistant's turn.

    Args:
        messages: in order; neighbours of one speaker become one.
        fields: what each is called in the request.
        tools: that it states.
        field: what all of them are called.

    Raises:
        InvalidField: one is out of turn, or it is not the assistant's turn.
    """
    kept: list[Message] = []
    places: list[str] = []
    for said, place in zip(messages, fields, strict=True):
        if kept and said.role == kept[-1].role and said.role in ("system", "user"):
            text = kept[-1].content + BETWEEN + said.content
            kept[-1] = dataclasses.replace(kept[-1], content=text)
            continue
        kept.append(said)
        places.append(place)
    if kept and kept[0].role == "system" and not kept[0].content.strip():
        del kept[0], places[0]  # which models never see
    talk = Conversation(tuple(kept), tuple(tools))
    try:
        check_reply_due(talk)
    except MisplacedMessage as error:
        raise InvalidField(places[error.place], error.why) from error
    except UserError as error:
        raise InvalidField(field, str(error)) from error
    return talk


def tools_of(tools: Sequence[Any] | None, field: str = "tools") -> tuple[str, ...]:
    """Tools' definitions, as a conversation states them.

    Raises:
        InvalidField: one is no function with a name, or two have the same.
    """
    made: list[str] = []
    names: set[str] = set()
    for number, one in enumerate(tools or ()):
        place = f"{field}[{number}]"
        if not isinstance(one, Mapping):
            raise InvalidField(place, "must be an object")
        if one.get("type") != "function":
            raise InvalidField(f"{place}.type", "must be 'function': there are no other tools")
        function = one.get("function")
        if not isinstance(function, Mapping):
            raise InvalidField(f"{place}.function", "must be an object")
        made.append(definition(function, f"{place}.function"))
        if function["name"] in names:
            raise InvalidField(f"{place}.function.name", f"{function['name']!r} stands twice")
        names.add(function["name"])
    return tuple(made)


def definition(function: Mapping[str, Any], field: str) -> str:
    """The JSON text of a function's definition: name, description and parameters, in this order.

    Raises:
        InvalidField: one of them can't be.
    """
    name, described = function.get("name"), function.get("description")
    if not isinstance(name, str) or not name or strict_json.dumps(name) != f'"{name}"':
        raise InvalidField(f"{field}.name", "must be a text without quotes and control characters")
    if described is not None and not isinstance(described, str):
        raise InvalidField(f"{field}.description", "must be a text")
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise InvalidField(f"{field}.parameters", "must be a JSON Schema, an object")
    said = {"name": name, "description": described, "parameters": parameters}
    stated = {key: value for key, value in said.items() if value is not None}
    try:
        text = canonical_json({"type": "function", "function": stated})
    except UserError as error:
        raise InvalidField(field, str(error)) from error
    if not strict_json.is_unicode(text):
        raise InvalidField(field, "holds a lone surrogate, which is no valid Unicode")
    return text


def text_of(content: Any, field: str) -> str:
    """The text of a content: a text, or a list of text parts, which are joined by line breaks.

    Raises:
        InvalidField: it is something else, or holds an image, sound or file.
    """
    if isinstance(content, str):
        if not strict_json.is_unicode(content):
            raise InvalidField(field, "holds a lone surrogate, which is no valid Unicode")
        return content
    if not isinstance(content, list):
        raise InvalidField(field, "must be a text or a list of text parts")
    return PART_SEPARATOR.join(_part(one, f"{field}[{at}]") for at, one in enumerate(content))


def _part(part: Any, field: str) -> str:
    if not isinstance(part, Mapping):
        raise InvalidField(field, "must be an object with type and text")
    kind = part.get("type")
    if kind == "refusal":
        return _plain(part.get("refusal"), f"{field}.refusal")
    if kind not in TEXT_PARTS:
        raise InvalidField(f"{field}.type", f"{kind!r} can't be read: the model reads text alone")
    return _plain(part.get("text"), f"{field}.text")


def _plain(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidField(field, "must be a text")
    return text_of(value, field)


def _message(said: Any, field: str) -> Message:
    if not isinstance(said, Mapping):
        raise InvalidField(field, "must be an object with role and content")
    name = said.get("role")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None or name == "function":
        known = ", ".join(repr(one) for one in ROLES if one != "function")
        raise InvalidField(f"{field}.role", f"must be one of {known}")
    content = said.get("content")
    if role == "tool":
        id_ = said.get("tool_call_id")
        if not isinstance(id_, str) or not id_:
            raise InvalidField(f"{field}.tool_call_id", "must name the call that is answered")
        return Message("tool", text_of(content, f"{field}.content"), tool_call_id=id_)
    if role != "assistant":
        return Message(role, text_of(content, f"{field}.content"))
    calls = _calls(said.get("tool_calls"), f"{field}.tool_calls")
    if content is None and isinstance(said.get("refusal"), str):
        content = said["refusal"]
    if content is None and calls:
        content = ""
    return Message("assistant", text_of(content, f"{field}.content"), calls)


def _calls(calls: Any, field: str) -> tuple[ToolCall, ...]:
    if calls is None:
        return ()
    if not isinstance(calls, list):
        raise InvalidField(field, "must be a list")
    return tuple(_call(one, f"{field}[{at}]") for at, one in enumerate(calls))


def _call(call: Any, field: str) -> ToolCall:
    try:
        made = tool_call(call)
    except RejectedRow as error:
        raise InvalidField(field, f"{error.detail or error.reason}: it can't be read") from error
    if not made.id:
        raise InvalidField(f"{field}.id", "must be a text: the tool's answer names it")
    return made
