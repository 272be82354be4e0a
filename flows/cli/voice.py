"""Who writes in the terminal: a model in this process, or a server somewhere.

A `Voice` goes on with pages and answers conversations, piece by piece, whichever of the two it is.
"""

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import Protocol, TypedDict

from pipeline.chat.messages import Message, ToolCall
from pipeline.tools.tool import ToolOutput

Said = str | ToolCall | ToolOutput  # a piece of text, a call, what it gave


class SamplingOptions(TypedDict):
    """How a voice is to write, as `pipeline.chat.streaming` takes it."""

    max_new_tokens: int
    temperature: float
    top_k: int
    seed: int


@dataclasses.dataclass(frozen=True)
class TokenChoice:
    """A token and how likely the model held it to be, at temperature 1 with none left out."""

    text: str | None  # None: its bytes are no whole characters
    raw: bytes
    logprob: float  # nats
    id: int | None = None  # None: the server doesn't say


@dataclasses.dataclass(frozen=True)
class TokenStep:
    """One step of a page: what was drawn, and the most likely tokens in its place, best first."""

    drawn: TokenChoice
    likely: tuple[TokenChoice, ...]
    ends: bool = False  # a stop token was drawn, which is no text of the page


class Voice(Protocol):
    """A model that writes."""

    @property
    def name(self) -> str:
        """What people call it."""

    def reply(
        self, asked: Sequence[Message], options: SamplingOptions
    ) -> Generator[Said, None, list[Message]]:
        """The assistant's turn, piece by piece; returns all messages with those of the turn."""

    def complete(self, text: str, options: SamplingOptions) -> Iterator[str]:
        """A page that begins with `text`, piece by piece."""

    def steps(self, text: str, options: SamplingOptions, top: int) -> Iterator[TokenStep]:
        """The same, token by token, each with the `top` most likely ones."""

    def other(self, name: str) -> "Voice":
        """Another model at the same place."""
