"""Talking in a terminal: text as it is generated, character by character safe.

In: a model's engine, its tokenizer and the conversation (or page) so far. Out: pieces of text. A
character whose bytes span two tokens is held back until it is whole; a conversation too long for
the context loses its oldest turns, never its system message or the last question.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from pipeline.chat.conversation import STOP, Conversation, Message, prompt
from pipeline.chat.messages import as_conversation
from pipeline.model.engine import Engine
from pipeline.model.stop_strings import pieces
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError


def reply(
    engine: Engine,
    tokenizer: Tokenizer,
    talk: Conversation | Sequence[Message],
    *,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    top_k: int = 0,
    seed: int = 0,
) -> Iterator[str]:
    """The assistant's reply to a conversation in which it is its turn, piece by piece.

    It ends where the context is full, however many tokens were asked for.
    """
    if not tokenizer.has_conversation_tokens:
        raise UserError(
            "this model has no conversation tokens: use `complete`, or chat with sft, rl or rlhf"
        )
    ids = fit(talk, tokenizer, engine.model.config.max_context, max_new_tokens)
    stop = tokenizer.special(STOP)
    yield from _pieces(engine, tokenizer, ids, (stop,), max_new_tokens, temperature, top_k, seed)


def complete(
    engine: Engine,
    tokenizer: Tokenizer,
    text: str,
    *,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    top_k: int = 0,
    seed: int = 0,
) -> Iterator[str]:
    """The continuation of a page that begins with `text`, piece by piece."""
    ids = page_prompt(engine, tokenizer, text)
    stops = tokenizer.stop_tokens
    yield from _pieces(engine, tokenizer, ids, stops, max_new_tokens, temperature, top_k, seed)


def page_prompt(engine: Engine, tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a page that begins with `text`.

    Raises:
        UserError: they leave no room in the model's context.
    """
    ids = [tokenizer.document_token, *tokenizer.encode(text)]
    context = engine.model.config.max_context
    if len(ids) >= context:
        raise UserError(
            f"the text has {len(ids)} tokens and the model's context is {context}: shorten it"
        )
    return ids


def fit(
    talk: Conversation | Sequence[Message], tokenizer: Tokenizer, context: int, max_new_tokens: int
) -> list[int]:
    """The prompt, without as many of the oldest turns as it takes to leave room for a reply.

    A reply as long as the context would leave no turn: half of it is room enough. The last question
    is never dropped, nor what tools were asked for it: the reply to a long one gets what is left.
    """
    room = max_new_tokens if max_new_tokens < context else context // 2
    whole = as_conversation(talk)
    kept = list(whole.messages)
    first = 1 if kept and kept[0].role == "system" else 0
    while True:
        ids = prompt(dataclasses.replace(whole, messages=tuple(kept)), tokenizer)
        if len(ids) + room <= context:
            return ids
        asked = [at for at, said in enumerate(kept) if said.role == "user"]
        if len(asked) < 2:
            break
        del kept[first : asked[1]]  # a question, its answer, and the tools' outputs between
    if len(ids) >= context:
        raise UserError(
            f"the message has {len(ids)} tokens and the model's context is {context}: shorten it"
        )
    return ids


def _pieces(
    engine: Engine,
    tokenizer: Tokenizer,
    ids: list[int],
    stops: tuple[int, ...],
    max_new_tokens: int,
    temperature: float,
    top_k: int,
    seed: int,
) -> Iterator[str]:
    tokens = engine.stream(
        ids,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        stop_tokens=stops,
        seed=seed,
    )
    yield from pieces(tokens, tokenizer, stop_tokens=stops)
