"""Prompts whose answers are compared and rewarded, with what is known of the right answer.

In: the prompts.parquet of a `preferences` artifact, or prompts to write there. Out: prompts, one by
one as tables keep them. What raters compare and what a policy is optimised on are these same
prompts; those of split validation are never optimised on.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.chat.conversation import Conversation, Message, canonical_json, from_row, to_row
from pipeline.chat.messages import MessageRow
from storage.errors import UserError
from storage.schemas import PREFERENCE_PROMPTS
from storage.tables import read_table, table, write_table

FILE = "prompts.parquet"
SPLITS = ("train", "validation")
# Of what is no task that code checks (those bear the name of their kind, pipeline.curriculum).
FACT, UNKNOWN, REQUEST, FREE = "fact", "unknown", "request", ""


@dataclasses.dataclass(frozen=True)
class PreferencePrompt:
    """A conversation up to where the assistant speaks.

    Args:
        id: 32 hex digits, of its messages and tools (`prompt_id`).
        messages: in turn; the last one is not the assistant's.
        kind: fact (the corpus states it), unknown (no page states it: right is to say so), a kind
            of pipeline.curriculum.task_kinds (sum, spelling, …), request (`answer` is how the
            conversations reply), or "" where nothing is known of the right answer.
        answer: the right one; "" where there is none or nobody knows it.
        split: train or validation.
        tools: JSON text of each tool that may be called.
        aliases: other right answers.
        origin: where it came from, or "".
    """

    id: str
    messages: tuple[Message, ...]
    kind: str = FREE
    answer: str = ""
    split: str = "train"
    tools: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    origin: str = ""

    @property
    def conversation(self) -> Conversation:
        """What is rendered for a model."""
        return Conversation(self.messages, self.tools)

    @property
    def question(self) -> str:
        """What the user said last; "" if no user has spoken."""
        said = [message.content for message in self.messages if message.role == "user"]
        return said[-1] if said else ""

    @property
    def right_answers(self) -> tuple[str, ...]:
        """All that are known, the one asked for first."""
        return (self.answer, *self.aliases) if self.answer else self.aliases


def prompt_id(messages: Sequence[Message], tools: Sequence[str] = ()) -> str:
    """32 hex digits that the same messages and tools always have."""
    said = canonical_json(to_row(Conversation(tuple(messages), tuple(tools))))
    return hashlib.sha256(f"preference:{said}".encode()).hexdigest()[:32]


def read_prompts(folder: Path, split: str) -> list[PreferencePrompt]:
    """The prompts of one split of a `preferences` artifact, in its order.

    Args:
        folder: of the artifact.
        split: train or validation.

    Raises:
        UserError: the folder has no prompts at all, so it is of another stage.
    """
    if not (folder / FILE).exists():
        raise UserError(f"{folder}: no {FILE}: the `preferences` stage makes it")
    rows = read_table(folder / FILE).to_pylist()
    return [prompt_of(row) for row in rows if row["split"] == split]


def write_prompts(prompts: Iterable[PreferencePrompt], folder: Path) -> None:
    """Write prompts.parquet; the order stays."""
    write_table(table([row_of(prompt) for prompt in prompts], PREFERENCE_PROMPTS), folder / FILE)


def message_rows(prompt: PreferencePrompt) -> list[MessageRow]:
    """The messages as the tables PREFERENCES and PREFERENCE_PROMPTS hold them."""
    return to_row(prompt.conversation)["messages"]


def row_of(prompt: PreferencePrompt) -> dict[str, Any]:
    """A row of PREFERENCE_PROMPTS."""
    return {
        "id": prompt.id,
        "messages": message_rows(prompt),
        "tools": list(prompt.tools),
        "kind": prompt.kind,
        "answer": prompt.answer,
        "aliases": list(prompt.aliases),
        "origin": prompt.origin,
        "split": prompt.split,
    }


def prompt_of(row: Mapping[str, Any]) -> PreferencePrompt:
    """The inverse of `row_of`."""
    talk = from_row(row)
    return PreferencePrompt(
        id=row["id"],
        messages=talk.messages,
        kind=row["kind"],
        answer=row["answer"],
        split=row["split"],
        tools=talk.tools,
        aliases=tuple(row["aliases"]),
        origin=row["origin"],
    )
