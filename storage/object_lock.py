"""A lock made of objects, for stores without conditional requests.

Lamport's bakery: a writer says that it is choosing, takes a number above all it sees, and waits for
all smaller ones. All it needs of the store is that a listing shows what was written before it, as
S3's and its likes' do. What a dead writer left goes after a while, by the store's own clock.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from storage.errors import UserError

POLL_SECONDS = 0.2
REFRESH_SECONDS = 60.0  # between two signs of life of one that waits
DEAD_SECONDS = 300.0  # older claims have no living owner: what is done under the lock takes seconds
CHOOSING, TICKET = "choosing-", "ticket-"


class ClaimStore(Protocol):
    """What holds the claims."""

    def write(self, name: str, data: bytes) -> None: ...

    def remove(self, name: str) -> None: ...

    def times(self, folder: str) -> dict[str, datetime]: ...


@contextlib.contextmanager
def held(
    store: ClaimStore,
    folder: str,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Hold a lock.

    Args:
        store: that holds the claims.
        folder: of the lock's claims.
        sleep: waits so many seconds.
        clock: seconds, of which only differences count.

    Raises:
        UserError: others took us for dead.
    """
    me = secrets.token_hex(8)
    choosing, ticket = f"{folder}/{CHOOSING}{me}", ""
    try:
        store.write(choosing, b"")
        seen = [name for name in store.times(folder) if name.startswith(TICKET)]
        number = 1 + max((int(name.split("-")[1]) for name in seen), default=0)
        ticket = f"{folder}/{TICKET}{number:012d}-{me}"
        store.write(ticket, b"")
        store.remove(choosing)
        written = clock()
        while not _is_first(store, folder, ticket.rpartition("/")[2]):
            sleep(POLL_SECONDS)
            if clock() - written > REFRESH_SECONDS:
                store.write(ticket, b"")
                written = clock()
        store.write(ticket, b"")
        yield
    finally:
        for name in (ticket, choosing):
            if name:
                store.remove(name)


def _is_first(store: ClaimStore, folder: str, ticket: str) -> bool:
    times = store.times(folder)
    if ticket not in times:
        raise UserError(f"{folder}: the lock was taken for a dead writer's: run again")
    newest = max(times.values())
    for name, written in times.items():
        if (newest - written).total_seconds() > DEAD_SECONDS and name != ticket:
            store.remove(f"{folder}/{name}")
        elif name.startswith(CHOOSING) or (name.startswith(TICKET) and name < ticket):
            return False
    return True
