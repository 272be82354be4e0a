r"""Pairs out of somebody's file: which answer was chosen and which rejected, or why there is none.

In: rows of JSON lines, a JSON list or Parquet (`pipeline.chat.row_files`), in the forms that public
sets have: two transcripts ("\n\nHuman: …\n\nAssistant: …", HH-RLHF's); two lists of messages, whole
conversations or replies to a `prompt` (TRL's, UltraFeedback's); a prompt, a chosen and a rejected
text. Scores and ties may stand beside. Out: the prompt and both answers, checked. What both
sides must share is their prompt, to the last turn; nothing is guessed, everything that can't be
used is counted with its reason.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.chat import openai_rows
from pipeline.chat.conversation import (
    Conversation,
    Message,
    as_conversation,
    assistant,
    system,
    user,
)
from pipeline.chat.messages import check_reply_due
from pipeline.chat.row_fields import REASONS as ROW_REASONS
from pipeline.chat.row_fields import RejectedRow, text_of, tools_of
from storage.errors import UserError

# Why a comparison can't be used, besides what pipeline.chat.row_fields tells of rows in general.
REASONS = ROW_REASONS | {
    "equal_pair": "both answers say the same",
    "different_prompts": "the two answers are to different prompts",
    "empty_answer": "an answer that says nothing",
    "no_answer": "a side that does not end with a turn of the assistant",
    "calls_tool": "an answer that calls a tool: what is compared are texts",
    "contradicting_scores": "the rejected answer has the higher score",
    "no_winner": "a winner that is neither of the two, nor a tie",
    "no_verdict": "a judge's reply that names neither of the two, nor a tie",
    "no_reply": "a judge that gave no reply that can be read",
    "cap": "a judge that the caps allow no more requests",
}
CHOSEN, REJECTED = "chosen", "rejected"
PROMPTS = ("prompt", "question", "instruction")
SYSTEMS = ("system", "system_prompt")
# As UltraFeedback's, argilla's and others' columns call them.
SCORES = (
    ("score_chosen", "score_rejected"),
    ("chosen_score", "rejected_score"),
    ("chosen-rating", "rejected-rating"),
    ("chosen_rating", "rejected_rating"),
)
_TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant):")


class RejectedPair(Exception):
    """A comparison that can't be used.

    Args:
        reason: one of REASONS.
        detail: which field or place, in short.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        assert reason in REASONS, reason
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(frozen=True)
class GivenPair:
    """A comparison out of a file."""

    prompt: Conversation
    chosen: str
    rejected: str
    tie: bool = False


def pair_of(row: Mapping[str, Any]) -> GivenPair:
    """The comparison of a row.

    Raises:
        RejectedPair: there is none that can be used.
    """
    try:
        return _checked(row)
    except RejectedRow as why:
        raise RejectedPair(why.reason, why.detail) from why


def _checked(row: Mapping[str, Any]) -> GivenPair:
    if row.get(CHOSEN) is None and row.get(REJECTED) is None:
        raise RejectedPair("unknown_format", "fields " + ", ".join(sorted(map(str, row)))[:150])
    before = _prompt(row)
    one, other = (_side(row, name, before) for name in (CHOSEN, REJECTED))
    if one[0] != other[0]:
        raise RejectedPair("different_prompts", _first_difference(one[0], other[0]))
    answers = one[1], other[1]
    if answers[0].split() == answers[1].split():
        raise RejectedPair("equal_pair")
    talk = Conversation(one[0], tools_of(row.get("tools")))
    if not any(message.role == "user" for message in talk.messages):
        raise RejectedPair("missing_field", "prompt: nothing that a user says")
    silent = [m.role for m in talk.messages if not m.content.strip() and not m.tool_calls]
    if silent:
        raise RejectedPair("empty_message", silent[0])
    try:
        check_reply_due(as_conversation(talk))
    except UserError as error:
        raise RejectedPair("out_of_turn", str(error)[:200]) from error
    return GivenPair(talk, *answers, tie=_is_tie(row))


