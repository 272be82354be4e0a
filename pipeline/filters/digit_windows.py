"""The few places of a text where numbers with many digits may stand: only they are looked at."""

from collections.abc import Iterable

Span = tuple[int, int]

_BEFORE, _AFTER = 64, 64  # characters: names of numbers stand before them
_MAX_EDGE = 256  # how far a window's edge moves to stand between words


def digit_windows(text: str, places: Iterable[Span]) -> list[Span]:
    """What stands around the places of digits, as spans that begin and end between words."""
    windows: list[Span] = []
    for first, last in sorted(places):
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
