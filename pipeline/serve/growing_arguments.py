"""The arguments of a call as they are written: what is certain of their one JSON form so far.

In: pieces of an object's JSON text, in whatever form a model writes it (white space, escapes, forms
of numbers). Out: pieces of the text as `chat.messages.canonical_json` writes it; none is taken back
later, and joined they are that text. Characters of a value come as they are known, keys and
numbers when they have ended. Where `canonical_json` refuses, so that a client could not send it
back, this gives what can be sent: of two equal keys the first counts, and a number that float64
can't hold is the nearest that it can.

The text must be JSON so far: a grammar holds it (`grammars.tool_call`).
"""

import json
import math
import re
import sys

_ATOM = re.compile(r"[-+.0-9A-Za-z]+")  # numbers, true, false, null
_PLAIN = re.compile(r'[^"\\]+')  # of a string
_WHITE = " \t\n\r"
_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_REPLACEMENT = "\ufffd"  # for half of a surrogate pair, which no Unicode text holds


class GrowingArguments:
    """One object under way.

    Attributes:
        whole: the object has ended; what follows is none of it.
    """

    def __init__(self) -> None:
        self.whole = False
        self._out: list[str] = []
        self._keys: list[set[str] | None] = []  # of each open object; None: a list
        self._counts: list[int] = []  # values of each open object and list so far
        self._atom = ""
        self._string: list[str] | None = None  # of the key that is read
        self._in_string = self._is_key = False
        self._escape = ""  # of a string, as far as it has come
        self._high = 0  # first half of a surrogate pair
        self._silent = 0  # open objects and lists at a value that isn't told; 0: all is told

    def push(self, text: str) -> str:
        """More of the JSON text; more of its one form."""
        at = 0
        while at < len(text) and not self.whole:
            at = self._in_a_string(text, at) if self._in_string else self._between(text, at)
        told, self._out = "".join(self._out), []
        return told

    def _between(self, text: str, at: int) -> int:
        """Outside of strings: read on from a place; returns the next."""
        if found := _ATOM.match(text, at):
            self._atom += found[0]
            return found.end()
        if self._atom:
            self._begin_value()
            self._tell(_number(self._atom))
            self._atom = ""
            self._end_value()
        character = text[at]
        if character == '"':
            self._open_string()
        elif character in "{[":
            self._begin_value()
            self._tell(character)
            self._keys.append(set() if character == "{" else None)
            self._counts.append(0)
        elif character in "}]":
            self._keys.pop()
            self._counts.pop()
            self._tell(character)
            self._end_value()
            self.whole = not self._keys
        elif character == "," and self._keys[-1] is not None:
            self._is_key = True
        elif character == ":":
            self._is_key = False
        return at + 1

    def _open_string(self) -> None:
        names = self._keys[-1]
        # The first of an object comes after no comma.
        self._is_key = names is not None and (self._is_key or not names)
        self._in_string = True
        if self._is_key:
            self._string = []
        else:
            self._begin_value()
            self._tell('"')

    def _in_a_string(self, text: str, at: int) -> int:
        if self._escape:
            return self._in_an_escape(text, at)
        if text[at] == "\\":
            self._escape = "\\"
            return at + 1
        self._end_pair()
        if text[at] == '"':
            self._close_string()
            return at + 1
        found = _PLAIN.match(text, at)
        assert found is not None
        self._say(found[0])
        return found.end()

    def _in_an_escape(self, text: str, at: int) -> int:
        self._escape += text[at]
        if self._escape[1] != "u":
            self._end_pair()
            self._say(_SHORT[self._escape[1]])
        elif len(self._escape) < len("\\u0000"):
            return at + 1
        else:
            self._take_unit(int(self._escape[2:], 16))
        self._escape = ""
        return at + 1

    def _take_unit(self, unit: int) -> None:
        """A UTF-16 unit of an escape: a character, or half of one."""
        if unit in _LOW and self._high:
            character = chr(0x10000 + (self._high - _HIGH.start) * len(_LOW) + unit - _LOW.start)
            self._high = 0
            self._say(character)
            return
        self._end_pair()
        if unit in _HIGH:
            self._high = unit
        else:
            self._say(_REPLACEMENT if unit in _LOW else chr(unit))

    def _end_pair(self) -> None:
        """No second half has come."""
        if self._high:
            self._high = 0
            self._say(_REPLACEMENT)

    def _say(self, characters: str) -> None:
        """More of the string under way."""
        if self._string is None:
            self._tell(json.dumps(characters, ensure_ascii=False)[1:-1])
        else:
            self._string.append(characters)

    def _close_string(self) -> None:
        self._in_string = False
        if self._string is None:
            self._tell('"')
            self._end_value()
            return
        key, self._string = "".join(self._string), None
        names = self._keys[-1]
        assert names is not None
        if key in names and not self._silent:
            self._silent = len(self._keys)
        names.add(key)
        self._tell((", " if self._counts[-1] else "") + json.dumps(key, ensure_ascii=False) + ": ")

    def _begin_value(self) -> None:
        if self._keys and self._keys[-1] is None and self._counts[-1]:
            self._tell(", ")

    def _end_value(self) -> None:
        self._is_key = False
        if self._silent and self._silent == len(self._keys):
            self._silent = 0
        elif self._counts:
            self._counts[-1] += 1

    def _tell(self, text: str) -> None:
        if not self._silent:
            self._out.append(text)


def _number(text: str) -> str:
    """The one form of a number, `true`, `false` or `null`."""
    try:
        value = json.loads(text)
    except ValueError:  # more digits than Python reads
        return text
    if isinstance(value, float) and math.isinf(value):
        value = math.copysign(sys.float_info.max, value)
    return json.dumps(value)
