"""The lake: artifacts by kind and digest, committed whole or not at all, on a local disk or in S3.

A stage's files are written into a private staging folder on this disk; `commit` measures them,
writes the manifest and publishes. `heads` names the newest run's artifact of each slot. With S3,
staging, scratch and copies of what was read live below CRAWL2CHAT_CACHE (default
~/.cache/crawl2chat), up to CRAWL2CHAT_LAKE_CACHE_GB.
"""

import contextlib
import datetime
import errno
import hashlib
import io
import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from storage import durable, garbage, index, leases, locks
from storage.cache import cache_root, lake_bytes
from storage.digest import artifact_digest, canonical_json
from storage.errors import UserError
from storage.grouped import GROUPS, LIST, group_kind, side_by_side
from storage.leases import Lease
from storage.local import RUNS, SCRATCH, STAGING, LocalTree
from storage.local_copies import Copies
from storage.manifest import (
    LAKE_FORMAT,
    MANIFEST,
    Damaged,
    Manifest,
    Provenance,
    check_statistics,
    measure,
    parse,
)
from storage.reads import WHOLE, Read, wanted
from storage.redaction import hide, reveal
from storage.remote_file import RangeReader
from storage.s3 import ObjectTree

HEADS = "heads.json"
JOINED = ".joined"  # copies of artifacts beside those of their groups, as links
NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


