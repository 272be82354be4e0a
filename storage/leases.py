"""Who uses which of the files that anyone may remove to make room.

A lease is a locked file that lists what its owner uses. The kernel frees the lock when the owner
dies, so nothing stays in use for ever.
"""

import contextlib
import dataclasses
import fcntl
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from storage import durable

LEASES = ".leases"
LOCK = ".lock"


@dataclasses.dataclass(frozen=True)
class Lease:
    """A claim on some files; threads may share it."""

    path: Path
    cache_lock: Path
    lock: threading.Lock
    places: dict[str, int]  # how often each is held

    def hold(self, place: str) -> None:
        """Keep this file (whole or growing) until it is released as often as held."""
        with self.lock:
            count = self.places[place] = self.places.get(place, 0) + 1
            if count == 1:  # added at the end: a run over a whole dump holds many
                self._write("a", [place])

    def release(self, place: str) -> None:
        """No longer in use here."""
        with self.lock:
            count = self.places.get(place, 0) - 1
            if count > 0:
                self.places[place] = count
            elif self.places.pop(place, None) is not None:
                self._write("w", sorted(self.places))

    def _write(self, mode: str, places: Iterable[str]) -> None:
        # In place: another file would not be the locked one. Readers hold the cache's lock.
        with durable.locked(self.cache_lock):
            self.path.parent.mkdir(exist_ok=True)  # a user may clear the cache at any time
            with self.path.open(mode) as file:
                file.writelines(f"{place}\n" for place in places)


@contextlib.contextmanager
def lease(folder: Path) -> Iterator[Lease]:
    """A lease on files below a cache's folder, until this ends or the process."""
    made, descriptor = _open(folder)
    try:
        yield made
    finally:
        made.path.unlink(missing_ok=True)
        os.close(descriptor)


def of_process(folder: Path) -> Lease:
    """The one that this process holds until it ends, for files that nobody gives back."""
    key = (os.getpid(), folder)
    with _opening:
        if key not in _of_process or not _of_process[key].path.exists():
            _of_process[key] = _open(folder)[0]
        return _of_process[key]


def in_use(folder: Path) -> set[str]:
    """What living owners hold. The caller has the cache's lock."""
    used: set[str] = set()
    for path in (folder / LEASES).glob("*"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)  # nobody holds it: its process is dead
        except BlockingIOError:
            used.update(path.read_text().splitlines())
        finally:
            os.close(descriptor)
    return used


_opening = threading.Lock()
_of_process: dict[tuple[int, Path], Lease] = {}


def _open(folder: Path) -> tuple[Lease, int]:
    (folder / LEASES).mkdir(parents=True, exist_ok=True)
    path = folder / LEASES / f"{os.getpid()}-{secrets.token_hex(4)}"
    with durable.locked(folder / LOCK):  # nobody may take it for a dead one's
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return Lease(path, folder / LOCK, threading.Lock(), {}), descriptor
