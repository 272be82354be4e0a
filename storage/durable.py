"""The few file operations that must survive a kill, a power cut and a full disk.

Write a file or rename what is written so that its name never shows less than its bytes, force a
folder to disk, remove one, hold a lock that dies with its process. A power cut loses what was not
forced to disk, and each thing by itself: a name may be there and its bytes not. A full disk becomes
`DiskFull`: one line that names the place.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

PART = ".part"
SYNC_BYTES = 64 << 20  # of a file that grows for hours, between two times that it goes to disk
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Libraries in Rust and C++ pass the errno on only as text, SQLite as one of its own.
FULL_TEXTS = (
    "no space left on device",
    "disk quota exceeded",
    "file too large",
    "database or disk is full",
)


class DiskFull(OSError):
    """No space left. Not the user's mistake in wording, but nothing a traceback would explain."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(errno.ENOSPC, f"disk full: {place}: free some space and run again")
        self.place = str(place)

    def __str__(self) -> str:
        return str(self.strerror)


def is_disk_full(error: BaseException) -> bool:
    """No space, no quota, or a file beyond the size limit."""
    if isinstance(error, OSError) and error.errno in FULL_ERRNOS:
        return True
    text = str(error).lower()
    return any(part in text for part in FULL_TEXTS)


@contextlib.contextmanager
def full_disk_is_clear(place: Path | str) -> Iterator[None]:
    """Turn a full disk, whether Python, Arrow or another library says so, into DiskFull."""
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        if is_disk_full(error):
            raise DiskFull(place) from error
        raise


def sync_tree(folder: Path) -> None:
    """Force every file below the folder to disk, then the folders, innermost first."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            _sync(Path(root) / name)
        _sync(Path(root))


def sync_folder(folder: Path) -> None:
    """Force a folder's entries (a rename in it) to disk."""
    _sync(folder)


@contextlib.contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is whole and on disk; one that fails leaves nothing.

    A reader finds the old bytes or the new ones, never a mixture; a killed writer leaves
    `.NAME.….part`.
    """
    name = f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}{PART}"
    with _renamed(name, path) as part, part.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def written_by_name(path: Path) -> Iterator[Path]:
    """`written`, for libraries that open a file themselves: yields the name they are to write.

    It is `.NAME.part`, so that the next writer takes the place of what a killed one left, which may
    be large: of two at once each would write into the other's.
    """
    with _renamed(f".{path.name}{PART}", path) as part:
        yield part
        _sync(part)


@contextlib.contextmanager
def appended(path: Path) -> Iterator[Callable[[bytes], None]]:
    """What appends to a file, made where it is absent: a power cut costs its last `SYNC_BYTES`."""
    unsynced = 0
    with path.open("ab") as file:

        def append(data: bytes) -> None:
            nonlocal unsynced
            file.write(data)
            unsynced += len(data)
            if unsynced >= SYNC_BYTES:
                sync()

        def sync() -> None:
            nonlocal unsynced
            file.flush()
            os.fsync(file.fileno())
            unsynced = 0

        yield append
        sync()


def write_atomic(path: Path, *pieces: bytes) -> None:
    """`written`, of bytes that are there."""
    with written(path) as file:
        file.writelines(pieces)


def publish(source: Path, target: Path) -> None:
    """Rename a file or a folder that is written: its bytes go to disk first, then its name."""
    if source.is_dir():
        sync_tree(source)
    else:
        _sync(source)
    source.replace(target)
    _sync(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing; a power cut does not undo it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, "is a file, not a folder", str(folder)) from error
    _sync(folder.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it, or a file; one that is gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        if folder.is_dir():
            shutil.rmtree(folder)
        else:
            folder.unlink()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes and threads; the kernel frees it when one dies."""
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _renamed(name: str, path: Path) -> Iterator[Path]:
    """A file beside `path` that becomes it at the end, or is removed where that fails."""
    make_folder(path.parent)
    part = path.with_name(name)
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(folder: Path) -> Path | None:
    """The folder, or the nearest above it that is there, if nothing can be written in it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return None if error.errno in FULL_ERRNOS else folder
    return None
