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
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.grouped import GROUPS
from storage.lineage import parents
from storage.local import ITSELF, Entries, LocalTree
from storage.manifest import MANIFEST, PROVENANCE, Manifest
from storage.s3 import ObjectTree

FOLDER = ".index"
WORTH = 64  # manifests; fewer are opened as soon as an index is
FEW = 4096  # likewise, once a listing is there: on a disk that costs less than the index
READERS = 16  # of manifests in S3, at a time
MOST_FILES = 32  # of rows, before one takes their place
MANIFESTS_AT_A_TIME = 1024  # that are made from rows, or rows of them
_LAYOUT = b"3"  # of the rows; another version's are not read

# Of one artifact. Columns of few values are kept as dictionaries, since thousands of parts have the
# same recipe.
ROWS = pa.schema(
    [
        ("folder", pa.string()),  # <kind>/<digest16>
        ("manifest_bytes", pa.int64()),  # of manifest.json
        ("changed", pa.int64()),  # its time of change, in ns
        ("folder_changed", pa.int64()),  # on a disk: when a file last came to the folder, or went
        ("kind", pa.string()),
        ("digest", pa.string()),
        ("version", pa.int64()),
        ("inputs", pa.string()),  # JSON, as the next ones
        ("recipe", pa.dictionary(pa.int32(), pa.string())),
        ("statistics", pa.string()),
        ("created", pa.string()),
        ("seconds", pa.float64()),
        ("rows", pa.int64()),  # of all its Parquet files
        ("bytes", pa.int64()),  # of its own files, as `files` counts them
        ("files", pa.int64()),
        ("parents", pa.list_(pa.string())),  # digests of what it was made from, as `lineage` says
        ("groups", pa.list_(pa.string())),  # those among them in which its tables lie
        ("sizes", pa.string()),  # JSON: of its own files
        ("packages", pa.dictionary(pa.int32(), pa.string())),  # JSON: of the provenance
        ("rest", pa.string()),  # JSON: files, rows by file, the other provenance
    ],
    metadata={"layout": _LAYOUT},
)

LISTED = [name for name in ROWS.names if name not in ("packages", "rest")]

Tree = LocalTree | ObjectTree
Read = Callable[[str, str], Manifest | None]
Key = tuple[str, int, int]  # a row's folder, manifest_bytes and changed

_OF_A_MANIFEST = [
    "kind",
    "digest",
    "version",
    "recipe",
    "inputs",
    "statistics",
    "packages",
    "rest",
]
_SHARED = [field.name for field in ROWS if pa.types.is_dictionary(field.type)]
_ARTIFACT = re.compile(r"[a-z][a-z0-9_]*/[0-9a-f]{16}")

_waiting: dict[str, list[dict[str, Any]]] = {}  # by lake: committed by this process, in no file yet
_lock = threading.Lock()


class ManifestIndex:
    """The rows that a lake's index files hold, with these of their columns."""

    def __init__(self, tree: Tree, names: Sequence[str]) -> None:
        self.files: list[str] = []
        self._schema = pa.schema([ROWS.field(name) for name in names], ROWS.metadata)
        tables = [self._schema.empty_table()]
        for name in sorted(tree.sizes(FOLDER)):
            if name.endswith(".parquet"):
                tables += self._read(tree, f"{FOLDER}/{name}")
        self.rows = pa.concat_tables(tables).unify_dictionaries()
        self._places = {key: place for place, key in enumerate(_keys(self.rows))}

    def find(self, key: Key) -> int | None:
        """The row of an artifact by its folder and its manifest's size and time of change.

        None: read the manifest yourself.
        """
        return self._places.get(key)

    def _read(self, tree: Tree, name: str) -> list[pa.Table]:
        data = tree.read(name)
        if data is None:  # a reader has just put another in its place
            return []
        self.files.append(name)
        if name != _name(data):
            return []
        # Whatever is wrong with it: the manifests are there.
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):
            file = pq.ParquetFile(io.BytesIO(data), read_dictionary=_SHARED)
            if (file.schema_arrow.metadata or {}).get(b"layout") == _LAYOUT:
                return [file.read(self._schema.names).cast(self._schema)]
        return []


def glance(tree: Tree, read: Read, names: Sequence[str]) -> pa.Table:
    """`listing` of a whole lake by its folders alone, where an index knows them: for people.

    Three times as fast with 90,000 parts on a disk, twenty times in S3. On a disk folders have
    times: what came, went or was replaced in one is noticed, a file that was overwritten in place
    is not. In S3 they have none: whole folders that came or went are noticed. So no run relies
    on it.
    """
    folders = tree.folders()
    if len(folders) < WORTH:
        return listing(tree, read, None, names=names)
    with no_collection():
        rows = ManifestIndex(tree, names).rows
        places = _seen(rows, folders)
        is_known = np.zeros(len(rows), dtype=bool)
        is_known[[*places.values()]] = True
    if len(folders) - len(places) >= WORTH:
        return listing(tree, read, None, names=names)  # which writes down what is new
    others = {n: tree.entries_of(n, at) for n, at in folders.items() if n not in places}
    fresh = _fresh(tree, read, [n for n in others if _is_artifact(n, others[n])], others)
    both = [chosen(rows, is_known), _whole(fresh, others).select(names)]
    return pa.concat_tables(both).unify_dictionaries()


