"""Fetched files on this disk: one place each, a size cap, and nothing in use ever removed.

A file lies where its server has it, `CACHE/crawl/HOST/PATH`, beside a small JSON record of its hash
that outlives it: a later run knows the file's digest, and so what was made from it, without
fetching it again. Above the cap the files that were not used for longest go. What a running flow
uses stands in its lease, a locked file that the kernel frees when the flow dies.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from storage import durable, leases
from storage.leases import LOCK, Lease

RECORD = ".json"
PART = ".part"


@dataclasses.dataclass(frozen=True)
class Stored:
    """What is known of a fetched file."""

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
        """Where a file is, or will be."""
        return self.folder / place

    def part(self, place: str) -> Path:
        """Where it grows until it is whole."""
        path = self.path(place)
        return path.with_name(f".{path.name}{PART}")

    def known(self, place: str) -> Stored | None:
        """The record of a file that is, or was, here."""
        try:
            return Stored(**json.loads(_record(self.path(place)).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def stored(self, place: str) -> Stored | None:
        """The record of a file that is here, whole; using it makes it the newest."""
        known = self.known(place)
        try:
            if known is None or self.path(place).stat().st_size != known.bytes:
                return None
            os.utime(_record(self.path(place)))
        except FileNotFoundError:
            return None
        return known

    def store(self, place: str, stored: Stored) -> None:
        """Publish the part that has become whole."""
        path = self.path(place)
        with self.part(place).open("rb") as file:
            os.fsync(file.fileno())
        with durable.locked(self.folder / LOCK):
            self.part(place).replace(path)
            durable.sync_folder(path.parent)
            durable.write_atomic(_record(path), json.dumps(dataclasses.asdict(stored)).encode())

    @contextlib.contextmanager
    def alone(self, place: str) -> Iterator[None]:
        """Only one at a time fetches a file; the others wait, and find it there."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with durable.locked(path.with_name(f".{path.name}{LOCK}")):
            yield

    def make_room(self, needed: int) -> int:
        """Remove what was not used for longest; the bytes by which the cap is still exceeded."""
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
        """Keeps the files it is told to hold from being removed, until it ends or its process."""
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
        """A file's place; a part counts as the file it will be."""
        place = path.relative_to(self.folder)
        if place.name.startswith(".") and place.name.endswith(PART):
            place = place.with_name(place.name[1 : -len(PART)])
        return place.as_posix()


def _record(path: Path) -> Path:
    return path.with_name(f".{path.name}{RECORD}")
