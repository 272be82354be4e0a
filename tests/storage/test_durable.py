"""File operations one by one: order of syncs, files whole or not at all, who may write where."""

import errno
import fcntl
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from storage import durable


def test_files_are_synced_before_their_folder_and_inner_folders_before_outer(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("top", "a/middle", "a/b/deep"):
        (tmp_path / name).write_bytes(b"x")
    synced: list[str] = []
    sync = durable._sync

    def spy(path: Path) -> None:
        synced.append(path.relative_to(tmp_path).as_posix())
        sync(path)

    monkeypatch.setattr(durable, "_sync", spy)
    durable.sync_tree(tmp_path)
    assert synced == ["a/b/deep", "a/b", "a/middle", "a", "top", "."]


def test_a_file_is_replaced_whole_and_its_folder_synced(tmp_path, monkeypatch):
    target = tmp_path / "new" / "file"
    durable.write_atomic(target, b"one", b"two")
    assert target.read_bytes() == b"onetwo"
    synced: list[int] = []
    fsync = os.fsync

    def noting(number: int) -> None:
        synced.append(number)
        fsync(number)

    monkeypatch.setattr(os, "fsync", noting)
    durable.write_atomic(target, b"three")
    assert target.read_bytes() == b"three"
    assert len(synced) == 2  # the file, its folder
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_kept_a_file_from_being_opened_is_what_is_said(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space"), durable.written(tmp_path / "file"):
        pass


def test_a_library_writes_under_a_name_that_is_given_up_at_the_end(tmp_path, monkeypatch):
    target = tmp_path / "new" / "file"
    synced: list[str] = []
    monkeypatch.setattr(durable, "_sync", lambda path: synced.append(path.name))
    with durable.written_by_name(target) as part:
        part.write_bytes(b"x")
        synced.clear()
        assert not target.exists()
    assert target.read_bytes() == b"x"
    assert synced == [".file.part", "new"]
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_what_a_killed_writer_left_is_written_over_and_a_failed_one_leaves_nothing(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    (tmp_path / ".file.part").write_bytes(b"of a kill")
    with pytest.raises(RuntimeError) as raised, durable.written_by_name(target) as part:
        raise RuntimeError(part)
    assert raised.value.args == (tmp_path / ".file.part",)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_grows_goes_to_disk_now_and_then_and_at_the_end(tmp_path, monkeypatch):
    path = tmp_path / "part"
    path.write_bytes(b"12")
    synced: list[int] = []
    monkeypatch.setattr(durable, "SYNC_BYTES", 4)
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.stat().st_size))
    with durable.appended(path) as append:
        for data in (b"345", b"6", b"78"):
            append(data)
        assert synced == [6]
    assert synced == [6, 8]
    assert path.read_bytes() == b"12345678"


def test_where_a_file_is_no_folder_is_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="is a file, not a folder"):
        durable.make_folder(tmp_path / "file" / "deep" / "er")


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (sqlite3.OperationalError("database or disk is full"), True),
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError("IOError: No space left on device"), True),
        (OSError(errno.EFBIG, "x"), True),
        (RuntimeError("I/O error: Disk quota exceeded (os error 122)"), True),  # of Rust
        (OSError(errno.EIO, "x"), False),
        (RuntimeError("x"), False),
    ],
)
def test_which_errors_are_a_full_disk(error, is_full):
    kind = OSError if is_full else type(error)
    with pytest.raises(kind, match=r"x|space") as raised, durable.full_disk_is_clear("/place"):
        raise error
    assert isinstance(raised.value, durable.DiskFull) is is_full
    if is_full:
        assert str(raised.value) == "disk full: /place: free some space and run again"
        assert (raised.value.place, raised.value.errno) == ("/place", errno.ENOSPC)


def test_a_full_disk_keeps_the_place_that_was_named_first():
    inner, outer = durable.full_disk_is_clear("/inner"), durable.full_disk_is_clear("/outer")
    with pytest.raises(durable.DiskFull) as raised, outer, inner:
        raise OSError(errno.ENOSPC, "x")
    assert raised.value.place == "/inner"


def test_a_lock_is_held_by_one_and_freed_at_the_end(tmp_path):
    path = tmp_path / "new" / ".lock"

    def is_free() -> bool:
        with path.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    with durable.locked(path):
        assert not is_free()
    assert is_free()


def test_a_tree_that_is_gone_is_removed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x")
    durable.remove_tree(tmp_path / "a")
    durable.remove_tree(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "is_named"), [(errno.EACCES, True), (errno.EROFS, True), (errno.ENOSPC, False)]
)
def test_the_nearest_folder_that_is_there_is_asked(tmp_path, monkeypatch, number, is_named):
    assert durable.unwritable(tmp_path / "not" / "yet") is None
    asked: list[Path] = []

    def refuse(dir: Path) -> NoReturn:
        asked.append(dir)
        raise OSError(number, "no")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert durable.unwritable(tmp_path / "not" / "yet") == (tmp_path if is_named else None)
    assert asked == [tmp_path]
