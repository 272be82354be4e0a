"""What was worked out already of a store: a leaderboard of ten thousand votes takes two seconds."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")

MOST_KEPT = 16  # a leaderboard is some kilobytes; ours


class KeptResults:
    """Of one application; from several threads at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, Any] = {}  # what was asked for longest ago first

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, or gave when the same key was asked for last.

        Args:
            key: all that the result depends on.
            make: works it out; whoever else wants a result waits meanwhile, since it would take
                as long to work it out beside this one.
        """
        with self._lock:
            found: T = self._kept.pop(key) if key in self._kept else make()
            self._kept[key] = found
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return found


def results_of(request: Request) -> KeptResults:
    """The application's."""
    found: KeptResults = request.app.state.results
    return found
