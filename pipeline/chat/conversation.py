r"""Conversations as tokens: Qwen3's ChatML with Hermes tool calls, and where a loss is taken.

In: a conversation (`messages`) and a tokenizer that has the conversation tokens. Out: token ids and
a mask of the same length, 1 where the assistant wrote the token, its calls and its stop token
`<|im_end|>` included, else 0; and back from ids to the conversation.

Ids and mask are those of the exported chat template, with two exceptions on purpose. Content is
always encoded as plain text, so a user who types `<|im_end|>`, or a tool that outputs it, writes
ten characters and never closes a turn; programs that render to text first read the token. And the
reply's header is encoded apart from the reply, since generation starts right after it: the line
break that ends the header is never one token with white space that begins the reply.

A conversation's first k messages are rendered as the beginning of all of it, whatever k is, so a
cache of what was read stays valid: no earlier turn is rewritten (Qwen3's own template drops earlier
`<think>`), and the turn that holds the tools' outputs stays open until every call is answered.
Hermes' format has no ids: outputs are rendered in the order of their calls, each once those before
it are there. `decode(render(c)[0]) == normal(c)`.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from pipeline.chat import layout
from pipeline.chat.layout import START, STOP, TurnPart
from pipeline.chat.messages import (
    Conversation,
    Message,
    ToolCall,
    as_conversation,
    assistant,
    canonical_json,
    check,
    check_reply_due,
    from_row,
    system,
    to_row,
    tool,
    user,
)
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS

__all__ = [
    "START",
    "STOP",
    "Conversation",
    "Message",
    "ToolCall",
    "after_calls",
    "after_reply",
    "assistant",
    "canonical_json",
    "check",
    "decode",
    "from_row",
    "mask_of",
    "normal",
    "parse_reply",
    "prompt",
    "render",
    "spans",
    "system",
    "to_row",
    "tool",
    "user",
]


def render(
    talk: Conversation | Sequence[Message], tokenizer: Tokenizer
) -> tuple[list[int], list[int]]:
    """All turns as token ids, and the mask: 1 on what the assistant wrote and its stop token.

    Raises:
        UserError: the conversation is not in order (`check`), or the tokenizer lacks a token.
    """
    whole = as_conversation(talk)
    check(whole)
    return _encode(list(layout.pieces(whole)), tokenizer)


def prompt(talk: Conversation | Sequence[Message], tokenizer: Tokenizer) -> list[int]:
    """Token ids up to the point where the assistant's reply begins.

    Raises:
        UserError: as `render`, or it is not the assistant's turn.
    """
    whole = as_conversation(talk)
    check_reply_due(whole)
    return _encode([*layout.pieces(whole), *layout.REPLY_HEADER], tokenizer)[0]


def after_calls(outputs: Sequence[str], tokenizer: Tokenizer) -> list[int]:
    """Token ids from the stop token of a turn that called tools to where the next reply begins.

    With them appended, the tokens of a conversation up to its calls are `prompt` of the
    conversation with the outputs.

    Args:
        outputs: of all the turn's calls, in their order; texts, in which no token is read.
        tokenizer: with conversation tokens.
    """
    line_break = TurnPart("\n")  # which ends every turn
    return _encode([line_break, *layout.outputs_turn(outputs), *layout.REPLY_HEADER], tokenizer)[0]


def after_reply(text: str, tokenizer: Tokenizer) -> list[int]:
    """Token ids from the stop token of a reply to where the next one begins, after a user's turn.

    With them appended, the tokens of a conversation up to its last reply are `prompt` of the
    conversation with what the user says then.

    Args:
        text: of the user, in which no token is read.
        tokenizer: with conversation tokens.
    """
    line_break = TurnPart("\n")  # which ends every turn
    turn = layout.plain_turn(user(text))
    return _encode([line_break, *turn, *layout.REPLY_HEADER], tokenizer)[0]


def decode(ids: Sequence[int], tokenizer: Tokenizer) -> Conversation:
    """The conversation of ids that `render` gave, in the form of `normal`.

    A tokenizer that changes text (Qwen's own composes characters, NFC) gives the changed text.

    Raises:
        UserError: they are no turns, or a turn is in no form that `render` gives.
    """
    found = layout.conversation(_decode(ids, tokenizer))
    check(found)
    return found


def parse_reply(reply: str | Sequence[int], tokenizer: Tokenizer) -> Message:
    """The assistant's message that a model wrote after `prompt`.

    Args:
        reply: its ids, with or without the stop token; or its text, in which what is spelled like
            a control token is one.
        tokenizer: of the ids.

    Raises:
        UserError: a tool call is malformed, or the reply goes on after a call or after its end.
    """
    pieces = layout.spelled(reply) if isinstance(reply, str) else _decode(reply, tokenizer)
    if pieces and pieces[-1] == TurnPart(STOP, control=True):
        pieces.pop()
    return layout.reply(pieces)


def normal(talk: Conversation | Sequence[Message]) -> Conversation:
    """The conversation as its tokens tell it: without ids, tools' outputs in their calls' order.

    A conversation that ends among tools' outputs is without those that aren't rendered yet.
    """
    whole = as_conversation(talk)
    messages: list[Message] = []
    for at, said in enumerate(whole.messages):
        if said.role != "tool":
            calls = tuple(dataclasses.replace(call, id="") for call in said.tool_calls)
            messages.append(dataclasses.replace(said, tool_calls=calls))
            messages += [tool(output.content) for output in layout.ready(whole.messages, at)]
    return dataclasses.replace(whole, messages=tuple(messages))


def spans(mask: Sequence[int]) -> list[list[int]]:
    """The mask as [start, end) positions: how the `conversations` table stores it."""
    found: list[list[int]] = []
    for position, value in enumerate(mask):
        if not value:
            continue
        if found and found[-1][1] == position:
            found[-1][1] = position + 1
        else:
            found.append([position, position + 1])
    return found


def mask_of(loss_spans: Iterable[Sequence[int]], length: int) -> list[int]:
    """The inverse of `spans`."""
    mask = [0] * length
    for start, end in loss_spans:
        mask[start:end] = [1] * (end - start)
    return mask


def _encode(pieces: Sequence[TurnPart], tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    texts = iter(tokenizer.encode_batch([piece.text for piece in pieces if not piece.control]))
    ids: list[int] = []
    mask: list[int] = []
    for piece in pieces:
        tokens = [tokenizer.special(piece.text)] if piece.control else next(texts)
        ids += tokens
        mask += [int(piece.learned)] * len(tokens)
    return ids, mask


def _decode(ids: Sequence[int], tokenizer: Tokenizer) -> list[TurnPart]:
    """The inverse of `_encode`, but for the mask; texts that follow each other come as one."""
    known = tokenizer.special_tokens
    controls = {known[name]: name for name in CONVERSATION_TOKENS if name in known}
    pieces: list[TurnPart] = []
    text: list[int] = []
    for id in [*ids, None]:
        if id is not None and id not in controls:
            text.append(id)
            continue
        if text:
            pieces.append(TurnPart(tokenizer.decode(text)))
            text = []
        if id is not None:
            pieces.append(TurnPart(controls[id], control=True))
    return pieces
