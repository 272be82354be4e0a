"""Which format rows have, and the conversation of a row, checked.

A file has one format: the one that most of its first rows have. A row of another one, or of none,
is rejected.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.chat import openai_rows, sharegpt_rows
from pipeline.chat.conversation import Conversation, check
from pipeline.chat.instruction_rows import (
    COMPLETIONS,
    OUTPUTS,
    first,
    parse_alpaca,
    parse_prompt,
)
from pipeline.chat.row_fields import RejectedRow
from storage.errors import UserError

Parse = Callable[[Mapping[str, Any]], Conversation]
PARSERS: dict[str, Parse] = {
    "openai": openai_rows.parse,
    "sharegpt": sharegpt_rows.parse,
    "alpaca": parse_alpaca,
    "prompt_completion": parse_prompt,
}
FORMATS = tuple(PARSERS)


def format_of(row: Mapping[str, Any]) -> str:
    """The format that a row looks like; "" if like none.

    A row may have the fields of several, as sets that were converted do: then the one that says
    most of the conversation counts.
    """
    messages = openai_rows.listed(row)
    if messages is not None:
        keys = {key for item in messages if isinstance(item, Mapping) for key in item}
        if "role" in keys:
            return "openai"
        if "from" in keys:
            return "sharegpt"
    if "instruction" in row and first(row, OUTPUTS) is not None:
        return "alpaca"
    if "prompt" in row and first(row, COMPLETIONS) is not None:
        return "prompt_completion"
    return ""


def detect(rows: Iterable[Mapping[str, Any]]) -> str:
    """The format of most of these rows; of equally many the first in FORMATS; "" if of none."""
    counts = Counter(format_of(row) for row in rows)
    return max(FORMATS, key=lambda name: counts[name]) if any(counts[n] for n in FORMATS) else ""


def conversation(row: Mapping[str, Any], format: str, detected: bool) -> Conversation:
    """The conversation of a row, fit for training.

    Args:
        row: as the file has it.
        format: of the file, one of FORMATS, or "".
        detected: whether it was found by looking; what a person says is not questioned.

    Raises:
        RejectedRow: why there is none.
    """
    if not format:
        raise RejectedRow("unknown_format", "fields " + ", ".join(sorted(map(str, row))))
    if detected and (other := format_of(row)) not in ("", format):
        raise RejectedRow("another_format", other)
    made = PARSERS[format](row)
    _check_trainable(made)
    return made


def _check_trainable(made: Conversation) -> None:
    unanswered: list[str] = []
    spoke = False
    for message in made.messages:
        silent = not message.content.strip() and not message.tool_calls
        if silent and message.role in ("user", "assistant"):
            raise RejectedRow("empty_message", message.role)
        if message.role == "assistant":
            spoke = True
            unanswered = [call.id for call in message.tool_calls]
            named = [id_ for id_ in unanswered if id_]
            if len(named) > len(set(named)):
                raise RejectedRow("invalid_tool_call", "two calls of one id")
        elif message.role == "tool":
            _answer(message.tool_call_id, unanswered)
    if not spoke:
        raise RejectedRow("no_assistant")
    try:
        check(made)
    except UserError as error:
        raise RejectedRow("out_of_turn", str(error)) from error


def _answer(id_: str, unanswered: list[str]) -> None:
    """Take the call that an answer is for from the list."""
    if not unanswered:
        raise RejectedRow("tool_answer_without_call", "no call is open")
    if id_:
        if id_ not in unanswered:
            raise RejectedRow("tool_answer_without_call", "no open call has this id")
        unanswered.remove(id_)
    else:
        unanswered.pop(0)
