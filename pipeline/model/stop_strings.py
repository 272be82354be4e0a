"""Stop strings: texts that end a completion, found across the borders of tokens.

In: tokens as they come. Out: after which token a row ends, and its text up to the stop string.
The search is in bytes: in UTF-8 a string is never found inside another character.
"""

import codecs
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from pipeline.tokenizer import Tokenizer
from storage.errors import UserError


def as_bytes(strings: Sequence[str]) -> list[bytes]:
    """The strings in UTF-8.

    Raises:
        UserError: one is empty.
    """
    if not all(strings):
        raise UserError("a stop string is empty: it would stop everything")
    return [string.encode() for string in strings]


class StopStringFinder:
    """One row's text so far, searched for stop strings."""

    def __init__(self, stops: list[bytes], tokenizer: Tokenizer) -> None:
        self.stops, self.table = stops, tokenizer.token_bytes
        self.longest = max(map(len, stops), default=1)
        self.text = bytearray()
        self.ends: list[int] = []  # bytes of text after each token; of no use without stops

    def find(self, tokens: Iterable[int]) -> tuple[int, int] | None:
        """Append tokens to the text and look for a stop string.

        Returns:
            The number of tokens up to the one that completes it, and of bytes before it; None if
            there is none.
        """
        table, known = self.table, len(self.table)
        if not self.stops:  # as most rows of a server: half the time that a loop takes
            self.text += b"".join([table[token] for token in tokens if token < known])
            return None
        start = max(0, len(self.text) - self.longest + 1)
        for token in tokens:
            self.text += table[token] if token < known else b""
            self.ends.append(len(self.text))
        matches = [(self.text.find(stop, start), len(stop)) for stop in self.stops]
        found = [(at, at + length) for at, length in matches if at >= 0]
        if not found:
            return None
        last = bisect_left(self.ends, min(end for _, end in found))
        return last + 1, min(at for at, end in found if end <= self.ends[last])

    def held_back(self) -> int:
        """How many bytes at the end of the text may be the beginning of a stop string."""
        for count in range(min(self.longest - 1, len(self.text)), 0, -1):
            tail = bytes(self.text[-count:])
            if any(stop.startswith(tail) for stop in self.stops):
                return count
        return 0


def pieces(
    tokens: Iterable[int],
    tokenizer: Tokenizer,
    stop_strings: Sequence[str] = (),
    stop_tokens: Sequence[int] = (),
) -> Iterator[str]:
    """Text as tokens come, in whole characters, without the stop token or stop string."""
    finder = StopStringFinder(as_bytes(stop_strings), tokenizer)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    given, found = 0, None
    for token in tokens:
        if token in stop_tokens:
            break
        found = finder.find([token])
        end = len(finder.text) - finder.held_back() if found is None else found[1]
        piece = decoder.decode(bytes(finder.text[given:end]))
        given = end
        if piece:
            yield piece
        if found is not None:
            break
    last = len(finder.text) if found is None else given
    rest = decoder.decode(bytes(finder.text[given:last]), final=True)
    if rest:
        yield rest
