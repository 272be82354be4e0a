"""A full disk: one clear line, no half artifact, and the space of the attempt is free again."""

import contextlib
import errno
import os

import pyarrow as pa
import pytest

from storage import Lake
from storage.durable import DiskFull, full_disk_is_clear
from storage.tables import write_table

MEGABYTE = 1 << 20


@pytest.mark.parametrize("at", range(6))
def test_no_space_at_any_fsync(lake, make, monkeypatch, at):
    calls = 0
    real = os.fsync

    def full(descriptor):
        nonlocal calls
        calls += 1
        if calls > at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    files = {"t.parquet": pa.table({"x": [1]}), "a/b": b"1"}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="disk full") as caught:
        make(lake, "corpus", files)
    monkeypatch.undo()
    assert "\n" not in str(caught.value)
    assert lake.url in str(caught.value)
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.ENOSPC
    assert list(lake.disk.root.glob(".staging/*")) == []
    # A folder's fsync that fails after the rename leaves the artifact, whole; before it, nothing.
    assert all(lake.is_whole(m.kind, m.digest, deep=True) for m in lake.list())
    assert lake.is_whole("corpus", make(lake, "corpus", files).digest, deep=True)


def test_a_truly_full_disk(small_disk, make):
    lake = Lake(small_disk / "lake")
    kept = make(lake, "corpus", {"a.bin": bytes(MEGABYTE // 2)}, recipe={"n": 1})
    lake.set_heads({"corpus": kept.digest})
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(DiskFull):
        lake.set_heads({"corpus": "ab" * 32})
    with pytest.raises(OSError, match=r"disk full|No space left"):
        make(lake, "corpus", {"b.bin": bytes(MEGABYTE)}, recipe={"n": 2})
    assert lake.heads() == {"corpus": kept.digest}
    assert [m.digest for m in lake.list()] == [kept.digest]
    assert lake.is_whole("corpus", kept.digest, deep=True)
    filler.unlink()
    assert not list(lake.disk.root.glob(".*.part"))


def test_no_room_for_the_manifest(small_disk, make):
    lake = Lake(small_disk / "lake")
    make(lake, "corpus", {"a.bin": b"1"}, recipe={"n": 1})
    free = os.statvfs(small_disk)
    size = free.f_bavail * free.f_frsize
    statistics = {"text": "x" * 100_000}
    with pytest.raises(DiskFull):
        make(lake, "corpus", {"b.bin": bytes(size - 50_000)}, {"n": 2}, statistics=statistics)
    assert len(lake.list()) == 1
    assert list((lake.disk.root / ".staging").iterdir()) == []
    after = os.statvfs(small_disk)
    assert after.f_bavail >= free.f_bavail - 4


def test_arrows_message_is_understood(small_disk):
    numbers = pa.table({"x": os.urandom(3 * MEGABYTE).hex().split("0")})
    with pytest.raises(DiskFull), full_disk_is_clear(small_disk):
        write_table(numbers, small_disk / "t.parquet")


def test_other_errors_pass_unchanged():
    with pytest.raises(PermissionError), full_disk_is_clear("here"):
        raise PermissionError(errno.EACCES, "no")
