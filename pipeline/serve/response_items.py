"""The items of a response, as OpenAI's responses endpoint and Open Responses have them."""

from typing import Any, Literal

from pipeline.chat.messages import ToolCall
from pipeline.tools.tool import ToolOutput

ItemStatus = Literal["in_progress", "completed", "incomplete"]
Item = dict[str, Any]


def text_part(text: str, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
    """A part of a message's content."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def message_item(id_: str, parts: list[dict[str, Any]], status: ItemStatus) -> Item:
    """What the assistant said."""
    return {
        "type": "message",
        "id": id_,
        "role": "assistant",
        "status": status,
        "content": parts,
    }


def call_item(id_: str, call: ToolCall, status: ItemStatus = "in_progress") -> Item:
    """A call of a tool."""
    return {
        "type": "function_call",
        "id": id_,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": status,
    }


def output_item(id_: str, call: ToolCall, output: ToolOutput) -> Item:
    """What the server's own tool gave."""
    return {
        "type": "function_call_output",
        "id": id_,
        "call_id": call.id,
        "output": output.text,
        "status": "completed",
    }
