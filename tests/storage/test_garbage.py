"""Garbage collection: the dead's folders go, the living's stay, strangers' go when old."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import garbage, locks

DIGEST = "ab" * 32
SLEEPER = """
import sys, time
from storage import Lake
print(Lake(sys.argv[1]).staging("base", sys.argv[2]), flush=True)
time.sleep(60)
"""


def age(folder, seconds):
    then = time.time() - seconds
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (then, then))


def test_the_livings_folders_are_never_touched_the_deads_always(lake):
    mine = lake.staging("base", DIGEST)
    (mine / "file").write_bytes(b"x")
    age(mine, 10**9)
    child = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, lake.url, DIGEST], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    theirs = child.stdout.readline().strip()
    assert lake.collect_garbage(max_age_seconds=0) == []
    child.kill()
    child.wait()
    child.stdout.close()
    assert [str(p) for p in lake.collect_garbage()] == [theirs]
    assert mine.is_dir()


def test_a_pid_that_was_used_again_is_not_the_owner(lake):
    name = garbage.staging_name("base", DIGEST)
    started = f"_{garbage._started(os.getpid())}_"
    assert started in name
    old = lake.disk.root / ".staging" / name.replace(started, "_1_")
    old.mkdir(parents=True)
    assert lake.collect_garbage() == [old]


def test_other_hosts_folders_go_when_their_newest_file_is_old(lake):
    host = garbage._host()
    name = garbage.staging_name("base", DIGEST).replace(host, "00000000")
    folder = lake.disk.root / ".staging" / name
    folder.mkdir(parents=True)
    (folder / "growing").write_bytes(b"x")
    age(folder, 1000)
    os.utime(folder / "growing")
    assert lake.collect_garbage(max_age_seconds=500) == []
    age(folder, 1000)
    assert lake.collect_garbage(max_age_seconds=500) == [folder]


@pytest.mark.parametrize("name", ["notes", "base-1234-12-x", "base-" + "a" * 16 + "-x-y"])
def test_names_of_nobody_go_when_old(lake, name):
    folder = lake.disk.root / ".staging" / name
    folder.mkdir(parents=True)
    assert lake.collect_garbage() == []
    age(folder, 10**9)
    assert lake.collect_garbage() == [folder]


def test_scratch_stays_until_its_artifact_is_whole_or_it_is_old(lake, make):
    waiting = lake.scratch("base", DIGEST)
    made = make(lake, "corpus", {"a": b"1"})
    done = lake.scratch("corpus", made.digest)
    assert lake.collect_garbage() == [done]
    (waiting / "checkpoint").write_bytes(b"x")
    age(waiting, 10**9)
    assert lake.collect_garbage() == [waiting]
    assert lake.is_whole("corpus", made.digest)


def test_half_written_small_files_go_when_their_writer_is_long_gone(lake):
    lake.disk.root.mkdir(parents=True, exist_ok=True)
    part = lake.disk.root / ".heads.json.12.abcd.part"
    part.write_bytes(b"{")
    lake.collect_garbage(max_age_seconds=500)
    assert part.exists()
    os.utime(part, (time.time() - 1000,) * 2)
    lake.collect_garbage(max_age_seconds=500)
    assert not part.exists()


def test_where_the_system_tells_no_start_a_living_pid_is_the_owner(lake, monkeypatch):
    """A system without /proc: 0 stands for a start that nobody knows, in the name or today."""
    name = garbage.staging_name("base", DIGEST)
    started = f"_{garbage._started(os.getpid())}_"
    unknown = lake.disk.root / ".staging" / name.replace(started, "_0_")
    unknown.mkdir(parents=True)
    assert lake.collect_garbage() == []
    monkeypatch.setattr(garbage, "_started", lambda pid: 0)
    known = lake.disk.root / ".staging" / name
    known.mkdir()
    assert lake.collect_garbage() == []


def test_scratch_that_a_run_has_locked_stays_however_old(lake, make):
    made = make(lake, "corpus", {"a": b"1"})
    done, waiting = lake.scratch("corpus", made.digest), lake.scratch("base", DIGEST)
    age(waiting, 10**9)
    with (
        locks.held(lake.lock("corpus", made.digest), lambda holder: None),
        locks.held(lake.lock("base", DIGEST), lambda holder: None),
    ):
        make(lake, "corpus", {"a": b"1"})  # somebody commits the same
        assert lake.collect_garbage() == []
        assert done.is_dir()
        assert waiting.is_dir()
    assert set(lake.collect_garbage()) == {done, waiting}
    assert list((lake.disk.root / locks.LOCKS).iterdir()) == []


def test_lock_files_of_killed_runs_go_when_old(lake):
    path = lake.lock("base", DIGEST)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    lake.collect_garbage()
    assert path.exists()
    os.utime(path, (0, 0))
    with locks.held(path, lambda holder: None):
        lake.collect_garbage(max_age_seconds=-1)
        assert path.exists()
    path.write_bytes(b"{}")
    os.utime(path, (0, 0))
    lake.collect_garbage()
    assert not path.exists()


def test_a_lock_file_whose_artifact_is_whole_goes_at_once(lake, make):
    """Of a run that was killed while it waited: nobody asks for that lock again."""
    made = make(lake, "corpus", {"a": b"1"})
    path = lake.lock("corpus", made.digest)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with locks.held(path, lambda holder: None):
        lake.collect_garbage()
        assert path.exists()
    path.touch()
    lake.collect_garbage()
    assert not path.exists()


@pytest.mark.parametrize("place", [".staging", ".scratch", ".locks", "."])
def test_what_another_run_removes_meanwhile_is_no_error(lake, monkeypatch, place):
    """Between the listing and the look at each."""
    name = garbage.staging_name("base", DIGEST) if place == ".staging" else f"base-{DIGEST[:16]}"
    host = garbage._host()
    name = ".x.part" if place == "." else name.replace(host, "00000000")
    gone = lake.disk.root / place / name
    seen: list[str] = []
    gone.mkdir(parents=True) if place in (".staging", ".scratch") else lake.tree.write(
        f"{place}/{name}", b""
    )
    stat = Path.stat

    def stat_when_gone(path, **options):
        # the second look: the first is the listing's own
        if path.name == name and seen.count(name) == (place in (".staging", ".scratch")):
            shutil.rmtree(gone, ignore_errors=True)
            gone.unlink(missing_ok=True)
        seen.append(path.name)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat_when_gone)
    assert lake.collect_garbage(max_age_seconds=0) == []
    assert name in seen


def test_hosts_are_told_apart_by_more_than_their_name(monkeypatch, tmp_path):
    found = {garbage._host()}
    monkeypatch.setattr(socket, "gethostname", lambda: "node-1")
    found.add(garbage._host())
    machine = tmp_path / "machine-id"
    monkeypatch.setattr(garbage, "MACHINE_ID", machine)
    machine.write_text("0123\n")
    found.add(garbage._host())
    machine.write_text("4567\n")
    found.add(garbage._host())
    machine.unlink()
    found.add(garbage._host())
    monkeypatch.setattr(locks, "boot_id", lambda: "another boot")
    found.add(garbage._host())
    assert len(found) == 6
    assert garbage._host() in found
