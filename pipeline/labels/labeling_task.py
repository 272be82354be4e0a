"""A labeler's task: write the ideal answer, correct an answer, or compare two.

A task is what is shown (a conversation that ends where the assistant's reply is due, and no, one or
two answers) and, for a gold item, what is expected. It is called by a hash of what is shown, so the
same task added twice is one, and a name never tells whether there is an expected answer.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline.chat.conversation import Conversation, Message, check, from_row, to_row
from storage.digest import canonical_json
from storage.errors import UserError
from storage.strict_json import is_unicode

ANSWERS = {"write": 0, "correct": 1, "compare": 2}  # kind -> how many answers are shown
KINDS = tuple(ANSWERS)
WINNERS = ("a", "tie", "b")
# What a line of a task file may have; `prompt` is short for one user message.
KEYS = ("kind", "prompt", "messages", "tools", "answer", "answers", "expected")


@dataclasses.dataclass(frozen=True)
class LabelingTask:
    """One piece of work for a labeler; made by `task_of`, which checks it."""

    kind: str
    prompt: Conversation  # up to the reply that is asked for
    answers: tuple[str, ...] = ()
    # Of a gold item: the winner, or texts of which a right answer holds one as whole words.
    expected: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """32 hex digits, by what a rater sees."""
        shown = [self.kind, to_row(self.prompt), list(self.answers)]
        return hashlib.sha256(canonical_json(shown)).hexdigest()[:32]

    @property
    def is_gold(self) -> bool:
        """Whether the answer is known."""
        return bool(self.expected)

    def row(self) -> dict[str, Any]:
        """As a line of a task file, from which `task_of` makes it again."""
        made: dict[str, Any] = {
            "kind": self.kind,
            **to_row(self.prompt),
            "answers": list(self.answers),
        }
        return {**made, "expected": list(self.expected)} if self.expected else made


def task_of(row: Any, where: str, kind: str = "") -> LabelingTask:
    """A task from a line of a task file.

    Args:
        row: `prompt` (a text), or `messages` and `tools` as in the table of conversations;
            `answer`, or `answers` (a list); `kind`, else it follows from the number of answers;
            `expected` of a gold item.
        where: the file and line, for messages.
        kind: of all tasks of the file; a line may not name another.

    Raises:
        UserError: the row has another shape, or can't be a task.
    """
    if not isinstance(row, Mapping):
        raise UserError(f"{where}: no JSON object but {json.dumps(row)[:40]}")
    if unknown := sorted(set(row) - set(KEYS)):
        raise UserError(f"{where}: unknown {unknown[0]!r}: a task has {', '.join(KEYS)}")
    prompt, answers = _prompt(row, where), _answers(row, where)
    named = row.get("kind") or kind or KINDS[min(len(answers), 2)]
    if not isinstance(named, str) or named not in ANSWERS:
        raise UserError(f"{where}: kind {named!r}: one of {', '.join(KINDS)}")
    if kind and named != kind:
        raise UserError(f"{where}: a task of kind {named!r} where {kind!r} was asked for")
    if len(answers) != ANSWERS[named]:
        due = ANSWERS[named]
        raise UserError(f"{where}: {named!r} shows {due} answers, {len(answers)} are given")
    if named == "compare" and answers[0] == answers[1]:
        raise UserError(f"{where}: the two answers are the same: nothing can be compared")
    return LabelingTask(named, prompt, answers, _expected(row, named, where))


def check_answer(task: LabelingTask, answer: str) -> str:
    """A rater's answer as it is stored.

    Args:
        task: that was given.
        answer: a comparison's winner (a, tie, b), else a text.

    Raises:
        UserError: it can't be an answer to this task.
    """
    if task.kind == "compare":
        if answer not in WINNERS:
            raise UserError(f"the winner of a comparison is one of {', '.join(WINNERS)}")
        return answer
    if not answer.strip():
        raise UserError("an empty answer: write one, or skip the task")
    if not is_unicode(answer):
        raise UserError("the answer is not UTF-8")
    return answer.strip("\n").rstrip()


def is_right(task: LabelingTask, answer: str) -> bool | None:
    """Whether the answer to a gold item is the known one; None of another task.

    Written answers are right if they hold one of the expected texts as whole words, in any case.
    """
    if not task.expected:
        return None
    if task.kind == "compare":
        return answer in task.expected
    return any(
        re.search(rf"(?<!\w){re.escape(text)}(?!\w)", answer, re.IGNORECASE)
        for text in task.expected
    )


def _prompt(row: Mapping[str, Any], where: str) -> Conversation:
    text, messages = row.get("prompt"), row.get("messages")
    if (text is None) == (messages is None):
        raise UserError(f"{where}: a task needs a prompt (a text) or messages, not both")
    if text is not None:
        prompt = Conversation((Message("user", _text(text, "prompt", where)),))
    else:
        prompt = _conversation(row, where)
    try:
        check(prompt)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    last = prompt.messages[-1]
    if last.role not in ("user", "tool"):
        raise UserError(f"{where}: the last message is the {last.role}'s: no reply is due")
    if last.role == "user" and not last.content.strip():
        raise UserError(f"{where}: the question is empty")
    return prompt


def _conversation(row: Mapping[str, Any], where: str) -> Conversation:
    """Of a row that anybody may have written."""
    messages, tools = row["messages"], row.get("tools") or []
    known = {"role", "content", "tool_calls", "tool_call_id"}
    if not isinstance(messages, list) or not isinstance(tools, list):
        raise UserError(f"{where}: messages and tools are lists")
    for said in messages:
        if not isinstance(said, Mapping) or not {"role", "content"} <= set(said) <= known:
            raise UserError(f"{where}: a message is an object with role and content")
    try:
        prompt = from_row(row)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{where}: a tool call is an object with id, name, arguments") from error
    texts = [*prompt.tools]
    for message in prompt.messages:
        texts += [message.role, message.content, message.tool_call_id]
        texts += [text for call in message.tool_calls for text in (call.name, call.arguments)]
    for text in texts:
        _text(text, "part of the conversation", where)
    return prompt


def _answers(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    one, several = row.get("answer"), row.get("answers")
    if one is not None and several is not None:
        raise UserError(f"{where}: answer or answers, not both")
    given = [one] if one is not None else several or []
    if not isinstance(given, list):
        raise UserError(f"{where}: answers is no list of texts")
    return tuple(_text(answer, "an answer", where) for answer in given)


def _expected(row: Mapping[str, Any], kind: str, where: str) -> tuple[str, ...]:
    given = row.get("expected")
    if given is None:
        return ()
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise UserError(f"{where}: expected is a text or a list of texts")
    expected = tuple(_text(text, "expected", where).strip() for text in texts)
    if not all(expected):
        raise UserError(f"{where}: expected is empty")
    if kind == "compare" and not set(expected) <= set(WINNERS):
        raise UserError(f"{where}: expected of a comparison: {', '.join(WINNERS)}")
    return expected


def _text(value: Any, name: str, where: str) -> str:
    if not isinstance(value, str) or not is_unicode(value):
        raise UserError(f"{where}: {name} is no text")
    return value
