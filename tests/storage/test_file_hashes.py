"""What is remembered of a file, when not, and what is said of one that changes."""

import hashlib
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage import file_hashes
from storage.errors import UserError
from storage.file_hashes import NAME, FileChanged, FileState, Hashes, state_of, unchanged

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if files had been written long ago: a change time can't be set."""
    monkeypatch.setattr(file_hashes, "SETTLED_SECONDS", -1e9)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"content")
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_hash_is_remembered_between_runs(tmp_path: Path, file: Path, settled: None) -> None:
    hashes = Hashes(tmp_path / "cache" / NAME)
    assert hashes.known(file) is None
    told: list[tuple[int, int]] = []
    found, state = hashes.take(file, lambda *given: told.append(given))
    assert (found, state) == (sha256(b"content"), state_of(file))
    assert told == [(7, 7)]
    assert hashes.known(file) == (found, state)
    assert Hashes(hashes.path).known(file) == (found, state)


def test_what_changes_is_not_remembered(tmp_path: Path, file: Path, settled: None) -> None:
    hashes = Hashes(tmp_path / NAME)
    hashes.take(file)
    status = file.stat()
    file.write_bytes(b"CONTENT")  # of the same size
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # and time; not of one change time
    assert hashes.known(file) is None
    assert hashes.take(file)[0] == sha256(b"CONTENT")
    other = tmp_path / "other"
    other.write_bytes(b"cOntent")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(file)  # another inode
    assert hashes.known(file) is None
    file.unlink()
    with pytest.raises(FileNotFoundError):
        hashes.known(file)


def test_what_was_written_just_now_is_hashed_again(tmp_path: Path, file: Path) -> None:
    hashes = Hashes(tmp_path / NAME)
    hashes.take(file)
    assert hashes.known(file) is None
    old = file.stat().st_mtime - 1e6
    os.utime(file, (old, old))  # a copy that keeps its time is as new as its change time
    hashes.take(file)
    assert hashes.known(file) is None


def test_without_a_place_or_with_a_damaged_one_every_file_is_hashed(
    tmp_path: Path, file: Path, settled: None
) -> None:
    nowhere = Hashes(file / "below a file" / NAME)
    assert nowhere.take(file)[0] == sha256(b"content")
    assert nowhere.known(file) is None
    damaged = tmp_path / NAME
    damaged.write_bytes(b"no database at all, and longer than the header of one" * 9)
    assert Hashes(damaged).take(file)[0] == sha256(b"content")
    again = Hashes(damaged)  # a new one is begun
    again.take(file)
    assert Hashes(damaged).known(file) is not None


def test_processes_and_threads_share_it(tmp_path: Path, settled: None) -> None:
    files = [tmp_path / f"{number}.warc" for number in range(40)]
    for path in files:
        path.write_bytes(path.name.encode())
    code = (
        "import sys; from pathlib import Path; from storage import file_hashes as f;"
        "f.SETTLED_SECONDS = -1e9; h = f.Hashes(Path(sys.argv[1]));"
        "[h.take(Path(p)) for p in sys.argv[2:]]"
    )
    place = tmp_path / NAME
    command = [sys.executable, "-c", code, str(place), *map(str, files)]
    others = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(2)]
    mine = Hashes(place)
    threads = [threading.Thread(target=mine.take, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait() for other in others] == [0, 0]
    for path in files:
        known = Hashes(place).known(path)
        assert known is not None
        assert known[0] == sha256(path.name.encode())


def test_a_file_that_grows_while_it_is_hashed(tmp_path: Path, file: Path) -> None:
    def grow(done: int, total: int) -> None:
        with file.open("ab") as end:
            end.write(b"more")

    file.write_bytes(bytes(3 << 20))
    with pytest.raises(FileChanged, match=f"input {re.escape(str(file))} was changed"):
        Hashes(tmp_path / NAME).take(file, grow)


def test_a_file_that_changes_while_it_is_read(file: Path) -> None:
    with unchanged({file: state_of(file)}), unchanged({file: None}):
        pass
    for known in (state_of(file), None):
        with pytest.raises(UserError, match="was changed"), unchanged({file: known}):
            file.write_bytes(file.read_bytes() + b"more")
    # what goes wrong meanwhile follows from it

    def vanish() -> None:
        file.unlink()
        raise RuntimeError("a page process died")

    with pytest.raises(FileChanged) as caught, unchanged({file: None}):
        vanish()
    assert isinstance(caught.value.__cause__, RuntimeError)
    file.write_bytes(b"back")
    with pytest.raises(RuntimeError, match="of its own"), unchanged({file: None}):
        raise RuntimeError("of its own")
    before = state_of(file)
    file.write_bytes(b"new!!!")
    with pytest.raises(FileChanged), unchanged({file: before}):
        raise AssertionError("never begun")


def test_a_file_that_is_not_there_hides_no_change_of_another(tmp_path: Path, file: Path) -> None:
    missing = tmp_path / "missing"
    seen = unchanged({missing: None, file: None})
    with pytest.raises(FileChanged, match=re.escape(str(file))), seen:
        file.write_bytes(b"of another length")
    before = state_of(file)
    with unchanged({file: FileState(before.size, before.mtime_ns)}):  # of another machine
        pass
    other = unchanged({file: FileState(before.size, before.mtime_ns, before.inode + 1)})
    with pytest.raises(FileChanged), other:
        pass
