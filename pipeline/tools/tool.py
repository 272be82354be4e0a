"""What a tool is: a name, what it is for, its arguments, and a function from these to a text."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pipeline.chat.messages import canonical_json
from pipeline.tools.config import ToolLimits

# done; what the call or program did wrong; a limit it ran into; a fault of the tool itself
Ending = Literal["done", "error", "limit", "fault"]


class ToolError(Exception):
    """Why a call has no result, in words for the conversation.

    Args:
        message: one line.
        printed: what there was before, with its line break.
    """

    ending: Ending = "error"

    def __init__(self, message: str, printed: str = "") -> None:
        super().__init__(message)
        self.printed = printed


class LimitReached(ToolError):
    """A call took too long, or too much memory."""

    ending: Ending = "limit"


class ToolFault(ToolError):
    """The tool itself failed: nothing that the call did."""

    ending: Ending = "fault"


@dataclasses.dataclass(frozen=True)
class ToolOutput:
    """What a call gave: the text of a tool message, and how the call ended."""

    text: str
    ending: Ending = "done"


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool.

    Args:
        name: by which the assistant calls it.
        description: for the assistant.
        parameters: JSON Schema of the arguments, an object (`pipeline.tools.arguments` has the part
            of the standard that is understood).
        call: gives the text for arguments that fit the schema, or raises ToolError. It may be
            called by several threads at a time.
        limits: of each call. Time and memory are kept by `call`, bytes by the toolbox.
        close: ends what the tool has started, if anything.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    call: Callable[[Mapping[str, Any]], str]
    limits: ToolLimits
    close: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        json.dumps(self.parameters)  # what has no form in JSON is found now

    @property
    def definition(self) -> str:
        """The tool as `Conversation.tools` holds it: OpenAI's form, in the one JSON text."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return canonical_json({"type": "function", "function": function})
