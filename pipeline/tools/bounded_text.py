"""A text that keeps its beginning and its end however much comes: what a tool prints.

A program's first lines say what it does and its last ones what came out, so the middle goes.
"""

import codecs
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HEAD = 2 / 3  # of the bytes that are kept; ours


class BoundedText:
    """Takes bytes of UTF-8, keeps as many as it may, and says how many it left out."""

    def __init__(self, max_bytes: int) -> None:
        self._head_bytes = int(max_bytes * HEAD)
        self._tail_bytes = max_bytes - self._head_bytes
        self._head, self._tail = bytearray(), bytearray()
        self.total_bytes = 0

    def add(self, piece: bytes) -> None:
        self.total_bytes += len(piece)
        room = self._head_bytes - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        self._tail += piece
        if len(self._tail) > 2 * self._tail_bytes:  # not moved for every few bytes
            del self._tail[: -self._tail_bytes]

    @property
    def text(self) -> str:
        """What was kept, with a note in place of what was not. Control characters but for tabs and
        line breaks are left out: no terminal shall obey a program.
        """
        tail = bytes(self._tail[-self._tail_bytes :])
        lost = self.total_bytes - len(self._head) - len(tail)
        if not lost:
            return _clean(bytes(self._head) + tail)
        # No character is cut in two.
        head = codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(self._head))
        tail = tail.lstrip(bytes(range(0x80, 0xC0)))
        return f"{_clean(head)}\n[… {lost:,} bytes left out …]\n{_clean(tail)}"


def bounded(text: str, max_bytes: int) -> str:
    """A text within its bytes, the middle left out; the note about that comes on top."""
    kept = BoundedText(max_bytes)
    kept.add(text.encode(errors="replace"))
    return kept.text


def _clean(kept: bytes | str) -> str:
    text = kept if isinstance(kept, str) else kept.decode(errors="replace")
    # One byte for what was none: the text must not grow.
    return _CONTROL.sub("", text.replace("\ufffd", "?"))
