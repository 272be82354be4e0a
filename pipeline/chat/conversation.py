"""Conversations as tokens: ChatML, with the positions on which a loss is taken.

In: messages and a tokenizer that has the conversation tokens. Out: token ids and a mask of the
same length, 1 where the assistant wrote the token, its stop token `<|im_end|>` included, else 0.
Content is always encoded as plain text, so a user who types `<|im_end|>` writes ten characters and
never closes a turn. The reply's header is encoded apart from the reply, since generation starts
right after it; the other headers are encoded with their text, as Hugging Face's template does.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

START = "<|im_start|>"
STOP = "<|im_end|>"
ROLES = ("system", "user", "assistant")


@dataclasses.dataclass(frozen=True)
class Message:
    """One turn: who speaks (system, user or assistant) and what they say."""

    role: str
    content: str


def system(content: str) -> Message:
    return Message("system", content)


def user(content: str) -> Message:
    return Message("user", content)


def assistant(content: str) -> Message:
    return Message("assistant", content)


def from_rows(rows: Iterable[Mapping[str, str]]) -> list[Message]:
    """Messages from rows of the `conversations` table."""
    return [Message(row["role"], row["content"]) for row in rows]


def render(messages: Sequence[Message], tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """All turns as token ids, and the mask: 1 on the assistant's content and its stop token."""
    check(messages)
    start, stop = tokenizer.special(START), tokenizer.special(STOP)
    newline = tokenizer.encode("\n")
    ids: list[int] = []
    mask: list[int] = []

    def add(tokens: list[int], learned: bool) -> None:
        ids.extend(tokens)
        mask.extend([int(learned)] * len(tokens))

    for message in messages:
        add([start], False)
        if message.role == "assistant":
            add(tokenizer.encode("assistant\n"), False)
            add(tokenizer.encode(message.content), True)
            add([stop], True)
        else:
            add(tokenizer.encode(f"{message.role}\n{message.content}"), False)
            add([stop], False)
        add(newline, False)
    return ids, mask


def prompt(messages: Sequence[Message], tokenizer: Tokenizer) -> list[int]:
    """Token ids up to the point where the assistant's reply begins."""
    ids, _ = render(messages, tokenizer)
    return [*ids, tokenizer.special(START), *tokenizer.encode("assistant\n")]


def check(messages: Sequence[Message]) -> None:
    """System message first if at all, then user and assistant in turn, the user first."""
    if not messages:
        raise UserError("a conversation needs at least one message")
    turns = messages[1:] if messages[0].role == "system" else messages
    for index, message in enumerate(turns):
        expected = "user" if index % 2 == 0 else "assistant"
        if message.role != expected:
            raise UserError(
                f"message {index + 1} of the conversation has role {message.role!r} where "
                f"{expected!r} is due: an optional system message, then user and assistant in turn"
            )


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
