"""Fetched files on this disk: one place each, a size cap, and nothing in use ever removed.

A file has the same path as on its server, `CACHE/crawl/HOST/PATH`, beside a small JSON record of
its hash that is kept longer than the file: a later run knows the file's digest, and so what was
made from it, without fetching it again. Above the cap the least recently used files are removed.
The files that a running flow uses are in its lease, a locked file that the kernel unlocks when the
flow ends.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from storage import durable, leases
from storage.leases import LOCK, Lease

RECORD = ".json"


@dataclasses.dataclass(frozen=True)
class Stored:
    """The record of a fetched file."""

    url: str
    bytes: int
    sha256: str
    validator: str  # the server's ETag or date of this version
    warning: str = ""  # what was found wrong with it


class Cache:
    """Files below one folder; processes share it."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes = folder, max_bytes

    def path(self, place: str) -> Path:
        """The path of a file, whether it is there yet or not."""
        return self.folder / place

    def part(self, place: str) -> Path:
        """The path of the unfinished file while it is fetched."""
        path = self.path(place)
        return path.with_name(f".{path.name}{durable.PART}")

    def known(self, place: str) -> Stored | None:
        """The record of a file that is, or was, in the cache."""
        try:
            return Stored(**json.loads(_record(self.path(place)).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def stored(self, place: str) -> Stored | None:
        """The record of a complete file in the cache, which becomes the most recently used."""
        known = self.known(place)
        try:
            if known is None or self.path(place).stat().st_size != known.bytes:
                return None
            os.utime(_record(self.path(place)))
        except FileNotFoundError:
            return None
        return known

    def store(self, place: str, stored: Stored) -> None:
        """Publish the part, which is complete, with its record."""
        path = self.path(place)
        with durable.locked(self.folder / LOCK):
            durable.publish(self.part(place), path)
            durable.write_atomic(_record(path), json.dumps(dataclasses.asdict(stored)).encode())

    @contextlib.contextmanager
    def alone(self, place: str) -> Iterator[None]:
        """A lock: only one process at a time fetches a file; the others wait, then find it."""
        path = self.path(place)
        with durable.locked(path.with_name(f".{path.name}{LOCK}")):
            yield

    def once(self, place: str, bring: Callable[[], Stored]) -> Stored:
        """The record of a file, which `bring` fetches and stores where it is not here yet.

        Of several processes that ask at once, one fetches and the others wait for its file.

        Raises:
            DiskFull: there was no space for it.
        """
        if stored := self.stored(place):
            return stored
        with (
            self.lease() as lease,
            self.alone(place),
            durable.full_disk_is_clear(self.folder),
        ):
            lease.hold(place)
            return self.stored(place) or bring()

    def make_room(self, needed: int) -> int:
        """Remove the least recently used files until `needed` more bytes fit below the cap.

        Returns:
            The bytes by which the cap is still exceeded.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with durable.locked(self.folder / LOCK):
            files = self._files()
            used = leases.in_use(self.folder)
            free = shutil.disk_usage(self.folder).free
            excess = max(sum(f[2] for f in files) + needed - self.max_bytes, needed - free)
            for _, path, size in sorted(files):
                if excess <= 0:
                    break
                if self._place(path) not in used:
                    path.unlink(missing_ok=True)
                    excess -= size
            return max(0, excess)

    def lease(self) -> contextlib.AbstractContextManager[Lease]:
        """A lease: files that it holds are not removed until it, or its process, ends."""
        return leases.lease(self.folder)

    def _files(self) -> list[tuple[float, Path, int]]:
        """Last use, path and size of every file and part."""
        found = []
        for root, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(root) / name
                if name.endswith((RECORD, LOCK)):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    record = _record(path)
                    used = record.stat() if record.exists() else status
                    found.append((used.st_mtime, path, status.st_size))
        return found

    def _place(self, path: Path) -> str:
        """A file's place; a part has that of the file it will become."""
        place = path.relative_to(self.folder)
        if place.name.startswith(".") and place.name.endswith(durable.PART):
            place = place.with_name(place.name[1 : -len(durable.PART)])
        return place.as_posix()


def _record(path: Path) -> Path:
    return path.with_name(f".{path.name}{RECORD}")
