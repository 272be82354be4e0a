"""Calls as they are written, in a reply whose calls a grammar holds: calls they are, for certain.

In: what follows a reply's first call token, as bytes and as tags. Out: a call's beginning once its
name is known, pieces of its arguments, and the call when it is whole; or cut, where a limit or a
stop string ends the reply in its arguments. The ids are the reader's to give.
"""

import codecs
import json
import re

from pipeline.chat.messages import ToolCall
from pipeline.serve.growing_arguments import GrowingArguments
from pipeline.serve.reply_events import CallBegun, CallMade, CallPiece

CallPart = CallBegun | CallPiece | CallMade

_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*')


class HeldCalls:
    """All calls of one message."""

    def __init__(self) -> None:
        self.begun = 0  # calls whose names are known
        self._parts: list[CallPart] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._inside = False  # between a call's two tags
        self._head = ""  # of the call, until its name is known
        self._name = ""
        self._arguments: GrowingArguments | None = None
        self._told: list[str] = []  # of the arguments

    def open(self) -> None:
        """A call's first tag."""
        self._inside, self._head, self._arguments = True, "", None

    def push(self, raw: bytes) -> None:
        """What is written between tags."""
        text = self._decoder.decode(raw)
        if not self._inside:
            return  # a line break between two calls
        if self._arguments is None:
            self._head += text
            found = _HEAD.match(self._head)
            if found is None or found.end() == len(self._head):
                return  # the next character may be white space as well
            text = self._head[found.end() :]
            self._begin(json.loads(found[1]))
        self._grow(text)

    def close(self) -> None:
        """A call's last tag."""
        self._end(cut=False)

    def cut(self) -> None:
        """The reply has ended."""
        self._end(cut=True)

    def parts(self) -> list[CallPart]:
        """What has become known since this was asked."""
        found, self._parts = self._parts, []
        return found

    def _begin(self, name: str) -> None:
        self._name, self._told = name, []
        self._arguments = GrowingArguments()
        self.begun += 1
        self._parts.append(CallBegun(ToolCall(name, "")))

    def _grow(self, text: str) -> None:
        assert self._arguments is not None
        piece = self._arguments.push(text)
        if piece:
            self._told.append(piece)
            self._parts.append(CallPiece(piece))

    def _end(self, cut: bool) -> None:
        if self._inside and self._arguments is not None:
            call = ToolCall(self._name, "".join(self._told))
            self._parts.append(CallMade(call, cut=cut and not self._arguments.whole))
        self._inside, self._arguments = False, None
