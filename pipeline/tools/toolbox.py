"""The tools of a conversation: a call by name and JSON, a tool message's text back, always.

Whatever a call asks for, whatever it does and whatever fails, there is an output: one call of a
batch never stops the others. How each ended is counted by who asks (`ToolOutput.ending`).
"""

import dataclasses
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from pipeline import cores
from pipeline.chat.messages import Message, ToolCall, tool
from pipeline.tools import arguments
from pipeline.tools.bounded_text import bounded
from pipeline.tools.tool import Tool, ToolError, ToolOutput

ERROR = "Error: "  # what the last line of a call without result begins with


@dataclasses.dataclass(frozen=True)
class Toolbox:
    """Some tools, each with a name of its own. As a context manager it closes them at its end."""

    tools: tuple[Tool, ...]

    def __post_init__(self) -> None:
        names = [one.name for one in self.tools]
        if len(names) > len(set(names)):
            raise ValueError(f"two tools of one name: {', '.join(sorted(names))}")
        for one in self.tools:
            arguments.check_schema(one.parameters)

    def __enter__(self) -> "Toolbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        for one in self.tools:
            one.close()

    @property
    def definitions(self) -> tuple[str, ...]:
        """The tools as a conversation states them (`Conversation.tools`)."""
        return tuple(one.definition for one in self.tools)

    def answer(self, call: ToolCall) -> ToolOutput:
        """What a call gives."""
        found = {one.name: one for one in self.tools}.get(call.name)
        if found is None:
            there = ", ".join(one.name for one in self.tools) or "none"
            return ToolOutput(f"{ERROR}unknown tool {call.name[:80]!r}: there is {there}", "error")
        limit = found.limits.output_bytes
        try:
            given = arguments.read(call.arguments, found.parameters, found.limits.argument_bytes)
            return ToolOutput(bounded(found.call(given), limit))
        except ToolError as error:
            return ToolOutput(bounded(f"{error.printed}{ERROR}{error}", limit), error.ending)
        except Exception as error:
            traceback.print_exc()  # a mistake of ours, which no batch is stopped for
            return ToolOutput(f"{ERROR}the tool failed ({type(error).__name__})", "fault")

    def answer_all(self, calls: Sequence[ToolCall], threads: int = 0) -> list[ToolOutput]:
        """What each of many calls gives, in their order.

        Args:
            calls: of any tools.
            threads: that wait for tools' processes; 0: two for each core.
        """
        if len(calls) < 2:
            return [self.answer(call) for call in calls]
        with ThreadPoolExecutor(threads or 2 * cores.cores()) as pool:
            return list(pool.map(self.answer, calls))


NO_TOOLS = Toolbox(())


def messages(calls: Sequence[ToolCall], outputs: Sequence[ToolOutput]) -> tuple[Message, ...]:
    """The tool messages that answer an assistant's calls."""
    return tuple(tool(output.text, call.id) for call, output in zip(calls, outputs, strict=True))
