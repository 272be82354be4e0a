"""A tree of artifacts on a local disk: `ROOT/<kind>/<digest16>/…`, published by rename.

An artifact is written in `ROOT/.staging` on the same disk, forced to it, then renamed into its
place under a lock: a reader sees all of it or nothing. One that is there but damaged is first
moved aside.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from storage import durable
from storage.digest import file_sha256

STAGING = ".staging"
SCRATCH = ".scratch"
RUNS = "runs"
LOCK = ".lock"

Entries = dict[str, tuple[int, int]]  # size and time of change (ns) of files, by name
ITSELF = "."  # among the entries of a folder on this disk, with size 0


class LocalTree:
    """Reads and publishes artifact folders below `root`, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes | None:
        """A small file's bytes, None where there is none."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a small file in one step."""
        with durable.full_disk_is_clear(self.root):
            durable.write_atomic(self.root / name, data)

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Read, change and replace a small file; two that do it at once don't lose each other's."""
        with durable.locked(self.root / LOCK):
            self.write(name, change(self.read(name)))

    def sizes(self, folder: str) -> dict[str, int]:
        """Size of each file below a folder, by name; empty where the folder is absent."""
        base = self.root / folder
        found: dict[str, int] = {}
        for root, _, names in os.walk(base):
            for name in names:
                path = Path(root) / name
                # A damaged artifact may be on its way aside while we look at it.
                with contextlib.suppress(FileNotFoundError):
                    found[path.relative_to(base).as_posix()] = path.stat().st_size
        return found

    def entries(self, kind: str | None = None, start: str = "") -> dict[str, Entries]:
        """Size and time of change of the files of every artifact folder, by `<kind>/<digest16>`.

        Of one kind if it is given, and of those alone whose digest starts so. The folder is ITSELF.
        """
        changed = self.folders(kind, start)
        return {name: self.entries_of(name, at) for name, at in changed.items()}

    def entries_of(self, folder: str, changed: int | None) -> Entries:
        """Of one artifact folder that was last changed then."""
        files: Entries = {} if changed is None else {ITSELF: (0, changed)}
        _walk(f"{self.root}/{folder}", "", files)
        return files

    def folders(self, kind: str | None = None, start: str = "") -> dict[str, int]:
        """Time of change (ns) of artifact folders: when a file last came, went or was replaced."""
        return {
            f"{one}/{name}": changed
            for one in ([kind] if kind else _folders(f"{self.root}"))
            for name, changed in _folders(f"{self.root}/{one}", start[:16]).items()
        }

    def remove(self, name: str) -> None:
        """Remove a small file; one that is gone already is fine."""
        (self.root / name).unlink(missing_ok=True)

    def sha256(self, name: str) -> str:
        """Hash of a file's bytes."""
        return file_sha256(self.root / name)

    def publish(self, staging: Path, folder: str, is_whole: Callable[[], bool]) -> bool:
        """Rename a finished staging folder into place; False if a whole artifact is there."""
        target = self.root / folder
        durable.make_folder(target.parent)
        durable.sync_tree(staging)
        aside = staging.with_name(staging.name + ".damaged")
        with durable.locked(self.root / LOCK):
            if is_whole():
                return False
            if target.exists():
                target.rename(aside)
            staging.rename(target)
            durable.sync_folder(target.parent)
        durable.remove_tree(aside)
        return True


def _folders(place: str, start: str = "") -> dict[str, int]:
    """Times of change of the folders in a folder whose names start so, hidden ones aside."""
    found: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if len(start) == 16:  # the whole name
            return {start: Path(place, start).stat().st_mtime_ns}
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name[0] != "." and entry.name.startswith(start) and entry.is_dir():
                    found[entry.name] = entry.stat().st_mtime_ns
    return dict(sorted(found.items()))


def _walk(place: str, prefix: str, files: Entries) -> None:
    """Add the files below a folder; a lake of a dump has half a million, so no Path is made."""
    # A damaged artifact may be on its way aside while we look at it.
    try:
        with os.scandir(place) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):  # links to folders may go in circles
                    _walk(entry.path, f"{prefix}{entry.name}/", files)
                    continue
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue
                files[prefix + entry.name] = status.st_size, status.st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return
