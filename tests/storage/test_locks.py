"""Who makes an artifact: one run at a time, as long as a process of it lives."""

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import UserError, locks
from storage.locks import Holder, free, held

# A run that holds the lock while a worker of it, which has a child, shares it.
RUN = """
import os, sys, time
from pathlib import Path
from storage import locks
path = Path(sys.argv[1])
with locks.held(path, lambda holder: None) as token:
    worker = os.fork()
    if worker == 0:
        locks.share(path, token)
        child = os.fork()
        if child == 0:
            time.sleep(600)
        print(os.getpid(), child, flush=True)
        time.sleep(600)
    time.sleep(600)
"""
TURNS = """
import sys
from pathlib import Path
from storage import locks
path, place, times = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for _ in range(times):
    with locks.held(path, lambda holder: None) as token:
        (place / "alone").mkdir()  # fails if another one is here
        count = int((place / "count").read_text())
        (place / "count").write_text(str(count + 1))
        (place / "alone").rmdir()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".locks" / "base-0123456789abcdef"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.01)


def is_held(path: Path) -> bool:
    with free(path) as is_free:
        return not is_free


@contextlib.contextmanager
def a_run(path: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Another run that holds the lock: its process, its worker and that one's child."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    worker, child = map(int, run.stdout.readline().split())
    try:
        yield run, worker, child
    finally:
        run.kill()
        run.wait()
        run.stdout.close()
        for pid in (worker, child):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_it_is_held_by_one_and_leaves_nothing(path: Path) -> None:
    with held(path, lambda holder: None) as token:
        assert is_held(path)
        assert json.loads(path.read_bytes())["token"] == token
    assert not is_held(path)
    assert list(path.parent.iterdir()) == []


def test_threads_of_one_process_keep_each_other_out(path: Path) -> None:
    inside: list[int] = []
    together: set[int] = set()
    told: list[Holder | None] = []

    def work(number: int) -> None:
        with held(path, told.append):
            inside.append(number)
            together.add(len(inside))
            while number == 0 and not told:
                time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    threads[0].start()
    while not is_held(path):
        time.sleep(0.01)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == {1}
    assert {holder.pid for holder in told if holder} == {os.getpid()}
    assert list(path.parent.iterdir()) == []


def test_processes_that_take_turns_lose_none(path: Path, tmp_path: Path) -> None:
    """Taking, turning and deleting the file race in all ways here."""
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", TURNS, str(path), str(tmp_path), "25"]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, said
    assert (tmp_path / "count").read_text() == "100"


def test_it_lasts_until_the_last_process_of_the_run_is_dead(path: Path) -> None:
    with a_run(path) as (run, worker, child):
        told: list[Holder | None] = []
        taken = threading.Event()

        def wait() -> None:
            with held(path, told.append):
                taken.set()

        waiter = threading.Thread(target=wait)
        waiter.start()
        while not told:
            time.sleep(0.01)
        assert told[0] is not None
        assert str(told[0]).startswith(f"process {run.pid} on ")
        run.kill()
        run.wait()
        assert is_held(path)
        os.kill(worker, signal.SIGKILL)
        while "Z" not in Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[:1]:
            if not Path(f"/proc/{worker}").exists():
                break
            time.sleep(0.01)
        assert is_held(path)  # by the worker's child
        assert not taken.is_set()
        os.kill(child, signal.SIGKILL)
        waiter.join()
    assert taken.is_set()
    assert len(told) == 1


@pytest.mark.parametrize("state", ["absent", "another's"])
def test_a_worker_whose_run_is_dead_ends_at_once(path: Path, state: str) -> None:
    """It was slow to start: another run may be at work by now."""
    with held(path, lambda holder: None) if state == "another's" else contextlib.nullcontext():
        pid = os.fork()
        if pid == 0:
            locks.share(path, "a token of before")
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_a_file_that_its_holder_deletes_as_we_open_it_is_not_ours(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one could take the name anew, and both would hold a lock."""
    lock, late = locks._locked, [path]

    def delete_and_lock(descriptor: int, how: int) -> bool:
        if late:
            late.pop().unlink()
        return lock(descriptor, how)

    monkeypatch.setattr(locks, "_locked", delete_and_lock)
    with held(path, lambda holder: None):
        assert is_held(path)


def test_who_finds_another_s_token_waits_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel turns a lock into a shared one in two steps: another may come between."""
    flock, other = fcntl.flock, Holder("another's", 1, "here", locks.boot_id(), "then")
    between = [other]

    def turn(descriptor: int, how: int) -> None:
        if how == fcntl.LOCK_SH and between:
            path.write_text(json.dumps(dataclasses.asdict(between.pop())))
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", turn)
    with held(path, lambda holder: None) as token:
        assert json.loads(path.read_bytes())["token"] == token


def test_a_worker_that_is_still_ending_keeps_the_next_one_out(path: Path) -> None:
    receiver, sender = os.pipe()
    with held(path, lambda holder: None) as token:
        pid = os.fork()
        if pid == 0:
            locks.share(path, token)
            os.write(sender, b".")
            time.sleep(600)
        os.read(receiver, 1)
    assert is_held(path)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not is_held(path)
    for descriptor in (receiver, sender):
        os.close(descriptor)


def test_waiting_can_be_stopped(path: Path) -> None:
    with (
        held(path, lambda holder: None),
        pytest.raises(InterruptedError),
        held(path, lambda holder: None, stop=lambda: True),
    ):
        raise AssertionError("held twice")
    assert list(path.parent.iterdir()) == []


class Clock:
    """Time that passes when somebody sleeps; then `each` is called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.each = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.each()

    def time(self) -> float:
        return time.time()


def test_where_locks_hold_on_a_host_alone_another_hosts_beat_keeps_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(locks, "time", clock)
    path.parent.mkdir()
    other = Holder("0" * 16, 4711, "node-7", "another boot", "2026-11-28")
    path.write_text(json.dumps(dataclasses.asdict(other)))
    beats = iter(range(1, 4))

    def beat() -> None:
        if clock.now > 50 and (number := next(beats, None)):
            os.utime(path, ns=(number, number))
            clock.now = 0.0  # a minute without one must pass from here

    clock.each = beat
    told: list[Holder | None] = []
    with free(path) as is_free:
        assert not is_free  # nor does garbage collection touch what it is at
    with held(path, told.append):
        assert next(beats, None) is None
        assert clock.now > locks.SILENT_SECONDS
    assert told == [other]


def test_one_of_the_same_boot_that_holds_no_lock_is_dead(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    dead = Holder("0" * 16, 1, "here", locks.boot_id(), "2026-11-28")
    path.write_text(json.dumps(dataclasses.asdict(dead)))
    told: list[Holder | None] = []
    with held(path, told.append):
        assert told == []


def test_what_an_earlier_boot_left_is_free_after_an_hour(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps(dataclasses.asdict(Holder("0", 1, "h", "before", "then"))))
    assert is_held(path)
    long_ago = time.time() - locks.FORGOTTEN_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert not is_held(path)
    assert not path.exists()


def test_a_holder_beats(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT_SECONDS", 0.01)
    with held(path, lambda holder: None):
        os.utime(path, (0, 0))
        while path.stat().st_mtime == 0:
            time.sleep(0.01)


def test_a_file_system_without_locks_is_one_clear_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(UserError, match=r"no locks.*NFS version 4"),
        held(path, lambda holder: None),
    ):
        pass
