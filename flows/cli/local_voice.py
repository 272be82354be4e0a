"""A model in this process as a `Voice`: loaded once, its weights and what it has read kept."""

import dataclasses
import functools
from collections.abc import Generator, Iterator, Sequence

from flows.cli.models import find_model
from flows.cli.voice import Said, SamplingOptions, TokenChoice, TokenStep
from pipeline.chat import next_tokens, streaming
from pipeline.chat.conversation import assistant
from pipeline.chat.messages import Message
from pipeline.model.engine import Engine
from pipeline.tokenizer import Tokenizer
from pipeline.tools import tool_turns
from pipeline.tools.toolbox import Toolbox
from storage import Lake
from storage.errors import UserError


def loaded(lake: str, name: str) -> tuple[Engine, Tokenizer]:
    """The engine of a model, and its tokenizer."""
    from pipeline.export import load

    model, tokenizer = load(find_model(Lake(lake), name))
    return Engine(model, frozen=True), tokenizer


@dataclasses.dataclass(frozen=True)
class LocalVoice:
    """A loaded model."""

    engine: Engine
    tokenizer: Tokenizer
    lake: str  # where other models are looked for
    name: str
    talks: bool = True
    toolbox: Toolbox | None = None

    @classmethod
    def of(
        cls, lake: str, name: str, *, talks: bool = True, toolbox: Toolbox | None = None
    ) -> "LocalVoice":
        """A model by name; one that can't talk is refused before anybody says anything.

        Raises:
            UserError: there is none of this name, or it can't talk.
        """
        engine, tokenizer = loaded(lake, name)
        if talks and not tokenizer.has_conversation_tokens:
            raise UserError(
                "this model has no conversation tokens: use `complete`, or chat with sft, rl or"
                " rlhf"
            )
        return cls(engine, tokenizer, lake, name, talks, toolbox)

    def other(self, name: str) -> "LocalVoice":
        """See `Voice`."""
        return LocalVoice.of(self.lake, name, talks=self.talks, toolbox=self.toolbox)

    def reply(
        self, asked: Sequence[Message], options: SamplingOptions
    ) -> Generator[Said, None, list[Message]]:
        """See `Voice`."""
        if self.toolbox is not None:
            talk = yield from tool_turns.reply(
                self.engine, self.tokenizer, asked, self.toolbox, **options
            )
            return list(talk.messages)
        said = []
        for piece in streaming.reply(self.engine, self.tokenizer, asked, **options):
            said.append(piece)
            yield piece
        return [*asked, assistant("".join(said))]

    def complete(self, text: str, options: SamplingOptions) -> Iterator[str]:
        """See `Voice`."""
        return streaming.complete(self.engine, self.tokenizer, text, **options)

    def steps(self, text: str, options: SamplingOptions, top: int) -> Iterator[TokenStep]:
        """See `Voice`."""
        choice = functools.partial(_choice, self.tokenizer)
        stops = self.tokenizer.stop_tokens
        for step in next_tokens.complete(self.engine, self.tokenizer, text, top=top, **options):
            likely = tuple(choice(token, logprob) for token, logprob in step.likely.items())
            yield TokenStep(choice(step.token, step.logprob), likely, step.token in stops)


def _choice(tokenizer: Tokenizer, token: int, logprob: float) -> TokenChoice:
    """A token as people read it."""
    table = tokenizer.token_bytes
    raw = table[token] if token < len(table) else b""
    try:
        text: str | None = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    return TokenChoice(text, raw, logprob, token)
