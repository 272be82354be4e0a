"""The lake as DuckDB sees it: a file system that reads files of one lake and does nothing else.

DuckDB can write wherever it can read, and SQL has more ways to say so than a check of statements
finds (since 2.0 a COPY may stand inside a WITH). So a connection is given no folder of the disk but
`lake://<path in the lake>`, and whatever is asked of it here besides reading is refused. From an S3
lake the columns come that a query reads.
"""

import datetime
import os
import threading
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec import AbstractFileSystem

from storage.lake import Lake
from storage.local import LocalTree
from storage.manifest import Manifest
from storage.remote_file import RemoteFile

SCHEME = "lake://"
_ONLY_VIEWS = "of a lake in S3 SQL reads the files of its views alone"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class LakeFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Files of one lake, for `DuckDBPyConnection.register_filesystem`."""

    protocol = "lake"
    cachable = False  # fsspec would hand one lake's out for another's

    def __init__(self, lake: Lake) -> None:
        super().__init__()
        self._lake = lake
        self._root = lake.tree.root if isinstance(lake.tree, LocalTree) else None
        self._listed: dict[str, tuple[Manifest, str]] = {}

    def add(self, manifest: Manifest, name: str) -> str:
        """The address of an artifact's file, which is then read wherever the lake has put it."""
        path = f"{manifest.kind}/{manifest.artifact}/{name}"
        self._listed[path] = (manifest, name)
        return SCHEME + path

    def open(self, path: str, mode: str = "rb", **_: Any) -> "Handle | RemoteFile":
        """A file to read from; of one in S3 no more comes than DuckDB reads."""
        if mode != "rb":
            raise PermissionError(f"{path}: SQL may not write files")
        name, tree = path.removeprefix(SCHEME), self._lake.tree
        if name in self._listed and not isinstance(tree, LocalTree):
            return tree.open(name)
        return Handle(self._place(path))

    def glob(self, path: str, **_: Any) -> list[str]:
        """What a pattern names; DuckDB asks this of every path."""
        name = path.removeprefix(SCHEME)
        if name in self._listed:
            return [path]
        if self._root is None:
            raise FileNotFoundError(f"{path}: {_ONLY_VIEWS}")
        if not set("*?[") & set(name):
            self._place(path)  # it says why there is none
            return [path]
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise PermissionError(f"{path} is not in the lake")
        found = [p for p in sorted(self._root.glob(name)) if p.is_file() and self._is_inside(p)]
        return [SCHEME + p.relative_to(self._root).as_posix() for p in found]

    def exists(self, path: str, **_: Any) -> bool:
        """Whether there is such a file to be read."""
        try:
            return bool(self.glob(path))
        except FileNotFoundError:
            return False

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Its size."""
        listed = self._listed.get(path.removeprefix(SCHEME))
        if listed is not None:
            manifest, name = listed
            known = manifest.files.get(name) or manifest.provenance["files"][name]
            return {"name": path, "size": known["bytes"], "type": "file"}
        return {"name": path, "size": self._place(path).stat().st_size, "type": "file"}

    def modified(self, path: str) -> datetime.datetime:
        """The same for all: no connection lives long enough to see a file replaced."""
        return _EPOCH

    def _place(self, path: str) -> Path:
        """Where a file lies on this disk."""
        name = path.removeprefix(SCHEME)
        if name in self._listed:
            return self._lake.local_file(*self._listed[name])
        if self._root is None:
            raise FileNotFoundError(f"{path}: {_ONLY_VIEWS}")
        place = self._root / name.lstrip("/")
        if not self._is_inside(place):
            raise PermissionError(f"{path} is not in the lake")
        if not place.is_file():
            raise FileNotFoundError(f"{path}: no such file in the lake")
        return place

    def _is_inside(self, place: Path) -> bool:
        """Links and `..` followed, so that they lead nowhere else."""
        assert self._root is not None
        return place.resolve().is_relative_to(self._root.resolve())


class Handle:
    """An open file. DuckDB's threads share it, and each seeks before it reads."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = os.fstat(self._file).st_size
        self._here = threading.local()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Of the calling thread alone."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        self._here.offset = start + offset
        return self.tell()

    def tell(self) -> int:
        """Where the calling thread reads next."""
        return int(getattr(self._here, "offset", 0))

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer at the file's end alone."""
        data = os.pread(self._file, self._size if size < 0 else size, self.tell())
        self._here.offset = self.tell() + len(data)
        return data

    def seekable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """For all threads."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()
