"""The few places of a text where numbers with many digits may stand: only they are looked at."""

import re

Span = tuple[int, int]

# Six digits, with at most three signs between two of them: in every number with a check digit and
# in every telephone number.
_DIGITS_TOGETHER = re.compile(r"\d(?:[^\d\n]{0,3}\d){5,}")
# Some numbers may have fewer together, and count behind their names only then
_FEW_DIGITS = ("PAN", "pan", "Permanent Account", "PPS", "pps", "IBAN", "iban", "Iban")
_BEFORE, _AFTER = 64, 64  # characters: names of numbers stand before them
_MAX_EDGE = 256  # how far a window's edge moves to stand between words


def digit_windows(text: str) -> list[Span]:
    """Where numbers with many digits may stand, as spans that begin and end between words."""
    places = [match.span() for match in _DIGITS_TOGETHER.finditer(text)]
    for name in _FEW_DIGITS:
        at = text.find(name)
        while at >= 0:
            places.append((at, at + len(name)))
            at = text.find(name, at + 1)
    places.sort()
    windows: list[Span] = []
    for first, last in places:
        start = max(0, first - _BEFORE)
        # not at line breaks: a number's name may stand in the line before
        start = max(text.rfind(" ", max(0, start - _MAX_EDGE), start) + 1, start - _MAX_EDGE, 0)
        end = text.find(" ", last + _AFTER, last + _AFTER + _MAX_EDGE)
        end = min(len(text), last + _AFTER + _MAX_EDGE) if end < 0 else end
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((start, end))
    return windows
