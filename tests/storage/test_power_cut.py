"""A power cut after an operation that has returned, or in its midst: nothing is half there."""

import functools
import shutil
from pathlib import Path

import pytest
from forgetful_disk import LOST, ForgetfulDisk, killed_at

from storage import Lake, durable
from storage.digest import artifact_digest

DIGEST = artifact_digest("corpus", 1, {}, {})
FILES = {"a.bin": b"a" * 100, "deep/b.bin": b"b" * 100}


@pytest.fixture
def disk(tmp_path: Path) -> ForgetfulDisk:
    (tmp_path / "disk").mkdir()
    return ForgetfulDisk(tmp_path / "disk", tmp_path / "notes")


def commit(lake: Lake) -> None:
    staging = lake.staging("corpus", DIGEST)
    for name, data in FILES.items():
        (staging / name).parent.mkdir(exist_ok=True)
        (staging / name).write_bytes(data)
    lake.commit(staging, "corpus", DIGEST, 1, {}, {}, {}, {})
    lake.set_heads({"corpus": DIGEST})


@pytest.mark.parametrize("lost", LOST)
def test_what_was_written_stays(disk: ForgetfulDisk, lost: str) -> None:
    file, folder = disk.root / "new" / "place" / "file", disk.root / "other" / "folder"
    end = disk.watch()
    durable.write_atomic(file, b"old")
    durable.write_atomic(file, b"new", b"er")
    durable.make_folder(folder.parent)
    for name in ("one", "two"):
        (disk.root / name).mkdir()
        (disk.root / name / "x").write_bytes(name.encode())
    durable.publish(disk.root / "one", folder)
    durable.publish(disk.root / "two" / "x", disk.root / "x")
    with durable.written_by_name(disk.root / "table" / "y") as part:
        part.write_bytes(b"three")
    with durable.appended(disk.root / "table" / "y") as append:
        append(b" and more")
    end()
    disk.power_cut(lost)
    assert file.read_bytes() == b"newer"
    assert (folder / "x").read_bytes() == b"one"
    assert (disk.root / "x").read_bytes() == b"two"
    assert (disk.root / "table" / "y").read_bytes() == b"three and more"


@pytest.mark.parametrize("lost", LOST)
def test_the_disk_forgets(disk: ForgetfulDisk, lost: str) -> None:
    """The other tests show something only if this one passes."""
    (disk.root / "old").write_bytes(b"old")
    durable.sync_tree(disk.root)  # not watched: it counts for nothing
    end = disk.watch()
    (disk.root / "part").write_bytes(b"new!")
    (disk.root / "part").replace(disk.root / "old")
    end()
    disk.power_cut(lost)
    left = {"names": None, "all bytes": b"", "half the bytes": b"ne"}[lost]
    assert [path.name for path in disk.root.iterdir()] == ([] if left is None else ["old"])
    assert left is None or (disk.root / "old").read_bytes() == left


@pytest.mark.parametrize("lost", LOST)
def test_an_artifact_that_is_committed_stays(disk: ForgetfulDisk, lost: str) -> None:
    lake = Lake(disk.root / "lake")
    end = disk.watch()
    commit(lake)
    end()
    disk.power_cut(lost)
    assert lake.is_whole("corpus", DIGEST, deep=True)
    assert lake.heads() == {"corpus": DIGEST}


@pytest.mark.parametrize("lost", LOST)
def test_in_the_midst_of_a_commit_it_is_there_or_not(tmp_path: Path, lost: str) -> None:
    found = []
    for number in range(1, 100):
        root = tmp_path / str(number)
        root.mkdir()
        disk = ForgetfulDisk(root, tmp_path / f"notes-{number}")
        lake = Lake(root / "lake")
        killed = killed_at(disk, number, functools.partial(commit, lake))
        disk.power_cut(lost)
        whole = lake.is_whole("corpus", DIGEST)
        found.append(whole)
        assert not whole or lake.is_whole("corpus", DIGEST, deep=True)
        assert lake.heads() in ({}, {"corpus": DIGEST})
        assert whole or not lake.heads()
        commit(lake)
        assert lake.is_whole("corpus", DIGEST, deep=True)
        shutil.rmtree(root)
        if not killed:
            break
    assert not killed
    assert True in found[:-1]
    assert False in found
