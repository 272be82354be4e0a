"""Rows of OpenAI's chat format: `messages` of role and content, calls of tools, and `tools`.

Also its older form (`functions`, `function_call`, role `function`), and Hugging Face's, where
arguments are an object and a tool's answer has no id. Fields that say nothing about the
conversation (`name` of a user, `parallel_tool_calls`) are passed over.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.chat.conversation import Conversation, Message, ToolCall
from pipeline.chat.row_fields import (
    RejectedRow,
    output_of,
    text_of,
    tool_call,
    tools_of,
    valid,
)
from storage import strict_json

# The columns under which such lists stand.
MESSAGES = ("messages", "conversations", "conversation")
ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def listed(row: Mapping[str, Any]) -> list[Any] | None:
    """The row's list of messages, or None; some Parquet files hold it as JSON text."""
    for name in MESSAGES:
        value = row.get(name)
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                value = strict_json.loads(value)
            except ValueError:
                return None
        if isinstance(value, list):
            return value
    return None


def parse(row: Mapping[str, Any]) -> Conversation:
    """The conversation of a row.

    Raises:
        RejectedRow: it has none.
    """
    found = listed(row)
    if found is None:
        raise RejectedRow("missing_field", "messages")
    tools = row.get("tools") if row.get("tools") is not None else row.get("functions")
    return Conversation(messages(found), tools_of(tools))


def messages(found: list[Any]) -> tuple[Message, ...]:
    """Messages out of a list of objects; a system message without text is none."""
    made = [_message(item) for item in found]
    return tuple(m for m in made if m.role != "system" or m.content.strip())


def _message(item: Any) -> Message:
    if not isinstance(item, Mapping):
        raise RejectedRow("not_text", "a message is no object")
    name = item.get("role")
    if name is None:
        raise RejectedRow("missing_field", "role")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise RejectedRow("unknown_role", str(name))
    if role == "tool":
        id_ = item.get("tool_call_id")
        if id_ is not None and not isinstance(id_, str):
            raise RejectedRow("not_text", "tool_call_id")
        output = output_of(item.get("content"), "content of a tool")
        return Message("tool", output, tool_call_id=valid(id_ or "", "tool_call_id"))
    if role != "assistant":
        return Message(role, text_of(item.get("content"), f"content of {role}"))
    check_learned(item)
    calls = _calls(item)
    content = item.get("content")
    if content is None and isinstance(item.get("refusal"), str):
        content = item["refusal"]
    if content is None and calls:
        return Message("assistant", "", calls)
    return Message("assistant", text_of(content, "content of assistant"), calls)


def check_learned(item: Mapping[str, Any]) -> None:
    """Reject a message that is marked as not to be learned: here all an assistant says is."""
    weight = item.get("weight")
    if weight is not None and weight != 1:
        raise RejectedRow("untrained_message", f"weight {weight}")


def _calls(item: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    if item.get("function_call") is not None:
        return (tool_call(item["function_call"]),)
    calls = item.get("tool_calls")
    if calls is None:
        return ()
    if not isinstance(calls, list):
        raise RejectedRow("invalid_tool_call", "tool_calls is no list")
    return tuple(tool_call(call) for call in calls)
