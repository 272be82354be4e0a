"""Log-probabilities of tokens in the form of OpenAI's chat and responses endpoints.

In: sampled tokens with what else was likely. Out: objects of token, logprob, bytes, top_logprobs.
A token may be a part of a character: `token` then holds the replacement character, `bytes` the
truth. A token that couldn't come has -9999, as OpenAI writes it: JSON has no infinity.
"""

from collections.abc import Iterable
from typing import Any

from pipeline.serve.reply_events import SampledToken
from pipeline.tokenizer import Tokenizer

IMPOSSIBLE = -9999.0
MOST_TOP_LOGPROBS = 20  # OpenAI's


def token_logprobs(tokens: Iterable[SampledToken], tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """One object for each token; the most likely others first, of equal ones the lowest id."""
    return [
        _named(token.id, token.logprob, tokenizer)
        | {
            "top_logprobs": [
                _named(id_, logprob, tokenizer)
                for id_, logprob in sorted(token.top.items(), key=lambda one: (-one[1], one[0]))
            ]
        }
        for token in tokens
    ]


def _named(id_: int, logprob: float, tokenizer: Tokenizer) -> dict[str, Any]:
    raw = tokenizer.decode_bytes([id_])
    return {
        "token": raw.decode("utf-8", "replace"),
        "logprob": max(logprob, IMPOSSIBLE),
        "bytes": list(raw),
    }