class Lake:
    """`Lake("lake")`, `Lake("s3://bucket/prefix")`. Opening one creates nothing."""

    def __init__(self, url: str | Path) -> None:
        self.url = hide(str(url))
        scheme = urlsplit(self.url).scheme if "://" in self.url else ""
        if scheme == "s3":
            remote = ObjectTree(self.url)
            place = hashlib.sha256(f"{remote.endpoint} {remote.url}".encode()).hexdigest()[:16]
            self.tree: LocalTree | ObjectTree = remote
            self.disk = LocalTree(cache_root() / place)
            self.copies = Copies(remote, self.disk.root, lake_bytes())
        elif scheme in ("", "file"):
            path = Path(unquote(urlsplit(self.url).path) if scheme else self.url).expanduser()
            if not self.url:
                raise UserError("lake: its address is empty: name a folder or s3://BUCKET/PREFIX")
            for above in (path, *path.parents):
                if above.exists() and not above.is_dir():
                    raise UserError(f"lake {path}: {above} is a file, not a folder")
            self.tree = self.disk = LocalTree(path.absolute())
        else:
            raise UserError(f"lake {self.url}: {scheme}:// is not supported: a folder or s3://…")

    def __repr__(self) -> str:
        return f"Lake({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Elsewhere it is opened anew: other working directory, own cache, own connections.
        return Lake, (
            str(self.tree.root) if isinstance(self.tree, LocalTree) else reveal(self.url),
        )

    def check_writable(self) -> None:
        """UserError where this process may not write: before hours are spent, or a server starts.

        With S3 of the local folders, and of the bucket, by writing to it.
        """
        if (place := durable.unwritable(self.disk.root)) is None:
            if isinstance(self.tree, ObjectTree):
                self.tree.is_conditional  # noqa: B018  (found out by writing)
            return
        advice = "choose another with --lake"
        if not isinstance(self.tree, LocalTree):
            advice = "its files pass through there: set CRAWL2CHAT_CACHE to another folder"
        raise UserError(f"lake {self.url}: can't write in {place}: {advice}")

    def is_whole(self, kind: str, digest: str, deep: bool = False) -> bool:
        """Manifest present, every content file there in its size; `deep` checks the hashes too.

        What lies in groups is whole while they are.
        """
        manifest = self._read(kind, digest)
        entries = self.tree.entries(kind, digest).get(_folder(kind, digest), {})
        if manifest is None or not index.has_all(manifest, entries):
            return False
        groups = manifest.inputs.get(GROUPS, ())
        if not self._has_groups(group_kind(kind), groups, deep):
            return False
        if not deep:
            return True
        folder = _folder(kind, digest)
        return all(
            self.tree.sha256(f"{folder}/{name}") == file["sha256"]
            for name, file in manifest.files.items()
        )

    def folder(self, kind: str, digest: str) -> str:
        """Where the artifact lies or would lie: a path, or an s3:// URI."""
        return f"{self.root}/{_folder(kind, digest)}"

    @property
    def root(self) -> str:
        """The path or URI that artifacts lie below."""
        return str(self.tree.root) if isinstance(self.tree, LocalTree) else self.tree.url

    def local(
        self,
        kind: str,
        digest: str,
        reads: Sequence[Read] = WHOLE,
        lease: Lease | None = None,
    ) -> Path:
        """The artifact's folder on this disk; from S3 with what is to be read of it, verified.

        Copies from S3 stay as long as the lease, or this process, holds them. If it lies in groups,
        the same is to be read of them, and they come with it.
        """
        manifest = self.manifest(kind, digest)
        if isinstance(self.tree, LocalTree):
            return self.tree.root / _folder(kind, digest)
        own = self.copies.have(manifest, reads, lease)
        if LIST not in wanted(manifest, reads):
            return own
        digests = manifest.inputs[GROUPS]
        groups = [self.local(group_kind(kind), group, reads, lease) for group in digests]
        return side_by_side(self.disk.root / JOINED, own, groups)

    def local_file(self, manifest: Manifest, name: str) -> Path:
        """One file of an artifact on this disk, without the rest of it."""
        if isinstance(self.tree, LocalTree):
            return self.tree.root / _folder(manifest.kind, manifest.digest) / name
        return self.copies.have(manifest, [Read(name)]) / name

    @contextlib.contextmanager
    def lease(self) -> Iterator[Lease | None]:
        """For `local`: what is fetched under it may be removed when this has ended."""
        if isinstance(self.tree, LocalTree):
            yield None
            return
        with leases.lease(self.copies.folder) as lease:
            yield lease

    def opened(self, manifest: Manifest, name: str) -> BinaryIO:
        """One file of an artifact, to read here and there; from S3 no more comes than is read."""
        path = f"{_folder(manifest.kind, manifest.digest)}/{name}"
        if isinstance(self.tree, LocalTree):
            return (self.tree.root / path).open("rb")
        return io.BufferedReader(RangeReader(self.tree.open(path)))

    def has_file(self, manifest: Manifest, name: str) -> bool:
        """Whether a file that an artifact may lack, one of its provenance, is there."""
        return name in self.tree.sizes(_folder(manifest.kind, manifest.digest))

    def staging(self, kind: str, digest: str) -> Path:
        """A fresh private folder for the files of an artifact to be."""
        _folder(kind, digest)
        path = self.disk.root / STAGING / garbage.staging_name(kind, digest)
        return self._make(path, parents_alone=True)

    def scratch(self, kind: str, digest: str) -> Path:
        """Where a long stage keeps its checkpoints: survives kills, goes with the commit."""
        _folder(kind, digest)
        return self._make(self.disk.root / SCRATCH / f"{kind}-{digest[:16]}")

    def lock(self, kind: str, digest: str) -> Path:
        """The file whose lock says who makes the artifact and has its scratch: `storage.locks`."""
        _folder(kind, digest)
        return self.disk.root / locks.LOCKS / f"{kind}-{digest[:16]}"

    @property
    def runs(self) -> Path:
        """Where training runs may leave live curves on this disk: no artifacts, free to delete."""
        return self.disk.root / RUNS

    def commit(
        self,
        staging: Path,
        kind: str,
        digest: str,
        version: int,
        recipe: dict[str, Any],
        inputs: dict[str, list[str]],
        statistics: dict[str, Any],
        provenance: Provenance,
    ) -> Manifest:
        """Publish a staging folder as one artifact, or leave no trace of it.

        If a whole one is there already the staging folder is dropped and that one's manifest
        returned; a damaged one is replaced.
        """
        folder = _folder(kind, digest)
        try:
            expected = artifact_digest(kind, version, recipe, inputs)
            if digest != expected:
                raise ValueError(
                    f"{kind} {digest}: its recipe and inputs have the digest {expected}"
                )
            check_statistics(statistics, kind)
            with durable.full_disk_is_clear(self.url):
                manifest = _describe(
                    staging, kind, digest, version, recipe, inputs, statistics, provenance
                )
                published = self.tree.publish(staging, folder, lambda: self.is_whole(kind, digest))
                if published and self.tree is not self.disk:
                    self.copies.keep(staging, manifest)
        finally:
            durable.remove_tree(staging)  # renamed away already when all went well
        with locks.free(self.lock(kind, digest)) as is_free:  # else whoever holds it removes it
            if is_free:
                durable.remove_tree(self.disk.root / SCRATCH / f"{kind}-{digest[:16]}")
        if not published:
            return self.manifest(kind, digest)
        self._remember(manifest)
        return manifest

    def _remember(self, manifest: Manifest) -> None:
        """Let the index know what was just published."""
        folder = _folder(manifest.kind, manifest.digest)
        entries = self.tree.entries(manifest.kind, manifest.digest).get(folder, {})
        if MANIFEST in entries:
            index.remember(self.tree, manifest, entries)

    def replace(
        self,
        staging: Path,
        old: Manifest,
        statistics: dict[str, Any],
        provenance: Provenance,
    ) -> Manifest:
        """Publish other files under an artifact's digest; what differs, `statistics` must say."""
        folder = _folder(old.kind, old.digest)
        made_of = (old.kind, old.digest, old.version, old.recipe, old.inputs)
        check_statistics(statistics, old.kind)
        with durable.full_disk_is_clear(self.url):
            manifest = _describe(staging, *made_of, statistics, provenance)
            self.tree.publish(staging, folder, lambda: False)
        # In S3 objects are replaced one by one: those that the new manifest lacks are left.
        kept = {*manifest.files, *manifest.provenance["files"], MANIFEST}
        for name in self.tree.sizes(folder).keys() - kept:
            self.tree.remove(f"{folder}/{name}")
        self._forget_copies(folder)
        self._remember(manifest)
        return manifest

    def remove(self, manifest: Manifest) -> None:
        """Remove an artifact: its manifest first, so that nobody takes the rest for whole."""
        folder = _folder(manifest.kind, manifest.digest)
        self.tree.remove(f"{folder}/{MANIFEST}")
        for name in self.tree.sizes(folder):
            self.tree.remove(f"{folder}/{name}")
        self._forget_copies(folder)

    def _forget_copies(self, folder: str) -> None:
        """Of an S3 lake's: what is here of the files that were."""
        if self.tree is not self.disk:
            for copies in self.copies.folder.glob(f"*/{folder}"):
                durable.remove_tree(copies)

    def manifest(self, kind: str | None, digest_prefix: str) -> Manifest:
        """Of the one artifact whose digest begins so (of any kind with None)."""
        if kind is not None and re.fullmatch(r"[0-9a-f]{16}([0-9a-f]{48})?", digest_prefix):
            exact = self._read(kind, digest_prefix)
            if exact is not None:
                return exact
        start = digest_prefix if re.fullmatch("[0-9a-f]*", digest_prefix) else ""
        near = self.manifests(index.listing(self.tree, self._read, kind, start))
        found = [m for m in near if m.digest.startswith(digest_prefix)]
        if len(found) == 1:
            return found[0]
        what = f"{kind or 'artifact'} {digest_prefix}"
        if not found:
            raise UserError(f"no {what} in lake {self.url}: `crawl2chat artifacts` lists what is")
        names = ", ".join(f"{m.kind}/{m.artifact}" for m in found[:4])
        raise UserError(f"{what} is ambiguous in lake {self.url}: {names}")

    def set_heads(self, heads: Mapping[str, str | None]) -> None:
        """Point slots at artifacts, all in one step; other slots stay, None empties one."""

        def change(old: bytes | None) -> bytes:
            merged = {**_parse_heads(old, self.url), **heads}
            kept = {slot: digest for slot, digest in merged.items() if digest is not None}
            document = {"format": LAKE_FORMAT, "heads": kept}
            return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()

        self.tree.update(HEADS, change)

    def heads(self) -> dict[str, str]:
        """The newest run's artifact of each slot (a kind, or `kind.name`), by digest."""
        return _parse_heads(self.tree.read(HEADS), self.url)

    def collect_garbage(self, max_age_seconds: float = garbage.MAX_AGE_SECONDS) -> list[Path]:
        """Remove what killed runs left on this disk; returns the removed folders."""
        return garbage.collect(self.disk.root, max_age_seconds, self.is_whole)

    def _has_groups(self, kind: str, groups: Sequence[str], deep: bool) -> bool:
        if deep or len(groups) < index.WORTH:
            return all(self.is_whole(kind, group, deep) for group in groups)
        whole = index.listing(self.tree, self._read, kind, names=index.LISTED)["digest"]
        return {*groups} <= {*whole.to_pylist()}

    def _read(self, kind: str, digest: str) -> Manifest | None:
        folder = _folder(kind, digest)
        data = self.tree.read(f"{folder}/{MANIFEST}")
        if data is None:
            return None
        try:
            manifest = parse(data, f"{self.url}: {folder}")
        except Damaged:
            return None  # counts as absent everywhere; the next commit replaces it
        named_so = manifest.kind == kind and manifest.digest.startswith(digest)
        return manifest if named_so else None

    def _make(self, path: Path, parents_alone: bool = False) -> Path:
        """A folder that a power cut does not undo, or such a parent and the folder."""
        try:
            with durable.full_disk_is_clear(self.url):
                durable.make_folder(path.parent if parents_alone else path)
                path.mkdir(exist_ok=True)
        except OSError as error:
            if error.errno not in NOT_OURS:
                raise
            raise UserError(f"lake {self.url}: can't write to {path.parent}: {error}") from error
        return path

    def table(self, kind: str | None = None) -> pa.Table:
        """`index.LISTED` of all whole artifacts, oldest first; what lies in groups, while they are.

        A lake of a dump has 90,000: as manifests they would take a gigabyte.
        """
        return self._listing(kind, index.LISTED)

    def glance(self) -> pa.Table:
        """`table` for people: on a disk a file that was overwritten in place isn't noticed."""
        return self._in_groups(index.glance(self.tree, self._read, index.LISTED), None)

    def state(self) -> tuple[dict[str, str], list[str]]:
        """The heads, and all artifacts' digests: as long as it is equal, so are the views."""
        return self.heads(), self.glance()["digest"].to_pylist()

    def manifests(self, rows: pa.Table) -> Iterator[Manifest]:
        """Of some rows of `table`."""
        return index.manifests(self.tree, self._read, rows)

    def _listing(self, kind: str | None, names: Sequence[str]) -> pa.Table:
        return self._in_groups(index.listing(self.tree, self._read, kind, names=names), kind)

    def _in_groups(self, found: pa.Table, kind: str | None) -> pa.Table:
        """What is whole by itself, and its groups are, oldest first."""
        kinds, digests, groups = (found[c].to_pylist() for c in ("kind", "digest", "groups"))
        there = set(zip(kinds, digests))
        parents = {of for of, needed in zip(kinds, groups) if needed}
        for parent in sorted(parents) if kind else ():  # else they are among those found
            theirs = index.listing(self.tree, self._read, group_kind(parent), names=index.LISTED)
            there.update(zip(theirs["kind"].to_pylist(), theirs["digest"].to_pylist()))
        whole = [
            all((group_kind(of), group) in there for group in needed)
            for of, needed in zip(kinds, groups)
        ]
        return index.in_order(index.chosen(found, whole))

    # Last in the class: from here on its name hides the builtin in annotations.
    def list(self, kind: str | None = None) -> list[Manifest]:
        """Manifests of all whole artifacts, as `table` finds them."""
        with index.no_collection():
            return [*self.manifests(self._listing(kind, index.ROWS.names))]


