"""The `logprobs` of /v1/completions, as OpenAI's first API had them.

In: tokens with their log-probabilities, as they come. Out: `tokens`, `token_logprobs`,
`top_logprobs` and `text_offset`, where the text before each token ends. A token that is no whole
characters is written as `bytes:\\xe2\\x80`, so that no two are alike.
"""

import codecs
from collections.abc import Collection, Sequence
from typing import Any

from pipeline.tokenizer import Tokenizer


def token_text(tokenizer: Tokenizer, token: int) -> str:
    """A token as text."""
    table = tokenizer.token_bytes
    found = table[token] if token < len(table) else b""
    try:
        return found.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in found)


class CompletionLogprobs:
    """Of one sample.

    Args:
        tokenizer: the model's.
        top: how many of the most likely tokens are told; 0: none.
    """

    def __init__(self, tokenizer: Tokenizer, top: int) -> None:
        self.tokenizer, self.top = tokenizer, top
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._length = 0  # characters of text so far

    def add(
        self,
        tokens: Sequence[int],
        logprobs: Sequence[float | None],
        top_logprobs: Sequence[dict[int, float] | None] | None,
        silent: Collection[int] = (),
    ) -> dict[str, Any]:
        """What there is to tell of the next tokens; `silent` ones give no text."""
        table = self.tokenizer.token_bytes
        offsets: list[int] = []
        for token in tokens:
            offsets.append(self._length)
            if token not in silent and token < len(table):
                self._length += len(self._decoder.decode(table[token]))
        told = None
        if self.top and top_logprobs is not None:
            told = [
                self._top(token, logprob, likely)
                for token, logprob, likely in zip(tokens, logprobs, top_logprobs)
            ]
        return {
            "tokens": [token_text(self.tokenizer, token) for token in tokens],
            "token_logprobs": list(logprobs),
            "top_logprobs": told,
            "text_offset": offsets,
        }

    def _top(
        self, token: int, logprob: float | None, likely: dict[int, float] | None
    ) -> dict[str, float] | None:
        """The most likely tokens in one's place, and the one that is there."""
        if likely is None or logprob is None:
            return None
        found: dict[str, float] = {}
        for other, value in [*likely.items(), (token, logprob)]:
            found.setdefault(token_text(self.tokenizer, other), value)
        return found


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was told of some tokens and of those after them, as one."""
    found: dict[str, Any] = {}
    for part in parts:
        for name, values in part.items():
            before = found.get(name)
            found[name] = values if before is None else [*before, *(values or ())]
    return found
