"""Messages as OpenAI's API takes them, which is also how rows of conversations are written."""

from typing import Any

from pipeline.chat.messages import Message


def openai_message(said: Message) -> dict[str, Any]:
    """A message as a JSON object; `pipeline.chat.openai_rows` reads it back."""
    written: dict[str, Any] = {"role": said.role, "content": said.content}
    if said.tool_calls:
        written["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in said.tool_calls
        ]
        written["content"] = said.content or None
    if said.role == "tool":
        written["tool_call_id"] = said.tool_call_id
    return written
