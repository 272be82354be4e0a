"""What was worked out already, a leaderboard say: of ten thousand votes it takes two seconds.

It doesn't change before the store does. (A lake keeps answers itself: `LakeReader.rows`.)
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")

MOST_KEPT = 64  # some kilobytes each; ours


class _Result:
    """Being worked out, or there."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: Any = None
        self.is_there = False


class KeptResults:
    """Of one application; from several threads at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Result] = {}  # what was asked for longest ago first

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, or gave when the same key was asked for last.

        Args:
            key: all that the result depends on.
            make: works it out; whoever else wants the same waits meanwhile. What it raises is not
                kept.
        """
        with self._lock:
            result = self._kept.pop(key, None) or _Result()
            self._kept[key] = result
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        with result.lock:
            if not result.is_there:
                result.value, result.is_there = make(), True
            found: T = result.value
        return found


def results_of(request: Request) -> KeptResults:
    """The application's."""
    found: KeptResults = request.app.state.results
    return found
