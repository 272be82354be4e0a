"""What happens while a reply is written, in the order in which it happens.

The endpoints for chat and for responses write the same happenings in different forms, streamed or
at once. Of each round of a reply: pieces of text, then calls; after calls that the server answers,
their outputs and the next round; at the very end why it ended. A call comes whole, unless a grammar
holds the reply to calls that can be read: then as it is written, its name first.
"""

import dataclasses
import hashlib
from typing import Literal

from pipeline.chat.messages import ToolCall
from pipeline.tools.tool import ToolOutput

# As OpenAI names them: a stop token or string came; a limit of tokens, of rounds of calls or the
# context's end was met; the client is to answer calls.
FinishReason = Literal["stop", "length", "tool_calls"]


@dataclasses.dataclass(frozen=True)
class SampledToken:
    """A token of a reply with what was likely in its place.

    Args:
        id: of the token.
        logprob: nats.
        top: the most likely tokens there with theirs.
    """

    id: int
    logprob: float
    top: dict[int, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class TextPiece:
    """More text. `tokens`, where asked for, are those that came; a character may need more."""

    text: str
    tokens: tuple[SampledToken, ...] = ()


@dataclasses.dataclass(frozen=True)
class CallBegun:
    """A call, with its id, that is being written: its arguments are still empty."""

    call: ToolCall


@dataclasses.dataclass(frozen=True)
class CallPiece:
    """More of the arguments of the call that began last."""

    arguments: str


@dataclasses.dataclass(frozen=True)
class CallMade:
    """A call, with its id and arguments, that the client is to answer, or the server.

    Args:
        call: the same that has begun, if one has.
        served: the server answers it.
        cut: the reply ended within its arguments: they are no JSON.
    """

    call: ToolCall
    served: bool = False
    cut: bool = False


@dataclasses.dataclass(frozen=True)
class CallAnswered:
    """What the server's tool gave for a call."""

    call: ToolCall
    output: ToolOutput


@dataclasses.dataclass(frozen=True)
class ReplyOver:
    """The end, and the tokens of it.

    Args:
        reason: of the end.
        sampled: tokens that the model wrote.
        forced: tokens of outputs of the server's tools and what stands around them.
    """

    reason: FinishReason
    sampled: int
    forced: int = 0


ReplyEvent = TextPiece | CallBegun | CallPiece | CallMade | CallAnswered | ReplyOver


def call_id(key: int, number: int) -> str:
    """The id of a row's call: the same whenever the same reply is made.

    Args:
        key: to the row's random numbers (`rows.row_keys`), so of seed, prompt and sample.
        number: of the call in the row, from 0.
    """
    digest = hashlib.blake2b(f"{key}:{number}".encode(), digest_size=12)
    return f"call_{digest.hexdigest()}"
