"""Rows of the ShareGPT format: `conversations` of `from` and `value`, with LLaMA-Factory's roles
for tools (`function_call`, `observation`) and its columns `system` and `tools`.

A `function_call` holds the JSON of one call or of a list of calls. NousResearch's function-calling
sets write calls and outputs into the texts, between Hermes' tags; those become calls and outputs.
"""

import re
from collections.abc import Mapping
from typing import Any

from pipeline.chat.conversation import Conversation, Message, ToolCall
from pipeline.chat.openai_rows import check_learned, listed
from pipeline.chat.row_fields import (
    RejectedRow,
    optional_text,
    output_of,
    text_of,
    tool_call,
    tools_of,
)
from storage import strict_json

ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "function_call": "function_call",
    "observation": "tool",
    "function_response": "tool",
    "tool": "tool",
}
_CALL = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)
_OUTPUT = re.compile(r"\s*<tool_response>\s*(.*?)\s*</tool_response>\s*", re.DOTALL)


def parse(row: Mapping[str, Any]) -> Conversation:
    """The conversation of a row.

    Raises:
        RejectedRow: it has none.
    """
    found = listed(row)
    if found is None:
        raise RejectedRow("missing_field", "conversations")
    messages = [message for item in found for message in _messages(item)]
    system = optional_text(row.get("system"), "system")
    if system.strip():
        messages.insert(0, Message("system", system))
    return Conversation(tuple(messages), tools_of(row.get("tools")))


def _messages(item: Any) -> list[Message]:
    """One message; none of a system message without text; several of outputs that stand in one."""
    if not isinstance(item, Mapping):
        raise RejectedRow("not_text", "a message is no object")
    name, value = item.get("from"), item.get("value")
    if name is None:
        raise RejectedRow("missing_field", "from")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise RejectedRow("unknown_role", str(name))
    if role == "tool":
        output = output_of(value, f"value of {name}")
        inside = _OUTPUT.findall(output)
        if inside and not _OUTPUT.sub("", output):
            return [Message("tool", one) for one in inside]
        return [Message("tool", output)]
    if role == "function_call":
        return [Message("assistant", "", _calls(value))]
    text = text_of(value, f"value of {name}")
    if role == "assistant":
        check_learned(item)
        calls = tuple(_call_of(found) for found in _CALL.findall(text))
        return [Message("assistant", _CALL.sub("", text).strip() if calls else text, calls)]
    return [Message(role, text)] if role == "user" or text.strip() else []


def _calls(value: Any) -> tuple[ToolCall, ...]:
    if isinstance(value, str):
        try:
            value = strict_json.loads(value)
        except ValueError as error:
            raise RejectedRow("invalid_tool_call", f"function_call: {error}") from error
    calls = value if isinstance(value, list) else [value]
    if not calls:
        raise RejectedRow("invalid_tool_call", "function_call: an empty list")
    return tuple(tool_call(call) for call in calls)


def _call_of(text: str) -> ToolCall:
    try:
        return tool_call(strict_json.loads(text))
    except ValueError as error:
        raise RejectedRow("invalid_tool_call", f"<tool_call>: {error}") from error
