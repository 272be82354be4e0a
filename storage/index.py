"""What stood in the manifests of a lake, in a few files: a listing then opens none by itself.

Only a memory. Each row says which manifest.json it was read from, by folder, size and time of
change, and counts only while a listing shows just that file; so what is deleted, replaced or
damaged is noticed, and an index that is absent, damaged, stale or half there costs time and nothing
else. That is why nobody locks it: a process that commits many artifacts adds a file of rows now
and then, a reader that had to open many manifests adds one too, and where there are many such
files a reader puts one in their place.
"""

import contextlib
import gc
import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.local import Entries, LocalTree
from storage.manifest import MANIFEST, Manifest
from storage.s3 import ObjectTree

FOLDER = ".index"
WORTH = 64  # manifests; fewer are opened as soon as an index is
READERS = 16  # of manifests in S3, at a time
MOST_FILES = 32  # of rows, before one takes their place
_LAYOUT = b"1"  # of the rows; another version's are not read

_SCHEMA = pa.schema(
    [
        ("folder", pa.string()),  # <kind>/<digest16>
        ("bytes", pa.int64()),  # of manifest.json
        ("changed", pa.int64()),  # its time of change, in ns
        ("recipe", pa.string()),  # JSON; apart, since thousands of parts have the same
        ("packages", pa.string()),  # JSON, likewise: of the provenance
        ("rest", pa.string()),  # JSON: the other fields of Manifest
    ],
    metadata={"layout": _LAYOUT},
)

Tree = LocalTree | ObjectTree
Row = tuple[str, int, int, str, str, str]  # as _SCHEMA has them

_SHARED = ["recipe", "packages"]
_ARTIFACT = re.compile(r"[a-z][a-z0-9_]*/[0-9a-f]{16}")

_waiting: dict[str, list[Row]] = {}  # by lake: committed by this process, in no file yet
_lock = threading.Lock()


class Index:
    """The rows that a lake's index files hold."""

    def __init__(self, tree: Tree) -> None:
        self.files: list[str] = []
        self._rows: dict[tuple[str, int, int], tuple[str, str, str]] = {}
        self._same: dict[str, Any] = {}  # what many manifests share, in memory once
        for name in sorted(tree.sizes(FOLDER)):
            if name.endswith(".parquet"):
                self._add(tree, f"{FOLDER}/{name}")

    def manifest(self, folder: str, entries: Entries) -> Manifest | None:
        """The manifest of an artifact whose files are these; None: read it yourself."""
        found = self._rows.get((folder, *entries[MANIFEST]))
        if found is None:
            return None
        recipe, packages, rest = found
        with contextlib.suppress(ValueError, TypeError, KeyError):
            fields = json.loads(rest)
            if packages != "null":
                fields["provenance"]["packages"] = self._shared(packages)
            return Manifest(**fields, recipe=self._shared(recipe))
        return None

    def _shared(self, text: str) -> Any:
        if text not in self._same:
            self._same[text] = json.loads(text)
        return self._same[text]

    def _add(self, tree: Tree, name: str) -> None:
        data = tree.read(name)
        if data is None:  # a reader has just put another in its place
            return
        self.files.append(name)
        if name != _name(data):
            return
        # Whatever is wrong with it: the manifests are there.
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):
            read = pq.ParquetFile(io.BytesIO(data), read_dictionary=_SHARED).read()
            if (read.schema.metadata or {}).get(b"layout") == _LAYOUT:
                folder, size, changed, *texts = (_values(column) for column in read.columns)
                self._rows |= zip(zip(folder, size, changed), zip(*texts))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """A column's values; what is the same in many rows is one object."""
    found: list[Any] = []
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            known = chunk.dictionary.to_pylist()
            found += [known[number] for number in chunk.indices.to_pylist()]
        else:
            found += chunk.to_pylist()
    return found


def manifests(
    tree: Tree, read: Callable[[str, str], Manifest | None], kind: str | None, start: str = ""
) -> list[Manifest]:
    """Of all whole artifacts of a kind (of any with None) whose digests start so.

    `read` opens one artifact's manifest, given its kind and digest.
    """
    with no_collection():
        return _manifests(tree, read, kind, start)


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Of a million new objects none is garbage, but Python would look through them many times."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _manifests(
    tree: Tree, read: Callable[[str, str], Manifest | None], kind: str | None, start: str
) -> list[Manifest]:
    listed = {
        name: entries
        for name, entries in tree.entries(kind, start).items()
        if MANIFEST in entries and _ARTIFACT.fullmatch(name)
    }
    index = Index(tree) if len(listed) >= WORTH else None
    found = {name: index and index.manifest(name, entries) for name, entries in listed.items()}
    unknown = [name.split("/") for name, manifest in found.items() if manifest is None]
    if isinstance(tree, LocalTree):
        opened = [read(*name) for name in unknown]
    else:  # each waits for the network most of the time
        with ThreadPoolExecutor(READERS) as pool:
            opened = list(pool.map(lambda name: read(*name), unknown))
    found |= {"/".join(name): manifest for name, manifest in zip(unknown, opened)}
    rows = [(manifest, listed[name]) for name, manifest in found.items() if manifest]
    if index is not None:
        _refresh(tree, index, len(unknown), rows, whole=kind is None and not start)
    return [manifest for manifest, entries in rows if has_all(manifest, entries)]


def remember(tree: Tree, manifest: Manifest, entries: Entries) -> None:
    """A manifest that this process has committed: written down once there are some."""
    place = str(tree.root) if isinstance(tree, LocalTree) else tree.url
    with _lock:
        rows = _waiting.setdefault(place, [])
        rows.append(_row(manifest, entries))
        if len(rows) < WORTH:
            return
        del _waiting[place]
    _write(tree, rows)


def _refresh(
    tree: Tree, index: Index, opened: int, rows: list[tuple[Manifest, Entries]], whole: bool
) -> None:
    """Write down what a listing found out: `opened` of the manifests were in no row.

    A `whole` lake's rows take the place of all others.
    """
    if not rows or (opened < WORTH and not (whole and len(index.files) >= MOST_FILES)):
        return
    written = _write(tree, [_row(manifest, entries) for manifest, entries in rows])
    if written and whole:
        for name in set(index.files) - {written}:  # another reader may have written the same
            with contextlib.suppress(OSError):
                tree.remove(name)


def has_all(manifest: Manifest, entries: Entries) -> bool:
    """Whether all files of an artifact itself are there in their size."""
    return all(
        name in entries and entries[name][0] == file["bytes"]
        for name, file in manifest.files.items()
    )


def _row(manifest: Manifest, entries: Entries) -> Row:
    provenance = dict(manifest.provenance)
    packages = provenance.pop("packages", None)
    rest = {**vars(manifest), "provenance": provenance}
    recipe = rest.pop("recipe")
    folder = f"{manifest.kind}/{manifest.artifact}"
    return folder, *entries[MANIFEST], _text(recipe), _text(packages), _text(rest)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _write(tree: Tree, rows: list[Row]) -> str:
    """The file's name; "" where it can't be written."""
    columns = [pa.array(values, field.type) for values, field in zip(zip(*rows), _SCHEMA)]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=_SCHEMA), sink, compression="zstd")
    data = sink.getvalue()
    name = _name(data)
    try:
        tree.write(name, data)
    except OSError:  # a full disk, a lake that may only be read
        return ""
    return name


def _name(data: bytes) -> str:
    """Of a file of rows: its hash, which tells a damaged one."""
    return f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:32]}.parquet"
