"""Whose prompt runs next: first come, first served for each client, rows shared among clients.

Pure bookkeeping. In: prompts with the rows that each needs, rows that have ended. Out: the next one
that there are rows for. The client with the fewest rows under way is served first, of equal ones
the one whose prompt came first; nobody overtakes the one whose turn it is, however many rows that
one needs, so none waits for ever.
"""

import dataclasses
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class QueueFull(Exception):
    """There is no room; nothing was added."""


@dataclasses.dataclass(frozen=True)
class _Place(Generic[T]):
    item: T
    rows: int
    number: int  # in the order in which all came


class FairQueue(Generic[T]):
    """Prompts that wait, and how many rows each client has.

    Args:
        most: that wait.
        most_per_client: of one client.
    """

    def __init__(self, most: int, most_per_client: int) -> None:
        self.most, self.most_per_client = most, most_per_client
        self.under_way: dict[str, int] = {}  # rows, by client
        self._lines: dict[str, deque[_Place[T]]] = {}
        self._count = 0
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return self._count

    def push(self, client: str, wanted: Sequence[tuple[T, int]]) -> None:
        """Add items with the rows that each needs, all or none.

        Raises:
            QueueFull: there is no room for all of them.
        """
        own = len(self._lines.get(client, ()))
        if self._count + len(wanted) > self.most or own + len(wanted) > self.most_per_client:
            raise QueueFull
        if wanted:
            line = self._lines.setdefault(client, deque())
            line.extend(_Place(item, rows, next(self._numbers)) for item, rows in wanted)
            self._count += len(wanted)

    def pop(self, free_rows: int) -> T | None:
        """The item whose turn it is, whose rows are then under way; None: none, or too few rows."""
        if not self._lines:
            return None
        client = min(
            self._lines, key=lambda name: (self.under_way.get(name, 0), self._lines[name][0].number)
        )
        line = self._lines[client]
        if line[0].rows > free_rows:
            return None
        place = line.popleft()
        self._forget(client, 1)
        self.under_way[client] = self.under_way.get(client, 0) + place.rows
        return place.item

    def release(self, client: str, rows: int = 1) -> None:
        """Rows of a client have ended."""
        left = self.under_way.get(client, 0) - rows
        assert left >= 0, f"{client} has no {rows} rows"
        if left:
            self.under_way[client] = left
        else:
            self.under_way.pop(client, None)

    def cancel(self, client: str, unwanted: Callable[[T], bool]) -> int:
        """Take a client's items out, wherever they wait; returns how many there were."""
        line = self._lines.get(client)
        if line is None:
            return 0
        kept = deque(place for place in line if not unwanted(place.item))
        gone = len(line) - len(kept)
        self._lines[client] = kept
        self._forget(client, gone)
        return gone

    def clear(self) -> list[T]:
        """Take everything out."""
        found = [place.item for line in self._lines.values() for place in line]
        self._lines.clear()
        self._count = 0
        return found

    def _forget(self, client: str, gone: int) -> None:
        self._count -= gone
        if not self._lines[client]:
            del self._lines[client]
