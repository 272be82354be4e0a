"""What the rows of all conversation formats share: texts, tool calls, tool definitions, and why a
row is rejected.

In: values as JSON or Parquet hold them. Out: the parts of a `Message`, or `RejectedRow` with one of
REASONS. Nothing is guessed: what another program would take for something else is rejected and
counted. In JSON and in Parquet a field that is null counts as absent.
"""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.chat.conversation import ToolCall
from storage import strict_json

# Every reason there is, as people read it in docs and table.
REASONS = {
    "invalid_utf8": "the line is not UTF-8",
    "invalid_json": "the line is not JSON: it is cut, holds NaN or Infinity, has a key twice, …",
    "not_an_object": "the line is JSON, but no object",
    "row_too_large": "the line has more bytes than any conversation",
    "unknown_format": "the file has no row of a known format",
    "another_format": "the row is of a known format, but not of the file's",
    "missing_field": "a field that the format needs is absent or null",
    "not_text": "a field that holds text holds something else",
    "not_a_text_part": "an image, sound or file among the parts of a content",
    "lone_surrogate": "half of a surrogate pair: no valid Unicode",
    "unknown_role": "a role that no format has",
    "invalid_tool_call": "a call without name, with another's id, or without a JSON object",
    "invalid_tools": "tool definitions that are none",
    "tool_answer_without_call": "a tool's output that answers no call",
    "out_of_turn": "roles that do not follow each other as in a conversation",
    "no_assistant": "nothing that the assistant says",
    "empty_message": "a user or an assistant that says nothing",
    "untrained_message": "an assistant's message that is marked as not to be learned (weight 0)",
    "too_long": "more tokens than fit the model's context",
    "duplicate": "the same conversation came before",
}
DETAIL_CHARACTERS = 200

# Joined as vLLM and llama.cpp join the text parts of a content.
PART_SEPARATOR = "\n"
TEXT_PARTS = ("text", "input_text", "output_text")


class RejectedRow(Exception):
    """A row that can't be used.

    Args:
        reason: one of REASONS.
        detail: which field, role or type, in short.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        assert reason in REASONS, reason
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail[:DETAIL_CHARACTERS]


def canonical(value: Any) -> str:
    """The JSON text of a value, as `ToolCall.arguments` and `Conversation.tools` hold it.

    Raises:
        RejectedRow: JSON has no form for it (a time or a decimal out of Parquet, say).
    """
    try:
        return strict_json.dumps(value)
    except ValueError as error:
        raise RejectedRow("not_text", f"no JSON: {error}") from error


def text_of(value: Any, field: str) -> str:
    """The text of a field: a text, or a list of text parts.

    Raises:
        RejectedRow: it is absent, or something else stands there.
    """
    if isinstance(value, str):
        return valid(value, field)
    if value is None:
        raise RejectedRow("missing_field", field)
    if isinstance(value, list):
        return PART_SEPARATOR.join(_part(part, field) for part in value)
    raise RejectedRow("not_text", f"{field}: {_kind(value)}")


def optional_text(value: Any, field: str) -> str:
    """The same, "" where the field is absent."""
    return "" if value is None else text_of(value, field)


def output_of(value: Any, field: str) -> str:
    """What a tool gave back: a text, or an object, which becomes its JSON text."""
    if isinstance(value, Mapping):
        return valid(canonical(value), field)
    if isinstance(value, list) and not all(isinstance(p, Mapping) and "type" in p for p in value):
        return valid(canonical(value), field)
    return text_of(value, field)


def tool_call(value: Any) -> ToolCall:
    """A call as OpenAI writes it, with or without `function` around name and arguments.

    Raises:
        RejectedRow: no name, or arguments that are no JSON object.
    """
    if not isinstance(value, Mapping):
        raise RejectedRow("invalid_tool_call", _kind(value))
    if value.get("type") not in (None, "function"):
        raise RejectedRow("invalid_tool_call", f"type {value['type']!r}")
    function = value.get("function")
    if not isinstance(function, Mapping):
        function = value
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not name:
        raise RejectedRow("invalid_tool_call", "no name")
    if valid(name, "name") != json.dumps(name, ensure_ascii=False)[1:-1]:  # rendered as it is
        raise RejectedRow("invalid_tool_call", "a name with quotes or control characters")
    id_ = value.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise RejectedRow("invalid_tool_call", f"id: {_kind(id_)}")
    if isinstance(arguments, str):
        try:
            # OpenAI's API gives "" for a function without parameters.
            arguments = strict_json.loads(arguments) if arguments.strip() else {}
        except ValueError as error:
            raise RejectedRow("invalid_tool_call", f"arguments of {name}: {error}") from error
    if not isinstance(arguments, Mapping):
        raise RejectedRow("invalid_tool_call", f"arguments of {name}: {_kind(arguments)}")
    valid(id_ or "", "id")
    return ToolCall(name, valid(canonical(arguments), f"arguments of {name}"), id_ or "")


def tools_of(value: Any) -> tuple[str, ...]:
    """Tool definitions: a list (or the JSON text of one) of OpenAI's, or of bare functions.

    Raises:
        RejectedRow: they are none.
    """
    if isinstance(value, str):
        try:
            value = strict_json.loads(value) if value.strip() else None
        except ValueError as error:
            raise RejectedRow("invalid_tools", str(error)) from error
    if value is None:
        return ()
    listed = [value] if isinstance(value, Mapping) else value
    if not isinstance(listed, list):
        raise RejectedRow("invalid_tools", _kind(value))
    return tuple(_tool(one) for one in listed)


def _tool(value: Any) -> str:
    bare = isinstance(value, Mapping) and "function" not in value
    wrapped = {"type": "function", "function": value} if bare else value
    function = wrapped.get("function") if isinstance(wrapped, Mapping) else None
    if not isinstance(function, Mapping) or wrapped.get("type") != "function":
        raise RejectedRow("invalid_tools", _kind(value))
    if not isinstance(function.get("name"), str) or not function["name"]:
        raise RejectedRow("invalid_tools", "no name")
    return valid(canonical(wrapped), "tools")


def valid(text: str, field: str) -> str:
    """The text, if it can be written as UTF-8.

    Raises:
        RejectedRow: it has a lone surrogate.
    """
    if not strict_json.is_unicode(text):
        raise RejectedRow("lone_surrogate", field)
    return text


def _part(part: Any, field: str) -> str:
    if isinstance(part, str):
        return valid(part, field)
    if not isinstance(part, Mapping):
        raise RejectedRow("not_text", f"{field}: a part is {_kind(part)}")
    kind = part.get("type", "text")
    if kind == "refusal":
        return text_of(part.get("refusal"), field)
    if kind not in TEXT_PARTS:
        raise RejectedRow("not_a_text_part", str(kind))
    if not isinstance(part.get("text"), str):
        raise RejectedRow("missing_field", f"{field}: text of a part")
    return valid(part["text"], field)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    if value is None:
        return "null"
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else "no JSON value")
