"""Text of tokens as they come: whole characters, without the stop string or what may become one.

The other way round than `stop_strings.pieces`, which pulls its tokens: here they are pushed.
"""

import codecs
from collections.abc import Sequence

from pipeline.model.stop_strings import StopStringFinder, as_bytes
from pipeline.tokenizer import Tokenizer


class TextStream:
    """One sample's text.

    Args:
        tokenizer: of the model.
        stop_strings: the text ends before the first of them.
        stop_tokens: the text ends with one of them, which gives no text.

    Raises:
        UserError: a stop string is empty.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        stop_strings: Sequence[str] = (),
        stop_tokens: Sequence[int] = (),
    ) -> None:
        self.ended = False  # by a stop string or token: what comes after is no text
        self._stop_tokens = frozenset(stop_tokens)
        self._finder = StopStringFinder(as_bytes(stop_strings), tokenizer)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._given = 0  # bytes

    def begin(self, before: bytes) -> str:
        """Text that comes first, in which no stop string is looked for, as far as it is whole."""
        return self._decoder.decode(before)

    def push(self, tokens: Sequence[int]) -> str:
        """The text that is certain now."""
        if self.ended:
            return ""
        kept = tokens
        if self._stop_tokens and not self._stop_tokens.isdisjoint(tokens):
            at = next(n for n, token in enumerate(tokens) if token in self._stop_tokens)
            kept, self.ended = tokens[:at], True
        found = self._finder.find(kept)
        if found is not None:
            self.ended = True
            return self._decode(found[1], final=True)
        if self.ended:
            return self._decode(len(self._finder.text), final=True)
        return self._decode(len(self._finder.text) - self._finder.held_back())

    def finish(self) -> str:
        """What was held back: no more tokens come."""
        if self.ended:
            return ""
        self.ended = True
        return self._decode(len(self._finder.text), final=True)

    def _decode(self, end: int, final: bool = False) -> str:
        piece = self._decoder.decode(bytes(self._finder.text[self._given : end]), final)
        self._given = max(self._given, end)
        return piece
