"""What a conversation looks like: its text and its control tokens, and back.

In: a checked conversation. Out: pieces, each a text or the name of one control token; and the
conversation, or the assistant's message, that pieces stand for. The form is Qwen3's ChatML with
Hermes tool calls; tokenizer/chat_template.jinja writes the same.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.chat.messages import Conversation, Message, ToolCall, answers, canonical_json, tool
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from storage.errors import UserError
from storage.strict_json import is_unicode

START, STOP, CALL, CALL_END, OUTPUT, OUTPUT_END = CONVERSATION_TOKENS
_TAGS = re.compile("(" + "|".join(map(re.escape, CONVERSATION_TOKENS)) + ")")

# What Qwen3's template says around the tools' definitions.
_TOOLS_HEAD = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
_TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
    f"within {CALL}{CALL_END} XML tags:\n{CALL}\n"
    f'{{"name": <function-name>, "arguments": <args-json-object>}}\n{CALL_END}'
)


class TurnPart(NamedTuple):
    """Some text, or the name of one control token."""

    text: str
    control: bool = False
    learned: bool = False  # written by the assistant


REPLY_HEADER = (TurnPart(START, control=True), TurnPart("assistant\n"))


def pieces(talk: Conversation) -> Iterator[TurnPart]:
    """The conversation in order. Texts that follow each other are to be encoded apart."""
    messages = talk.messages
    if talk.tools:
        stated = f"{messages[0].content}\n\n" if messages[0].role == "system" else ""
        listed = "".join(f"\n{definition}" for definition in talk.tools)
        before, *tail = spelled(_TOOLS_TAIL)
        yield TurnPart(START, control=True)
        yield TurnPart(f"system\n{stated}{_TOOLS_HEAD}{listed}{before.text}")
        yield from tail
        yield from _end(learned=False)
    for at, said in enumerate(messages):
        if said.role == "tool" or (talk.tools and said.role == "system"):
            continue
        if said.role == "assistant":
            yield from REPLY_HEADER
            yield from _written(said)
            yield from _end(learned=True)
        else:
            yield from plain_turn(said)
        outputs = [output.content for output in ready(messages, at)]
        yield from outputs_turn(outputs, whole=len(outputs) == len(said.tool_calls))


def plain_turn(said: Message) -> Iterator[TurnPart]:
    """A turn of somebody else than the assistant, which holds a text alone."""
    yield TurnPart(START, control=True)
    yield TurnPart(f"{said.role}\n{said.content}")
    yield from _end(learned=False)


def outputs_turn(outputs: Sequence[str], whole: bool = True) -> Iterator[TurnPart]:
    """The turn that holds tools' outputs, which ends where all are there; nothing without any."""
    for number, output in enumerate(outputs):
        if number == 0:
            yield TurnPart(START, control=True)
        yield TurnPart("\n" if number else "user\n")
        yield TurnPart(OUTPUT, control=True)
        yield TurnPart(f"\n{output}\n")
        yield TurnPart(OUTPUT_END, control=True)
    if outputs and whole:
        yield from _end(learned=False)


def ready(messages: Sequence[Message], asked: int) -> list[Message]:
    """The tools' outputs for the message at `asked`, up to the first that is missing."""
    found: list[Message] = []
    for answer in answers(messages, asked) if messages[asked].tool_calls else ():
        if answer is None:
            break
        found.append(answer)
    return found


def spelled(text: str) -> list[TurnPart]:
    """The pieces of a text in which what is spelled like a control token is one."""
    return [TurnPart(part, part in CONVERSATION_TOKENS) for part in _TAGS.split(text) if part]


def conversation(parts: Sequence[TurnPart]) -> Conversation:
    """The inverse of `pieces`, but for what `conversation.normal` leaves out.

    Raises:
        UserError: a turn is in no form that `pieces` gives.
    """
    messages: list[Message] = []
    tools: tuple[str, ...] = ()
    for turn in _turns(list(parts)):
        header = turn[0] if turn else TurnPart("")
        role, line, rest = header.text.partition("\n")
        if not line or header.control:
            raise UserError("a turn of the tokens names no role: they are no conversation")
        body = [TurnPart(rest), *turn[1:]] if rest else turn[1:]
        plain = not any(piece.control for piece in body)
        if role == "assistant":
            messages.append(reply(body))
        elif role == "user" and not plain:
            if not messages or messages[-1].role != "assistant":
                raise UserError("a turn with tools' outputs follows no call of tools")
            messages += _outputs(body)
        elif role == "system" and not plain:
            stated, tools = _stated(body)
            messages += stated
        elif role == "tool":
            raise UserError("a turn of 'tool': tools' outputs stand in a user's turn")
        elif plain:
            messages.append(Message(role, rest))
        else:
            raise UserError(f"a turn of {role!r} holds {_first_control(body)}")
    return Conversation(tuple(messages), tools)


