"""Conversations as data: who says what, which tools are called, and what is out of turn.

In: messages, or a row of the `conversations` table. Out: checked conversations, rows.
Arguments of calls and definitions of tools are JSON text in one form (`canonical_json`), which is
how they are rendered: an encoder that is given objects writes the same.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypedDict

from pipeline.chat.misplaced_message import MisplacedMessage
from storage import strict_json
from storage.errors import UserError

ROLES = ("system", "user", "assistant", "tool")
ORDER = (
    "an optional system message, then user and assistant in turn, and after an assistant's tool "
    "calls one tool message for each"
)


@dataclasses.dataclass(frozen=True)
class ToolCall:
    """A call of a tool.

    Args:
        name: of the tool.
        arguments: JSON text of an object, as `canonical_json` writes it.
        id: what a tool message names to answer this call; never rendered, since Hermes' format has
            no ids. "" where order alone binds them.
    """

    name: str
    arguments: str
    id: str = ""


@dataclasses.dataclass(frozen=True)
class Message:
    """One turn, or one tool's output.

    Args:
        role: one of `ROLES`.
        content: text; may be empty.
        tool_calls: of an assistant.
        tool_call_id: of a tool message: the call it answers; "" is the first unanswered one.
    """

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclasses.dataclass(frozen=True)
class Conversation:
    """Messages, and the tools that the assistant may call.

    Args:
        messages: in turn.
        tools: JSON text of each tool's definition in OpenAI's form
            (`{"type": "function", "function": {"name": …}}`), as `canonical_json` writes it.
    """

    messages: tuple[Message, ...]
    tools: tuple[str, ...] = ()


class CallRow(TypedDict):
    id: str
    name: str
    arguments: str


class MessageRow(TypedDict):
    role: str
    content: str
    tool_calls: list[CallRow]
    tool_call_id: str


class TalkRow(TypedDict):
    """The columns of the `conversations` table that are the conversation itself."""

    messages: list[MessageRow]
    tools: list[str]


def system(content: str) -> Message:
    return Message("system", content)


def user(content: str) -> Message:
    return Message("user", content)


def assistant(content: str, tool_calls: Sequence[ToolCall] = ()) -> Message:
    return Message("assistant", content, tuple(tool_calls))


def tool(content: str, tool_call_id: str = "") -> Message:
    return Message("tool", content, tool_call_id=tool_call_id)


def as_conversation(talk: Conversation | Sequence[Message]) -> Conversation:
    """Messages alone are a conversation without tools."""
    return talk if isinstance(talk, Conversation) else Conversation(tuple(talk))


def from_row(row: Mapping[str, Any]) -> Conversation:
    """The conversation of a row of the `conversations` table."""
    messages = tuple(
        Message(
            said["role"],
            said["content"],
            tuple(
                ToolCall(call["name"], call["arguments"], call["id"])
                for call in said.get("tool_calls") or ()
            ),
            said.get("tool_call_id") or "",
        )
        for said in row["messages"]
    )
    return Conversation(messages, tuple(row.get("tools") or ()))


def to_row(talk: Conversation | Sequence[Message]) -> TalkRow:
    """The inverse of `from_row`."""
    whole = as_conversation(talk)
    messages: list[MessageRow] = [
        {
            "role": said.role,
            "content": said.content,
            "tool_calls": [
                {"id": call.id, "name": call.name, "arguments": call.arguments}
                for call in said.tool_calls
            ],
            "tool_call_id": said.tool_call_id,
        }
        for said in whole.messages
    ]
    return {"messages": messages, "tools": list(whole.tools)}


def canonical_json(value: Any) -> str:
    """An object as the one JSON text that stands for it here.

    Args:
        value: a mapping, or JSON text of one. Keys keep their order.

    Raises:
        UserError: it is no JSON object, holds a number that JSON has no form for, or a key twice.
    """
    try:
        if isinstance(value, str):
            value = strict_json.loads(value)
        if not isinstance(value, Mapping):
            raise ValueError(f"is {_kind(value)}")
        return strict_json.dumps(value)
    except ValueError as error:
        raise UserError(f"no JSON object: {error}") from error


def answers(messages: Sequence[Message], asked: int) -> list[Message | None]:
    """The tool messages after the message at `asked`, in the order of its calls.

    Returns:
        One a call, None where it is not answered (yet).

    Raises:
        UserError: a tool message answers none of the calls, or an answered one.
    """
    calls = messages[asked].tool_calls
    found: list[Message | None] = [None] * len(calls)
    for at in range(asked + 1, len(messages)):
        said = messages[at]
        if said.role != "tool":
            break
        named = [i for i, call in enumerate(calls) if call.id == said.tool_call_id]
        open_ = [i for i, answer in enumerate(found) if answer is None]
        matching = [i for i in (named if said.tool_call_id else open_) if i in open_]
        if not matching:
            answered = f"call {said.tool_call_id!r}" if said.tool_call_id else "a call"
            _refuse(at, f"answers {answered}, and no such call is unanswered")
        found[matching[0]] = said
    return found


def check(talk: Conversation | Sequence[Message]) -> None:
    """Check that the conversation can be rendered; it may end anywhere.

    Raises:
        UserError: a message is out of turn, answers no call, or has calls and isn't an assistant's;
            JSON is no object or not in its one form; a text is no valid Unicode.
    """
    whole = as_conversation(talk)
    if not whole.messages:
        raise UserError("a conversation needs at least one message")
    for number, definition in enumerate(whole.tools, start=1):
        _check_tool(definition, f"tool {number} of the conversation")
    due: tuple[str, ...] = ("system", "user")
    unanswered = 0
    for at, said in enumerate(whole.messages):
        if said.role not in due:
            wanted = " or ".join(map(repr, due))
            _refuse(at, f"has role {said.role!r} where {wanted} is due: {ORDER}")
        _check_message(at, said)
        if said.role == "assistant":
            unanswered = len(answers(whole.messages, at))
        elif said.role == "tool":
            unanswered -= 1
        if unanswered:
            due = ("tool",)
        else:
            due = ("user",) if said.role in ("system", "assistant") else ("assistant",)


def check_reply_due(talk: Conversation | Sequence[Message]) -> None:
    """Check that it is the assistant's turn.

    Raises:
        UserError: it is not, or the conversation can't be rendered.
    """
    whole = as_conversation(talk)
    check(whole)
    last = len(whole.messages) - 1
    while whole.messages[last].role == "tool":
        last -= 1
    role = whole.messages[last].role
    if role == "assistant" and None in (found := answers(whole.messages, last)):
        missing = f"{found.count(None)} of {len(found)} tool calls"
        _refuse(last, f"has no answer to {missing}: the assistant can't speak yet")
    if role == "system" or whole.messages[-1].role == "assistant":
        why = f"has role {role!r} and is the last: the assistant speaks after a user or a tool"
        _refuse(len(whole.messages) - 1, why)


def _check_message(at: int, said: Message) -> None:
    if said.tool_calls and said.role != "assistant":
        _refuse(at, f"has tool calls and role {said.role!r}: only an assistant calls tools")
    if said.tool_call_id and said.role != "tool":
        _refuse(at, f"answers a tool call and has role {said.role!r}, not 'tool'")
    _check_text(said.content, f"message {at + 1} of the conversation")
    ids = [call.id for call in said.tool_calls if call.id]
    if len(ids) > len(set(ids)):
        _refuse(at, "has two tool calls of one id")
    for number, call in enumerate(said.tool_calls, start=1):
        where = f"tool call {number} of message {at + 1} of the conversation"
        _check_text(call.name, where)
        if not call.name or json.dumps(call.name, ensure_ascii=False) != f'"{call.name}"':
            raise UserError(
                f"{where} has name {call.name!r}: it needs a name without quotes, backslashes and "
                "control characters, since names are rendered as they are"
            )
        _check_json(call.arguments, f"{where}: arguments")


def _check_tool(definition: str, where: str) -> None:
    _check_json(definition, where)
    found = json.loads(definition)
    function = found.get("function")
    named = isinstance(function, dict) and isinstance(function.get("name"), str)
    if found.get("type") != "function" or not named:
        raise UserError(
            f"{where} is no definition of a function: it needs "
            '{"type": "function", "function": {"name": …}}'
        )


def _check_json(text: str, where: str) -> None:
    try:
        canonical = canonical_json(text)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    _check_text(canonical, where)
    if text != canonical:
        raise UserError(f"{where} is JSON in another form than canonical_json writes: {text:.80}")


def _check_text(text: str, where: str) -> None:
    if not strict_json.is_unicode(text):
        raise UserError(f"{where} holds a lone surrogate, which is no valid Unicode")


def _refuse(at: int, why: str) -> NoReturn:
    raise MisplacedMessage(at, why)


def _kind(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
