"""Ends of a completion that are text, not tokens: found across token borders, safe in UTF-8.

In: tokens as they come. Out: after which token a row ends, and its text up to the stop string.
Search is in bytes: UTF-8 never finds a string inside another character.
"""

import codecs
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from pipeline.tokenizer import Tokenizer
from storage.errors import UserError


def as_bytes(strings: Sequence[str]) -> list[bytes]:
    if not all(strings):
        raise UserError("a stop string is empty: it would stop everything")
    return [string.encode() for string in strings]


class Watch:
    """One row's text so far and whether a stop string stands in it."""

    def __init__(self, stops: list[bytes], tokenizer: Tokenizer) -> None:
        self.stops, self.table = stops, tokenizer.token_bytes
        self.longest = max(map(len, stops), default=1)
        self.text = bytearray()
        self.ends: list[int] = []  # bytes of text after each token

    def find(self, tokens: Iterable[int]) -> tuple[int, int] | None:
        """(tokens up to the one that completes a stop string, bytes before that string)."""
        start = max(0, len(self.text) - self.longest + 1)
        for token in tokens:
            self.text += self.table[token] if token < len(self.table) else b""
            self.ends.append(len(self.text))
        places = [(self.text.find(stop, start), len(stop)) for stop in self.stops]
        found = [(at, at + length) for at, length in places if at >= 0]
        if not found:
            return None
        last = bisect_left(self.ends, min(end for _, end in found))
        return last + 1, min(at for at, end in found if end <= self.ends[last])

    def held_back(self) -> int:
        """Bytes at the end of the text that may be the beginning of a stop string."""
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
    """Text as tokens come, whole characters only, without what ends it."""
    watch = Watch(as_bytes(stop_strings), tokenizer)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    given, found = 0, None
    for token in tokens:
        if token in stop_tokens:
            break
        found = watch.find([token])
        end = len(watch.text) - watch.held_back() if found is None else found[1]
        piece = decoder.decode(bytes(watch.text[given:end]))
        given = end
        if piece:
            yield piece
        if found is not None:
            break
    last = len(watch.text) if found is None else given
    rest = decoder.decode(bytes(watch.text[given:last]), final=True)
    if rest:
        yield rest
