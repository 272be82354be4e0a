"""How a program ran, whatever ran it, and the words that a conversation gets about it."""

import dataclasses

from pipeline.tools.bounded_text import bounded
from pipeline.tools.config import ToolLimits
from pipeline.tools.tool import LimitReached, ToolError


@dataclasses.dataclass(frozen=True)
class ProgramRun:
    """What a program left.

    Args:
        printed: to both streams, bounded.
        value: of its last expression as Python shows it, "" where there is none or it is None.
        error: why it didn't end well, "" if it did.
        limit: whether that was one of the limits.
    """

    printed: str
    value: str = ""
    error: str = ""
    limit: bool = False


def text_of(run: ProgramRun, limits: ToolLimits) -> str:
    """What the conversation gets of a run that ended well.

    Raises:
        ToolError: it didn't.
    """
    printed = run.printed
    if printed and not printed.endswith("\n"):
        printed += "\n"
    if run.error:
        kind = LimitReached if run.limit else ToolError
        raise kind(bounded(run.error, limits.output_bytes), printed)
    value = bounded(run.value, limits.output_bytes)
    text = printed + value if value else run.printed.removesuffix("\n")
    return text or "(no output)"


def too_long(limits: ToolLimits) -> str:
    """The error of a program that was stopped by the clock."""
    return f"stopped after {limits.seconds:g} seconds"


def too_much_memory(limits: ToolLimits) -> str:
    """The error of a program that wanted more memory than it may have."""
    return f"MemoryError: the program may take {limits.memory_mib} MiB"
