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

    def all_sizes(self) -> dict[str, dict[str, int]]:
        """`sizes` of every artifact folder, by `<kind>/<digest16>`."""
        if not self.root.is_dir():
            return {}
        kinds = sorted(p for p in self.root.iterdir() if p.is_dir() and p.name[0] != ".")
        names = [f"{kind.name}/{p.name}" for kind in kinds for p in sorted(kind.iterdir())]
        return {name: self.sizes(name) for name in names}

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