def _seen(rows: pa.Table, folders: Mapping[str, int | None]) -> dict[str, int]:
    """The row of each folder that still has the row's time, if folders have times; its last."""
    told = zip(*(rows[name].to_pylist() for name in ("folder", "folder_changed", "changed")))
    found: dict[str, tuple[int, int]] = {}
    for place, (folder, at, changed) in enumerate(told):
        if folder in folders and folders[folder] in (at, None):
            found[folder] = max(found.get(folder, (0, 0)), (changed, place))
    return {folder: place for folder, (_, place) in found.items()}


def listing(
    tree: Tree, read: Read, kind: str | None, start: str = "", names: Sequence[str] = ROWS.names
) -> pa.Table:
    """ROWS of all whole artifacts of a kind (of any with None) whose digests start so.

    `read` opens one artifact's manifest, given its kind and digest. Where there is an index, of
    its columns those of these names.
    """
    with no_collection():
        listed = {
            name: entries
            for name, entries in tree.entries(kind, start).items()
            if _is_artifact(name, entries)
        }
        if len(listed) < WORTH:
            rows = _fresh(tree, read, [*listed], listed)
        else:
            index = ManifestIndex(tree, names)
            places = {n: index.find((n, *entries[MANIFEST])) for n, entries in listed.items()}
            is_there = np.zeros(len(index.rows), dtype=bool)
            is_there[[place for place in places.values() if place is not None]] = True
            unknown = [name for name, place in places.items() if place is None]
            fresh = _whole(_fresh(tree, read, unknown, listed), listed)
            both = [chosen(index.rows, is_there), fresh.select(names)]
            rows = pa.concat_tables(both).unify_dictionaries()
            _refresh(tree, index, fresh, listed if kind is None and not start else None)
        return _whole(rows, listed)


def _is_artifact(folder: str, entries: Entries) -> bool:
    return MANIFEST in entries and _ARTIFACT.fullmatch(folder) is not None


def _whole(rows: pa.Table, listed: dict[str, Entries]) -> pa.Table:
    """Those whose files are all there."""
    told = zip(*(rows[name].to_pylist() for name in ("folder", "sizes")))
    return chosen(rows, [_is_whole(sizes, listed[folder]) for folder, sizes in told])


def _fresh(tree: Tree, read: Read, folders: list[str], listed: dict[str, Entries]) -> pa.Table:
    """ROWS of artifacts of which no index knows."""
    tables = [ROWS.empty_table()]
    for start in range(0, len(folders), MANIFESTS_AT_A_TIME):
        some = folders[start : start + MANIFESTS_AT_A_TIME]
        rows = [_row(m, listed[f]) for f, m in zip(some, _opened(tree, read, some)) if m]
        tables.append(pa.Table.from_pylist(rows, schema=ROWS))
    return in_order(pa.concat_tables(tables).unify_dictionaries())


def _opened(tree: Tree, read: Read, folders: list[str]) -> list[Manifest | None]:
    names = [folder.split("/") for folder in folders]
    if isinstance(tree, LocalTree):
        return [read(*name) for name in names]
    with ThreadPoolExecutor(READERS) as pool:  # each waits for the network most of the time
        return list(pool.map(lambda name: read(*name), names))


def chosen(rows: pa.Table, wanted: Sequence[bool] | np.ndarray) -> pa.Table:
    """The rows that are wanted: nothing is copied when all are, as nearly always."""
    return rows if all(wanted) else rows.filter(pa.array(wanted, pa.bool_()))


def in_order(rows: pa.Table) -> pa.Table:
    """Oldest first; nothing is copied when they stand so, as an index has them."""
    keys = [*zip(*(rows[name].to_pylist() for name in ("created", "kind", "digest")))]
    places = sorted(range(len(keys)), key=lambda place: (str(keys[place][0]), *keys[place][1:]))
    return rows if places == [*range(len(keys))] else rows.take(pa.array(places, pa.int64()))


def manifests(tree: Tree, read: Read, rows: pa.Table) -> Iterator[Manifest]:
    """Of each row of a listing whose manifest is still there; equal recipes are one object."""
    if "rest" in rows.column_names:
        return _from_rows(rows)
    if len(rows) < (FEW if isinstance(tree, LocalTree) else WORTH):
        return filter(None, _opened(tree, read, rows["folder"].to_pylist()))
    return _from_index(ManifestIndex(tree, ROWS.names), read, rows)


