"""A reply that may call tools, as it is written: one turn of `tool_batch`, piece by piece.

In: a model's engine, a conversation in which it is the assistant's turn, tools. Out: pieces of text
as they come, each call and each output; and the conversation with what was said. What was read
before isn't read again, where the engine keeps it (`Engine(frozen=True)`).
"""

import dataclasses
from collections.abc import Generator, Sequence

from pipeline.chat.conversation import STOP, Conversation
from pipeline.chat.layout import CALL
from pipeline.chat.messages import Message, ToolCall, as_conversation
from pipeline.chat.streaming import fit
from pipeline.model.engine import Engine, Sampling, row_keys
from pipeline.model.stop_strings import pieces
from pipeline.tokenizer import Tokenizer
from pipeline.tools.tool import ToolOutput
from pipeline.tools.tool_batch import MOST_ROUNDS, ToolBatch
from pipeline.tools.toolbox import Toolbox
from storage.errors import UserError

# For outputs the oldest turns make room: an output's 4,096 bytes, or this part of a small context.
OUTPUT_TOKENS, OUTPUT_SHARE = 1_024, 1 / 8

Said = str | ToolCall | ToolOutput


def reply(
    engine: Engine,
    tokenizer: Tokenizer,
    talk: Conversation | Sequence[Message],
    toolbox: Toolbox,
    *,
    most_rounds: int = MOST_ROUNDS,
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
        max_new_tokens: of the turn's texts and calls together.
        temperature, top_k, seed: see `Engine.generate`.

    Returns:
        The conversation with the turn's messages.

    Raises:
        UserError: the model has no conversation tokens, or the conversation or what tools gave is
            too long for it.
    """
    if not tokenizer.has_conversation_tokens:
        raise UserError("this model has no conversation tokens: it can't call tools")
    whole = dataclasses.replace(as_conversation(talk), tools=toolbox.definitions)
    context = engine.model.config.max_context
    try:
        outputs = min(OUTPUT_TOKENS, int(context * OUTPUT_SHARE))
        ids = fit(whole, tokenizer, context, max_new_tokens + outputs)
    except UserError as error:
        raise UserError(f"with the tools' definitions {error}") from error
    settings = Sampling(max_new_tokens, temperature, top_k)
    with engine.talk() as batch:
        turns = ToolBatch(batch, tokenizer, toolbox, most_rounds)
        (row,) = turns.add(ids, settings, row_keys([ids], 1, seed)[0].tolist())
        try:
            while turns.active:
                yield from pieces(_before_calls(turns, tokenizer), tokenizer)
                yield from turns.waiting
                yield from turns.answer()
            said = turns.reply(row)
        finally:  # the caller may have heard enough
            turns.cancel(row)
    if said.ended == "context":
        raise UserError(
            f"what the tools gave leaves no room for a reply in the model's context of {context}"
            " tokens: ask for less"
        )
    return dataclasses.replace(whole, messages=(*whole.messages, *said.messages))


def _before_calls(turns: ToolBatch, tokenizer: Tokenizer) -> Generator[int, None, None]:
    """Tokens of a text as they come; when all have come, calls wait or the turn has ended."""
    stop, call = tokenizer.special(STOP), tokenizer.special(CALL)
    shown = True
    while turns.batch.active:
        for event in turns.step(1):
            for token in event.tokens:
                shown = shown and token not in (stop, call)
                if shown:
                    yield token
