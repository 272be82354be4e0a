"""The few parts of a text that may have numbers with many digits: only they are searched."""

from collections.abc import Iterable

Span = tuple[int, int]

_BEFORE, _AFTER = 64, 64  # characters: a number's name is before it
_MAX_EDGE = 256  # how far a window's edge moves to be between words


def digit_windows(text: str, digits: Iterable[Span]) -> list[Span]:
    """Disjoint spans around runs of digits, in order, that begin and end between words."""
    windows: list[Span] = []
    for first, last in sorted(digits):
        start = max(0, first - _BEFORE)
        # not at line breaks: a number's name may be in the line before
        start = max(text.rfind(" ", max(0, start - _MAX_EDGE), start) + 1, start - _MAX_EDGE, 0)
        end = text.find(" ", last + _AFTER, last + _AFTER + _MAX_EDGE)
        end = min(len(text), last + _AFTER + _MAX_EDGE) if end < 0 else end
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((start, end))
    return windows
