"""Copies of an S3 lake's files on this disk: those that are asked for, verified, up to a size.

A file grows in staging and is renamed into its place when its hash is right, so what is there is
whole. Above the cap the copies that were not used for longest go; what a lease holds stays. Below
`.copies` lies a folder for each content of an artifact, laid out as the lake has it, so that a path
says from which artifact it is. Provenance files are not verified: two committers may have raced on
them.
"""

import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from storage import columns, durable, garbage, leases
from storage.digest import canonical_json, file_sha256
from storage.errors import UserError
from storage.leases import Lease
from storage.local import STAGING
from storage.manifest import MANIFEST, Manifest
from storage.reads import Read, wanted
from storage.s3 import ObjectTree

COPIES = ".copies"
LOCKS = ".locks"
RECOUNT = 0.05  # of the cap: so much may come before what other processes brought is looked at
BLOCK_BYTES = 512  # the unit of st_blocks: what a sparse file really takes


class Copies:
    """Of one lake, below one folder; processes share it."""

    def __init__(self, remote: ObjectTree, disk: Path, max_bytes: int) -> None:
        self.remote, self.disk, self.max_bytes = remote, disk, max_bytes
        self.folder = disk / COPIES
        self._lock = threading.Lock()
        # Bytes that are there, as last counted, and what came since; not counted yet: too many.
        self._bytes: float = float("inf")
        self._since = 0  # what came since, and other processes may have brought as much
        self._is_stuck = False  # all that is there is in use

    def have(self, manifest: Manifest, reads: Sequence[Read], lease: Lease | None = None) -> Path:
        """The artifact's folder with at least these files in it.

        Without a lease they stay until this process has ended.
        """
        files = wanted(manifest, reads)
        whole = _place(manifest, {})
        pruned = {name: found for name, found in files.items() if found}
        if pruned and self._has(whole, files):
            pruned = {}
        place = _place(manifest, pruned)
        target = self.folder / place
        (lease or leases.of_process(self.folder)).hold(place)
        alone = self.folder / LOCKS / place.replace("/", "-")
        with durable.full_disk_is_clear(self.disk), durable.locked(alone):
            missing = {n: c for n, c in files.items() if not (target / n).exists()}
            if missing or not (target / MANIFEST).exists():
                self._fetch(manifest, missing, target)
            os.utime(target / MANIFEST)
        return target

    def keep(self, staging: Path, manifest: Manifest) -> None:
        """What was just uploaded needs no download: it becomes the copy, if there is room."""
        target = self.folder / _place(manifest, {})
        size = sum(file["bytes"] for file in manifest.files.values())
        if size > self.max_bytes or target.exists():
            return
        self.make_room(size)
        with durable.locked(self.folder / leases.LOCK):
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                staging.rename(target)

    def make_room(self, needed: int) -> int:
        """Remove what was not used for longest; the bytes by which the cap is still exceeded.

        Copies are many, so they are counted only when there may be no room, or nothing is needed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._bytes += needed
            self._since += needed
            is_known = self._since <= RECOUNT * self.max_bytes
            fits = self._bytes <= self.max_bytes or self._is_stuck
            if not (needed and is_known and fits and needed < self._free()):
                self._evict(needed)
            return int(max(0, self._bytes - self.max_bytes, needed - self._free()))

    def _free(self) -> int:
        return shutil.disk_usage(self.folder).free

    def _evict(self, needed: int) -> None:
        removed = []
        with durable.locked(self.folder / leases.LOCK):
            found = sorted(self._all())
            used = leases.in_use(self.folder)
            there = sum(f[1] for f in found)
            excess = max(there + needed - self.max_bytes, needed - self._free())
            if excess > 0:
                excess += int(RECOUNT * self.max_bytes)  # not one by one
            for _, size, path in found:
                if excess <= 0:
                    break
                if path.relative_to(self.folder).as_posix() not in used:
                    aside = self._staging("copy", path.name)
                    aside.parent.mkdir(parents=True, exist_ok=True)
                    path.rename(aside)  # in one step: nobody sees half of it
                    removed.append(aside)
                    excess -= size
                    there -= size
        for aside in removed:
            durable.remove_tree(aside)
        self._bytes, self._since, self._is_stuck = there + needed, 0, excess > 0

    def _fetch(self, manifest: Manifest, missing: dict[str, tuple[str, ...]], target: Path) -> None:
        files = {**manifest.files, **manifest.provenance.get("files", {})}
        needed = sum(files[name]["bytes"] for name in missing)
        self.make_room(needed)
        staging = self._staging(manifest.kind, manifest.digest)
        try:
            for name, chosen in missing.items():
                self._fetch_file(manifest, name, chosen, staging / name)
            staging.mkdir(parents=True, exist_ok=True)
            (staging / MANIFEST).write_bytes(manifest.to_json())
            durable.sync_tree(staging)
            came = _size(staging)
            with self._lock:  # of single columns less
                self._bytes, self._since = self._bytes + came - needed, self._since + came - needed
            for name in (MANIFEST, *missing):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (staging / name).replace(target / name)
        finally:
            durable.remove_tree(staging)

    def _fetch_file(
        self, manifest: Manifest, name: str, chosen: tuple[str, ...], target: Path
    ) -> None:
        path = f"{manifest.kind}/{manifest.artifact}/{name}"
        where = f"{self.remote.url}/{path}"
        expected = manifest.files.get(name)
        try:
            if chosen:
                columns.download(self.remote.place(path), target, chosen)
            else:
                self.remote.download(path, target)
        except FileNotFoundError as error:
            raise UserError(f"{where}: missing: run again to rebuild this artifact") from error
        if expected is None:
            return
        # Of single columns nothing but the length can be known; the store vouches for the rest.
        damage = "wrong hash" if not chosen and file_sha256(target) != expected["sha256"] else ""
        damage = damage or ("wrong length" if target.stat().st_size != expected["bytes"] else "")
        if damage:
            raise UserError(f"{where}: damaged ({damage}): delete it and run again")

    def _has(self, place: str, files: Iterable[str]) -> bool:
        return all((self.folder / place / name).exists() for name in files)

    def _staging(self, kind: str, digest: str) -> Path:
        return self.disk / STAGING / garbage.staging_name(kind, digest)

    def _all(self) -> list[tuple[float, int, Path]]:
        """Last use, size on disk and folder of every copy."""
        found = []
        for path in self.folder.glob("[!.]*/*/*"):
            if path.is_symlink():
                continue
            with contextlib.suppress(FileNotFoundError):
                found.append(((path / MANIFEST).stat().st_mtime, _size(path), path))
        return found


def _size(folder: Path) -> int:
    """What a folder's files take on disk."""
    size = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size += (Path(root) / name).stat().st_blocks * BLOCK_BYTES
    return size


def _place(manifest: Manifest, pruned: dict[str, tuple[str, ...]]) -> str:
    """Below `.copies`: the content's hash stands in it, so that a file that is there is right."""
    content = hashlib.sha256(canonical_json([manifest.content(), pruned])).hexdigest()[:16]
    return f"{content}/{manifest.kind}/{manifest.artifact}"