def _from_index(index: ManifestIndex, read: Read, rows: pa.Table) -> Iterator[Manifest]:
    keys = [*_keys(rows)]
    for known, some in itertools.groupby(keys, lambda key: index.find(key) is not None):
        if known:
            places = [index.find(key) for key in some]
            yield from _from_rows(index.rows.take(pa.array(places, pa.int64())))
        else:
            yield from filter(None, (read(*folder.split("/")) for folder, *_ in some))


def _from_rows(rows: pa.Table) -> Iterator[Manifest]:
    same: dict[str, Any] = {}  # what many of them share, in memory once

    def shared(text: str) -> Any:
        if text not in same:
            same[text] = json.loads(text)
        return same[text]

    for batch in rows.to_batches(max_chunksize=MANIFESTS_AT_A_TIME):
        for row in batch.select(_OF_A_MANIFEST).to_pylist():
            rest = json.loads(row["rest"])
            if row["packages"] != "null":
                rest["provenance"]["packages"] = shared(row["packages"])
            yield Manifest(
                row["kind"],
                row["digest"],
                row["version"],
                shared(row["recipe"]),
                json.loads(row["inputs"]),
                statistics=json.loads(row["statistics"]),
                **rest,
            )


def _keys(rows: pa.Table) -> Iterator[Key]:
    return zip(*(rows[name].to_pylist() for name in ROWS.names[:3]))


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


def remember(tree: Tree, manifest: Manifest, entries: Entries) -> None:
    """A manifest that this process has committed: written down once there are some."""
    place = str(tree.root) if isinstance(tree, LocalTree) else tree.url
    with _lock:
        rows = _waiting.setdefault(place, [])
        rows.append(_row(manifest, entries))
        if len(rows) < WORTH:
            return
        del _waiting[place]
    _write(tree, pa.Table.from_pylist(rows, schema=ROWS))


def _refresh(
    tree: Tree, index: ManifestIndex, fresh: pa.Table, whole: dict[str, Entries] | None
) -> None:
    """Write down what a listing found out; of a `whole` lake many files become one."""
    added = len(fresh) >= WORTH and bool(_write(tree, fresh))
    if whole is None or len(index.files) + added < MOST_FILES:
        return
    full = ManifestIndex(tree, ROWS.names)
    is_listed = [
        folder in whole and (size, changed) == whole[folder][MANIFEST]
        for folder, size, changed in _keys(full.rows)
    ]
    written = _write(tree, in_order(chosen(full.rows, is_listed)))
    if written:
        for name in set(full.files) - {written}:  # another reader may have written the same
            with contextlib.suppress(OSError):
                tree.remove(name)


def has_all(manifest: Manifest, entries: Entries) -> bool:
    """Whether all files of an artifact itself are there in their size."""
    return all(
        name in entries and entries[name][0] == file["bytes"]
        for name, file in manifest.files.items()
    )


def _is_whole(sizes: str, entries: Entries) -> bool:
    """`has_all`, by what a row says."""
    found = {name: size for name, (size, _) in entries.items() if not name.startswith(PROVENANCE)}
    del found[MANIFEST]
    found.pop(ITSELF, None)
    # Mostly nothing else lies there, and a text is soon compared.
    return sizes == _text(found) or json.loads(sizes).items() <= found.items()


def _row(manifest: Manifest, entries: Entries) -> dict[str, Any]:
    provenance = dict(manifest.provenance)
    packages = provenance.pop("packages", None)
    rest = {"files": manifest.files, "rows": manifest.rows, "provenance": provenance}
    size, changed = entries[MANIFEST]
    return {
        "folder": f"{manifest.kind}/{manifest.artifact}",
        "manifest_bytes": size,
        "changed": changed,
        "folder_changed": entries[ITSELF][1] if ITSELF in entries else None,
        "kind": manifest.kind,
        "digest": manifest.digest,
        "version": manifest.version,
        "inputs": _text(manifest.inputs),
        "recipe": _text(manifest.recipe),
        "statistics": _text(manifest.statistics),
        "created": provenance.get("created"),
        "seconds": provenance.get("seconds"),
        "rows": sum(manifest.rows.values()),
        "bytes": manifest.total_bytes,
        "files": len(manifest.files),
        "parents": parents(manifest.inputs),
        "groups": manifest.inputs.get(GROUPS, []),
        "sizes": _text({name: file["bytes"] for name, file in manifest.files.items()}),
        "packages": _text(packages),
        "rest": _text(rest),
    }


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _write(tree: Tree, rows: pa.Table) -> str:
    """The file's name; "" where it can't be written."""
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
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
