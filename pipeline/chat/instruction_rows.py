"""Rows of one question and one answer: Alpaca's, and prompt with completion.

Alpaca: `instruction`, `input` (appended after a line feed, as LLaMA-Factory does), `output`, and
its `system` and `history` (earlier questions and answers, which are learned as well); under Dolly's
and GPTeacher's names (`context`, `response`) too. Prompt and completion: two texts, or two lists of
OpenAI's messages as TRL takes them; of a list all that the assistant says is learned.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.chat.conversation import Conversation, Message
from pipeline.chat.openai_rows import messages
from pipeline.chat.row_fields import RejectedRow, optional_text, text_of, tools_of

INPUTS = ("input", "context")
OUTPUTS = ("output", "response")
COMPLETIONS = ("completion", "response")


def first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first of these fields that is there."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def parse_alpaca(row: Mapping[str, Any]) -> Conversation:
    """The conversation of a row of Alpaca's format.

    Raises:
        RejectedRow: it has none.
    """
    asked = text_of(row.get("instruction"), "instruction")
    given = optional_text(first(row, INPUTS), "input")
    question = f"{asked}\n{given}" if asked.strip() and given.strip() else asked or given
    answer = text_of(first(row, OUTPUTS), "output")
    turns = [*_history(row.get("history")), (question, answer)]
    said = [m for q, a in turns for m in (Message("user", q), Message("assistant", a))]
    return Conversation((*_system(row), *said), ())


def parse_prompt(row: Mapping[str, Any]) -> Conversation:
    """The conversation of a row of prompt and completion.

    Raises:
        RejectedRow: it has none.
    """
    asked, answer = row.get("prompt"), first(row, COMPLETIONS)
    if isinstance(asked, list):
        if not isinstance(answer, list):
            raise RejectedRow("missing_field", "completion: a list of messages, as the prompt is")
        said = messages([*asked, *answer])
    else:
        question = text_of(asked, "prompt")
        said = (Message("user", question), Message("assistant", text_of(answer, "completion")))
    return Conversation((*_system(row), *said), tools_of(row.get("tools")))


def _system(row: Mapping[str, Any]) -> tuple[Message, ...]:
    system = optional_text(row.get("system"), "system")
    return (Message("system", system),) if system.strip() else ()


def _history(value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RejectedRow("not_text", "history is no list")
    turns = []
    for turn in value:
        if not isinstance(turn, list | tuple) or len(turn) != 2:
            raise RejectedRow("not_text", "history: no pair of question and answer")
        turns.append((text_of(turn[0], "history"), text_of(turn[1], "history")))
    return turns