def reply(parts: Sequence[TurnPart]) -> Message:
    """The message of what an assistant wrote, without its stop token.

    A sampled reply may have other white space around its calls than `pieces` gives.

    Raises:
        UserError: a tool call is malformed, or there is text after one.
    """
    names = [piece.text if piece.control else "" for piece in parts]
    at = names.index(CALL) if CALL in names else len(parts)
    if any(names[:at]):
        raise UserError(f"a reply holds {_first_control(parts)}")
    content = "".join(piece.text for piece in parts[:at])
    calls: list[ToolCall] = []
    first = at
    while at < len(parts):
        if names[at] == "" and not parts[at].text.strip():
            at += 1
            continue
        if names[at : at + 3] != [CALL, "", CALL_END]:
            raise UserError(f"a reply has {parts[at].text!r:.80} among or after its tool calls")
        calls.append(_call(parts[at + 1].text))
        at += 3
    if first < len(parts):
        content = content.removesuffix("\n")
    return Message("assistant", content, tuple(calls))


def _written(said: Message) -> Iterator[TurnPart]:
    """What the assistant wrote, without its stop token."""
    if said.content:
        yield TurnPart(said.content + ("\n" if said.tool_calls else ""), learned=True)
    for number, call in enumerate(said.tool_calls):
        if number:
            yield TurnPart("\n", learned=True)
        yield TurnPart(CALL, control=True, learned=True)
        body = f'\n{{"name": "{call.name}", "arguments": {call.arguments}}}\n'
        yield TurnPart(body, learned=True)
        yield TurnPart(CALL_END, control=True, learned=True)


def _end(learned: bool) -> Iterator[TurnPart]:
    yield TurnPart(STOP, control=True, learned=learned)
    yield TurnPart("\n")


def _turns(parts: list[TurnPart]) -> Iterator[list[TurnPart]]:
    """What stands between each start and stop token; the last turn may lack its stop."""
    at = 0
    while at < len(parts):
        if parts[at] != TurnPart(START, control=True):
            raise UserError(f"{parts[at].text!r:.80} stands between two turns of the tokens")
        end = at + 1
        while end < len(parts) and parts[end] != TurnPart(STOP, control=True):
            end += 1
        yield parts[at + 1 : end]
        at = end + 1
        if end < len(parts):
            if parts[at : at + 1] != [TurnPart("\n")]:
                raise UserError("a turn of the tokens isn't followed by a line break")
            at += 1


def _outputs(body: list[TurnPart]) -> Iterator[Message]:
    """The tool messages of a turn that holds outputs."""
    frame = [TurnPart(OUTPUT, True), TurnPart(OUTPUT_END, True), TurnPart("\n")]
    whole = [*body, TurnPart("\n")]  # which stands between two of them
    for at in range(0, len(whole), 4):
        start, text, *end = [*whole[at : at + 4], TurnPart("")][:4]
        if [start, *end] != frame or len(text.text) < 2 or {text.text[0], text.text[-1]} != {"\n"}:
            raise UserError("a turn with tools' outputs is in no form that conversations have")
        yield tool(text.text[1:-1])


def _stated(body: list[TurnPart]) -> tuple[list[Message], tuple[str, ...]]:
    """The system message, if any, and the tools of a turn that defines tools."""
    before, *tail = spelled(_TOOLS_TAIL)
    # The last: what the system message says stands before, and JSON holds no line break.
    content, head, rest = body[0].text.rpartition(_TOOLS_HEAD)
    first, *definitions = rest.removesuffix(before.text).split("\n")
    whole = head and rest.endswith(before.text) and body[1:] == tail and definitions and not first
    if not whole or content[-2:] not in ("", "\n\n"):
        raise UserError("a system turn with tools is in no form that conversations have")
    return [Message("system", content[:-2])] if content else [], tuple(definitions)


def _call(text: str) -> ToolCall:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"a tool call is no JSON: {text.strip()!r:.80}") from error
    if not isinstance(found, dict) or set(found) != {"name", "arguments"}:
        raise UserError(f"a tool call needs a name and arguments: {text.strip()!r:.80}")
    name, arguments = found["name"], found["arguments"]
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise UserError(f"a tool call needs a name and an object: {text.strip()!r:.80}")
    written = canonical_json(arguments)
    if not is_unicode(name) or not is_unicode(written):
        raise UserError(
            f"a tool call holds a lone surrogate, no valid Unicode: {text.strip()!r:.80}"
        )
    return ToolCall(name, written)


def _first_control(parts: Sequence[TurnPart]) -> str:
    return next(piece.text for piece in parts if piece.control)
