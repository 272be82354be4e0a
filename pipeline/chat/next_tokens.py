"""A page written token by token, with how likely each was and what might have stood in its place.

In: a model's engine, its tokenizer, how the page begins. Out: a `NextToken` for each token, as it
comes. Probabilities are the model's own, at temperature 1 with no token left out, whatever
temperature and cut the tokens are drawn with.
"""

import dataclasses
from collections.abc import Generator

from pipeline.chat.streaming import page_prompt
from pipeline.model.engine import Engine, Sampling, row_keys
from pipeline.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True)
class NextToken:
    """One step."""

    token: int  # that was drawn
    logprob: float  # of it, nats
    likely: dict[int, float]  # the most likely tokens with their log-probabilities, best first


def complete(
    engine: Engine,
    tokenizer: Tokenizer,
    text: str,
    *,
    top: int,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    top_k: int = 0,
    seed: int = 0,
) -> Generator[NextToken, None, None]:
    """The steps of a page that begins with `text`; the same tokens as `streaming.complete` writes.

    Args:
        engine: of a model.
        tokenizer: its own.
        text: how the page begins.
        top: how many of the most likely tokens to name at each step.
        max_new_tokens, temperature, top_k, seed: see `Engine.generate`.

    Yields:
        Each step; that of the stop token, if one comes, is the last.

    Raises:
        UserError: the text doesn't fit into the model's context.
    """
    ids = page_prompt(engine, tokenizer, text)
    settings = Sampling(
        max_new_tokens,
        temperature,
        top_k,
        stop_tokens=tokenizer.stop_tokens,
        top_logprobs=top,
        untruncated_logprobs=True,
    )
    with engine.talk() as batch:
        (row,) = batch.add(ids, settings, row_keys([ids], 1, seed)[0].tolist())
        given = 0
        try:
            while batch.active:
                batch.step(1)
                made = batch.completion(row)
                logprobs, likely = made.untruncated_logprobs or [], made.top_logprobs or []
                while given < len(made.tokens):
                    yield NextToken(made.tokens[given], logprobs[given], likely[given])
                    given += 1
        finally:  # the caller may have seen enough
            batch.cancel(row)
            batch.forget(row)
