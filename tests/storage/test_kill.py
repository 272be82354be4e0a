"""SIGKILL at every single file operation of a commit: afterwards a whole artifact, or none."""

import json
import subprocess
import sys

import pytest

from storage import Lake
from storage.digest import artifact_digest

# Forks one committing child per N, which kills itself at its Nth operation, until one lives through
# it. The operations are Python's audit events (every open, rename, mkdir, remove, lock) and fsyncs.
DRIVER = """
import json, os, signal, sys
from pathlib import Path
from storage import Lake
from storage.digest import artifact_digest

folder, damaged = Path(sys.argv[1]), sys.argv[2] == "damaged"
EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "fcntl.flock", "shutil.rmtree"}
digest = artifact_digest("corpus", 1, {}, {})

def commit(lake):
    staging = lake.staging("corpus", digest)
    (staging / "provenance").mkdir()
    for name in ("a.bin", "b.bin", "provenance/clock"):
        (staging / name).write_bytes(name.encode() * 100)
    return lambda: lake.commit(staging, "corpus", digest, 1, {}, {}, {"n": 2}, {})

def child(n, lake):
    finish = commit(lake)
    left = n
    def step(event="", args=()):
        nonlocal left
        if event in EVENTS:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
    fsync = os.fsync
    os.fsync = lambda fd: (step("open"), fsync(fd), step("open"))
    sys.addaudithook(step)
    finish()
    os._exit(0)

for n in range(500):
    lake = Lake(folder / str(n))
    if damaged:
        commit(lake)()
        (lake.local("corpus", digest) / "a.bin").unlink()
    pid = os.fork()
    if pid == 0:
        child(n, lake)
    status = os.waitpid(pid, 0)[1]
    killed = os.WIFSIGNALED(status)
    assert killed or status == 0, status
    print(json.dumps({"n": n, "killed": killed}), flush=True)
    if not killed:
        break
"""


@pytest.mark.parametrize("state", ["absent", "damaged"])
def test_a_kill_at_any_operation_leaves_a_whole_artifact_or_none(tmp_path, state, make):
    out = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path), state],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    runs = [json.loads(line) for line in out.splitlines()]
    assert not runs[-1]["killed"]
    assert len(runs) > 20, "the commit has many operations to be killed at"
    digest = artifact_digest("corpus", 1, {}, {})
    whole = []
    for run in runs:
        lake = Lake(tmp_path / str(run["n"]))
        whole.append(lake.is_whole("corpus", digest))
        assert [m.digest for m in lake.list()] == ([digest] if whole[-1] else [])
        folder = lake.disk.root / "corpus" / digest[:16]
        if whole[-1]:
            assert lake.is_whole("corpus", digest, deep=True)
            assert (folder / "provenance" / "clock").exists()
        elif state == "absent":
            assert not folder.exists(), "no half artifact, not even a damaged one"
        # What the dead left is removed, and a rerun ends well.
        lake.collect_garbage()
        staging = lake.disk.root / ".staging"
        assert not staging.exists() or list(staging.iterdir()) == []
        files = {"a.bin": b"a.bin" * 100, "b.bin": b"b.bin" * 100}
        made = make(lake, "corpus", files | {"provenance/clock": b""}, statistics={"n": 2})
        assert sorted(made.files) == ["a.bin", "b.bin"]
        assert lake.is_whole("corpus", digest, deep=True)
    first = whole.index(True)
    assert all(whole[first:]), "once published it stays"
    assert 0 < first < len(runs) - 1, "kills fell before and after the publication"
