"""A folder on a disk that forgets at a power cut whatever was not forced to it.

`watch` has this process, and those it forks, note each fsync: of a file its bytes, of a folder its
names. `power_cut` then makes of the folder what a disk may hold afterwards. It is a strict disk:
whatever no fsync asked for is lost, and names and bytes are lost apart.
"""

import contextlib
import json
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path

LOST = ("names", "all bytes", "half the bytes")


class ForgetfulDisk:
    """Below `root`; what is known lies in `notes`, on the same disk, by inodes."""

    def __init__(self, root: Path, notes: Path) -> None:
        self.root, self.notes = root.resolve(), notes.resolve()
        self.notes.mkdir()
        for folder, _, names in os.walk(self.root):  # what is there now is on the disk
            for name in names:
                self._note_file(Path(folder) / name)
            self._note_folder(Path(folder))

    def watch(self, each: Callable[[int], None] = lambda count: None) -> Callable[[], None]:
        """Begin; `each` is called with the number of fsyncs so far. Gives what ends it."""
        fsync, rmdir = os.fsync, os.rmdir

        def note(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            if not path.is_relative_to(self.root):
                return
            (self._note_folder if path.is_dir() else self._note_file)(path)
            with (self.notes / "count").open("ab") as count:
                count.write(b".")
                count.flush()
                each(count.tell())

        def forget(path: str | Path, *, dir_fd: int | None = None) -> None:
            number = os.stat(path, dir_fd=dir_fd).st_ino  # another folder may get it now
            rmdir(path, dir_fd=dir_fd)
            (self.notes / f"{number}.names").unlink(missing_ok=True)

        os.fsync, os.rmdir = note, forget  # type: ignore[assignment]

        def end() -> None:
            os.fsync, os.rmdir = fsync, rmdir

        return end

    @property
    def fsyncs(self) -> int:
        """How many there were."""
        with contextlib.suppress(FileNotFoundError):
            return (self.notes / "count").stat().st_size
        return 0

    def power_cut(self, lost: str) -> None:
        """Of what was not forced to disk its names are lost, or its bytes, all or half of them."""
        after = self.root.with_name(self.root.name + ".after")
        if lost == "names":
            self._restore(self.root.stat().st_ino, after)
        else:
            shutil.copytree(self.root, after)
            for folder, _, names in os.walk(self.root):
                for name in names:
                    path = Path(folder) / name
                    there = after / path.relative_to(self.root)
                    there.write_bytes(self._left(path, lost))
        shutil.rmtree(self.root)
        after.rename(self.root)

    def _left(self, path: Path, lost: str) -> bytes:
        noted = self.notes / f"{path.stat().st_ino}.bytes"
        if noted.exists():
            return noted.read_bytes()
        data = path.read_bytes()
        return data[: len(data) // 2] if lost == "half the bytes" else b""

    def _restore(self, number: int, target: Path) -> None:
        target.mkdir()
        names = self.notes / f"{number}.names"
        for name, (inode, is_folder) in json.loads(
            names.read_text() if names.exists() else "{}"
        ).items():
            if is_folder:
                self._restore(inode, target / name)
            else:
                data = self.notes / f"{inode}.bytes"
                (target / name).write_bytes(data.read_bytes() if data.exists() else b"")

    def _note_file(self, path: Path) -> None:
        number = path.stat().st_ino
        # A second name, so that its number goes to no other file.
        with contextlib.suppress(FileExistsError):
            os.link(path, self.notes / f"{number}.pin")
        self._write(f"{number}.bytes", path.read_bytes())

    def _note_folder(self, path: Path) -> None:
        found = {}
        for entry in os.scandir(path):
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                found[entry.name] = (status.st_ino, stat.S_ISDIR(status.st_mode))
        self._write(f"{path.stat().st_ino}.names", json.dumps(found).encode())

    def _write(self, name: str, data: bytes) -> None:
        part = self.notes / f"{name}.{os.getpid()}"
        part.write_bytes(data)
        part.replace(self.notes / name)


def killed_at(disk: ForgetfulDisk, number: int, work: Callable[[], object]) -> bool:
    """Do the work in a process group of its own that dies at an fsync; whether it got so far."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            disk.watch(lambda count: os.killpg(0, signal.SIGKILL) if count == number else None)
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return status != 0