def _describe(
    staging: Path,
    kind: str,
    digest: str,
    version: int,
    recipe: dict[str, Any],
    inputs: dict[str, list[str]],
    statistics: dict[str, Any],
    provenance: Provenance,
) -> Manifest:
    """Measure the files of a staging folder and write its manifest.json."""
    if (staging / MANIFEST).exists():
        raise ValueError(f"{kind}: a stage may not write a file named {MANIFEST}")
    files, rows, timed = measure(staging)
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    facts: Provenance = {
        "created": created,
        "host": socket.gethostname(),
        **provenance,
        "files": timed,
    }
    manifest = Manifest(
        kind,
        digest,
        version,
        json.loads(canonical_json(recipe)),  # written as it was digested, 1.0 as 1
        inputs,
        files,
        rows,
        statistics,
        provenance=facts,
    )
    data = manifest.to_json()
    (staging / MANIFEST).write_bytes(data)
    return parse(data, str(staging))


def _folder(kind: str, digest: str) -> str:
    """`<kind>/<digest16>`; names never lead out of the lake."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", kind):
        raise ValueError(f"not a kind of artifact: {kind!r}")
    if not re.fullmatch(r"[0-9a-f]{16}([0-9a-f]{48})?", digest):
        raise ValueError(f"not a digest: {digest!r}")
    return f"{kind}/{digest[:16]}"


def _parse_heads(data: bytes | None, url: str) -> dict[str, str]:
    if data is None:
        return {}
    try:
        document = json.loads(data)
        written_by, heads = int(document["format"]), dict(document["heads"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"lake {url}: {HEADS} is damaged ({error}): delete it, then run") from error
    if written_by > LAKE_FORMAT:
        raise UserError(f"lake {url}: {HEADS} was written by a newer version: update crawl2chat")
    return heads