def _prompt(row: Mapping[str, Any]) -> tuple[Message, ...] | None:
    """The turns before the answers, where a field of their own holds them."""
    name = next((name for name in PROMPTS if row.get(name) is not None), "")
    if not name:
        return None
    value = row[name]
    if _is_list_of_messages(value):
        return openai_rows.messages(value)
    text = text_of(value, name)
    if _is_transcript(text):
        turns = _transcript(text)
        open_reply = turns and turns[-1].role == "assistant" and not turns[-1].content
        return turns[:-1] if open_reply else turns
    before = next((row[s] for s in SYSTEMS if row.get(s) is not None), None)
    said = text_of(before, "system") if before is not None else ""
    return (*([system(said)] if said.strip() else []), user(text))


def _side(
    row: Mapping[str, Any], name: str, before: tuple[Message, ...] | None
) -> tuple[tuple[Message, ...], str]:
    """The turns before one side's answer, and the answer."""
    value = row.get(name)
    if value is None:
        raise RejectedPair("missing_field", name)
    if _is_list_of_messages(value):
        turns = openai_rows.messages(value)
    elif isinstance(value, Mapping) and "role" in value:
        turns = openai_rows.messages([value])
    else:
        text = text_of(value, name)
        if _is_transcript(text):
            turns = _transcript(text)
        elif before is None:
            raise RejectedPair("missing_field", f"prompt, of a {name} text without turns")
        else:
            turns = (assistant(text.strip()),)
    if not turns or turns[-1].role != "assistant":
        raise RejectedPair("no_answer", name)
    last = turns[-1]
    if last.tool_calls:
        raise RejectedPair("calls_tool", name)
    if not last.content.strip():
        raise RejectedPair("empty_answer", name)
    own = turns[:-1]
    if before is None:
        return own, last.content
    # A side is the reply alone, or the whole conversation with the prompt before it.
    if own and own != before and own != tuple(m for m in before if m.role != "system"):
        raise RejectedPair("different_prompts", f"{name} has other turns than the prompt")
    return before, last.content


def _is_list_of_messages(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and "role" in item for item in value
    )


def _is_transcript(text: str) -> bool:
    return _TURN.match(text) is not None


def _transcript(text: str) -> tuple[Message, ...]:
    """The turns of a transcript. A turn begins where a line of its own, after a blank one, says so.

    What somebody quotes in that form can't be told from a turn: where turns then don't alternate,
    the row is rejected as out of turn.
    """
    _, *parts = _TURN.split(text)
    turns = [
        user(said.strip()) if who == "Human" else assistant(said.strip())
        for who, said in zip(parts[::2], parts[1::2])
    ]
    for turn in turns:
        text_of(turn.content, turn.role)
    return tuple(turns)


def _first_difference(one: Sequence[Message], other: Sequence[Message]) -> str:
    if len(one) != len(other):
        return f"{len(one)} turns and {len(other)}"
    at = next(at for at, pair in enumerate(zip(one, other)) if pair[0] != pair[1])
    return f"turn {at + 1}"


def _is_tie(row: Mapping[str, Any]) -> bool:
    """Whether neither answer won: said, or by equal scores."""
    said = row.get("tie")
    if isinstance(said, bool) and said:
        return True
    winner = row.get("winner")
    if isinstance(winner, str):
        if winner.casefold() not in ("chosen", "tie"):
            raise RejectedPair("no_winner", winner[:100])
        return winner.casefold() == "tie"
    for names in SCORES:
        better, worse = (_number(row.get(name)) for name in names)
        if better is not None and worse is not None:
            if worse > better:
                raise RejectedPair("contradicting_scores", f"{better:g} and {worse:g}")
            return worse == better
    return False


def _number(value: Any) -> float | None:
    """A score; NaN is none."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and value == value else None
