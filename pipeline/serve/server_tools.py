"""The tools that the server itself runs: calls answered in the sandboxes, beside the model.

Threads wait for the tools' processes, so many at a time, never a model's own thread: other rows go
on while a tool runs. What a call takes in time, memory and output is the tool's own limit.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pipeline import cores
from pipeline.chat.messages import ToolCall
from pipeline.tools.tool import ToolOutput
from pipeline.tools.tool_batch import TOO_MANY
from pipeline.tools.toolbox import NO_TOOLS, Toolbox

MOST_CALLS = 16  # of a message that are answered, as many as grammars allow (`schema_limits`)


class ServerTools:
    """Some tools, and the threads that wait for them.

    Args:
        toolbox: of the tools; it is closed with this.
    """

    def __init__(self, toolbox: Toolbox = NO_TOOLS) -> None:
        self.toolbox = toolbox
        self._threads: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def definitions(self) -> tuple[str, ...]:
        """As a conversation states them; none: the server has no tools."""
        return self.toolbox.definitions

    async def answer(self, calls: Sequence[ToolCall]) -> list[ToolOutput]:
        """What each call of a message gives, in their order; the first ones, if there are many."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(2 * cores.cores(), "crawl2chat-tool")
        run = asyncio.get_running_loop().run_in_executor
        asked = [run(self._threads, self.toolbox.answer, call) for call in calls[:MOST_CALLS]]
        given = list(await asyncio.gather(*asked))
        return given + [TOO_MANY] * (len(calls) - len(given))

    def close(self) -> None:
        """End the tools' processes; once is enough."""
        if self._closed:
            return
        self._closed = True
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.toolbox)
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
