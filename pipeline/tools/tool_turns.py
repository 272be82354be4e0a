"""A reply that may call tools: the model calls, the tools answer, the model goes on.

In: a model's engine, a conversation in which it is the assistant's turn, tools. Out: pieces of text
as they come, each call and each output; and the conversation with what was said. What was read
before isn't read again, where the engine keeps it (`Engine(frozen=True)`). A reply whose calls
can't be read is text and ends the turn. A model that calls for ever is told to stop: after
`most_rounds` rounds of calls their outputs are errors, and whatever it says next is the reply.
"""

import dataclasses
from collections.abc import Generator, Sequence

from pipeline.chat.conversation import STOP, Conversation, assistant, parse_reply
from pipeline.chat.layout import CALL
from pipeline.chat.messages import Message, ToolCall, as_conversation
from pipeline.chat.streaming import fit
from pipeline.model.engine import Engine
from pipeline.model.stop_strings import pieces
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import ERROR, Toolbox, messages
from storage.errors import UserError

TOO_MANY = ToolOutput(f"{ERROR}too many calls: answer without", "limit")

Said = str | ToolCall | ToolOutput


def reply(
    engine: Engine,
    tokenizer: Tokenizer,
    talk: Conversation | Sequence[Message],
    toolbox: Toolbox,
    *,
    most_rounds: int = 4,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    top_k: int = 0,
    seed: int = 0,
) -> Generator[Said, None, Conversation]:
    """The assistant's turn, with as many calls as it takes.

    Args:
        engine: of a model that chats.
        tokenizer: its own.
        talk: the conversation so far. The toolbox's tools are the ones that it states.
        toolbox: answers calls.
        most_rounds: of calls that are answered; calls of one round run side by side.
        max_new_tokens: of each round's text and calls together.
        temperature, top_k, seed: see `Engine.generate`.

    Returns:
        The conversation with the turn's messages.

    Raises:
        UserError: the model has no conversation tokens, or the conversation is too long for it.
    """
    if not tokenizer.has_conversation_tokens:
        raise UserError("this model has no conversation tokens: it can't call tools")
    whole = dataclasses.replace(as_conversation(talk), tools=toolbox.definitions)
    stop, call = tokenizer.special(STOP), tokenizer.special(CALL)
    for number in range(most_rounds + 2):
        try:
            ids = fit(whole, tokenizer, engine.model.config.max_context, max_new_tokens)
        except UserError as error:
            raise UserError(f"with the tools' definitions and outputs {error}") from error
        stream = engine.stream(
            ids,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            stop_tokens=(stop,),
            seed=seed,
        )
        written: list[int] = []
        yield from pieces(_before_calls(stream, (stop, call), written), tokenizer)
        written += stream
        said = _message(written, tokenizer)
        if not said.tool_calls or number > most_rounds:
            return _with(whole, assistant(said.content))
        yield from said.tool_calls
        given = said.tool_calls
        outputs = toolbox.answer_all(given) if number < most_rounds else [TOO_MANY] * len(given)
        yield from outputs
        whole = _with(whole, said, *messages(given, outputs))
    raise AssertionError("the last round returns")


def _before_calls(
    stream: Generator[int, None, None], ends: tuple[int, int], written: list[int]
) -> Generator[int, None, None]:
    """Tokens up to the first call or the end, all of which are noted."""
    for token in stream:
        written.append(token)
        if token in ends:
            return
        yield token


def _message(written: list[int], tokenizer: Tokenizer) -> Message:
    try:
        return parse_reply(written, tokenizer)
    except UserError:  # no call that could be answered
        control = {tokenizer.special(name) for name in CONVERSATION_TOKENS}
        return assistant(tokenizer.decode([token for token in written if token not in control]))


def _with(talk: Conversation, *said: Message) -> Conversation:
    return dataclasses.replace(talk, messages=(*talk.messages, *said))
