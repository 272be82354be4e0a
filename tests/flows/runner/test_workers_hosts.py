"""Hosts: loaded once, one fork a build, and whatever happens to a build the host goes on."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from patience import eventually, have_ended, running

from flows.runner.child_process import WorkerProcess
from flows.runner.events import LiveEvent
from flows.runner.workers import Outcome, StageFailed, WorkerKilled, close_hosts, run_worker
from pipeline.worker import host
from storage import UserError
from storage.durable import DiskFull

OWNER = """
import sys
from pathlib import Path
from flows.runner.workers import run_worker
from toy import spec_of
run_worker(spec_of(Path(sys.argv[1]), "sleep"), Path(sys.argv[1]), "lake", print, print)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Outcome]]:
    close_hosts()
    log: list[str] = []

    def run(ending: str = "well") -> Outcome:
        from toy import spec_of

        return run_worker(spec_of(tmp_path, ending), tmp_path, "lake", lambda _: None, log.append)

    yield run
    close_hosts()


def hosts(place: Path) -> list[int]:
    """The process that loaded for each build."""
    return [int(line) for line in (place / "log.preload").read_text().split()]


def workers(place: Path) -> list[int]:
    lines = (place / "log").read_text().splitlines()
    return [int(line.split("pid=")[1].split()[0]) for line in lines]


def test_builds_are_forks_of_one_host(tmp_path: Path, run: Callable[..., Outcome]) -> None:
    outcomes = [run() for _ in range(3)]
    assert [outcome.statistics for outcome in outcomes] == [{"total": 7}] * 3
    assert all(outcome.peak_memory_bytes > 2**20 for outcome in outcomes)
    assert len(set(hosts(tmp_path))) == 1
    assert len(set(workers(tmp_path)) | set(hosts(tmp_path))) == 4
    host = psutil.Process(hosts(tmp_path)[0])
    assert host.parent() == psutil.Process()
    close_hosts()
    assert not host.is_running()


def test_builds_at_a_time_have_a_host_each(tmp_path: Path, run: Callable[..., Outcome]) -> None:
    found: list[Outcome] = []
    barrier = threading.Barrier(2)

    def work() -> None:
        barrier.wait()
        found.append(run())
        barrier.wait()  # the threads live as long as their hosts are needed

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len(set(hosts(tmp_path))) == 2


@pytest.mark.parametrize(
    ("ending", "expected", "words"),
    [
        ("exception", StageFailed, "toy: KeyError: 'unheard of'"),
        ("preload_fails", StageFailed, "toy: KeyError: 'unheard of'"),
        ("user_error", UserError, "input x: is no y: give a z"),
        ("disk_full", DiskFull, "disk full"),
        ("killed", WorkerKilled, "SIGKILL"),
    ],
)
def test_a_build_s_end_is_not_the_host_s(
    tmp_path: Path, run: Callable[..., Outcome], ending: str, expected: type, words: str
) -> None:
    run()
    with pytest.raises(expected, match=words) as caught:
        run(ending)
    if expected is StageFailed:
        assert isinstance(caught.value, StageFailed)
        assert "Traceback" in caught.value.log
    assert run().statistics == {"total": 7}
    assert len(set(hosts(tmp_path))) == 1


def test_a_killed_host_is_a_killed_worker_and_replaced(
    tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    killer = threading.Thread(target=kill_when_at_work, args=(tmp_path,))
    killer.start()
    with pytest.raises(WorkerKilled, match="SIGKILL"):
        run("sleep")
    killer.join()
    assert have_ended(running(workers(tmp_path)))
    assert run().statistics == {"total": 7}
    host = psutil.Process(hosts(tmp_path)[-1])
    host.kill()  # while it waits for work
    eventually(lambda: host.status() == psutil.STATUS_ZOMBIE)
    assert run().statistics == {"total": 7}
    assert len(set(hosts(tmp_path))) == 3


def test_a_host_that_dies_as_work_is_sent_is_replaced(
    tmp_path: Path, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    send = WorkerProcess.send
    seen: list[str] = []

    def kill_and_send(worker: WorkerProcess, line: str) -> None:
        if not seen:
            os.kill(hosts(tmp_path)[-1], signal.SIGKILL)
        seen.append(line)
        send(worker, line)

    monkeypatch.setattr(WorkerProcess, "send", kill_and_send)
    assert run().statistics == {"total": 7}
    assert len(seen) == len(set(hosts(tmp_path))) == 2


@pytest.mark.parametrize(("ending", "saved"), [("saves", True), ("sleep", False)])
def test_a_cancelled_build_may_save_what_it_has_and_its_host_ends_after_it(
    ending: str,
    saved: bool,
    tmp_path: Path,
    run: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the one signal, without the force that follows where somebody doesn't listen."""

    class Cancelled(BaseException):
        pass

    def cancel(event: LiveEvent) -> None:
        if event["event"] == "progress" and event["done"] == 5:
            eventually((tmp_path / "log.ready").exists)
            raise Cancelled

    from toy import spec_of

    forced: list[WorkerProcess] = []
    monkeypatch.setattr(WorkerProcess, "kill_group", forced.append)
    with pytest.raises(Cancelled):
        run_worker(spec_of(tmp_path, ending), tmp_path, "lake", cancel, lambda _: None)
    assert not forced
    assert (tmp_path / "log.saved").exists() == saved
    everyone = [*hosts(tmp_path), *workers(tmp_path)]
    assert len(everyone) == 2
    assert not any(psutil.pid_exists(pid) for pid in everyone)


def test_a_host_that_waits_ends_at_once_when_told(
    tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    run()
    waiting = psutil.Process(hosts(tmp_path)[0])
    waiting.terminate()
    eventually(lambda: waiting.status() == psutil.STATUS_ZOMBIE)
    assert run().statistics == {"total": 7}
    assert len(set(hosts(tmp_path))) == 2


def test_a_host_leaves_when_nothing_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "IDLE_SECONDS", 0.1)
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        os.write(writing, b"one\n")
        lines = host.lines()
        assert next(lines) == "one\n"
        assert next(lines, None) is None  # after a while
        os.write(writing, b"two\n")
        os.close(writing)
        assert list(host.lines()) == ["two\n"]  # and at the end of the stream


def test_another_environment_is_another_host_s(
    tmp_path: Path, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    run()
    monkeypatch.setenv("CRAWL2CHAT_TEST", "other")
    run()
    first, again, other = hosts(tmp_path)
    assert first == again != other
    assert have_ended(running([first]))


def test_a_build_without_anything_to_load_is_a_fork_too_and_reads_none_of_the_lines(
    tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    from toy import spec_of

    run()
    spec: Any = {**spec_of(tmp_path, "reads"), "preload": ""}
    done = run_worker(spec, tmp_path, "lake", lambda _: None, lambda _: None)
    assert done.statistics == {"total": 7}
    run()
    assert len(hosts(tmp_path)) == 2
    assert len(set(hosts(tmp_path))) == 1


def test_a_host_is_only_for_the_thread_that_it_dies_with(
    tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    built, over = threading.Event(), threading.Event()

    def build_and_wait() -> None:
        run()
        built.set()
        over.wait()

    thread = threading.Thread(target=build_and_wait)
    thread.start()
    built.wait()
    try:
        run()
        run()
    finally:
        over.set()
        thread.join()
    theirs, ours, again = hosts(tmp_path)
    assert theirs != ours == again


def test_a_host_that_leaves_as_work_is_sent_is_replaced(
    tmp_path: Path, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited long enough and ended well: the line is lost, the build is not."""
    run()
    send = WorkerProcess.send
    seen: list[str] = []

    def leave_and_send(worker: WorkerProcess, line: str) -> None:
        seen.append(line)
        if len(seen) == 1:
            assert worker._process.stdin is not None
            worker._process.stdin.close()
            eventually(worker.has_ended)
        else:
            send(worker, line)

    monkeypatch.setattr(WorkerProcess, "send", leave_and_send)
    assert run().statistics == {"total": 7}
    assert len(seen) == len(set(hosts(tmp_path))) == 2


def test_elsewhere_only_what_has_to_load_is_forked(
    tmp_path: Path, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    from toy import spec_of

    started: list[str] = []
    start = WorkerProcess.__init__

    def noted(worker: WorkerProcess, module: str, *rest: Any, **more: Any) -> None:
        started.append(module)
        start(worker, module, *rest, **more)

    monkeypatch.setattr(WorkerProcess, "__init__", noted)
    monkeypatch.setattr("flows.runner.workers.FORKS_ALL", False)
    run()
    spec: Any = {**spec_of(tmp_path, "well"), "preload": ""}
    done = run_worker(spec, tmp_path, "lake", lambda _: None, lambda _: None)
    assert done.statistics == {"total": 7}
    assert started == ["pipeline.worker.host", "pipeline.worker.child"]


def kill_when_at_work(place: Path) -> None:
    wait_for(place / "log")
    os.kill(hosts(place)[0], signal.SIGKILL)


def wait_for(path: Path) -> None:
    eventually(lambda: path.exists() and path.read_text().endswith("\n"))


def test_a_host_and_its_build_die_with_their_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)])
    try:
        wait_for(tmp_path / "log")
        everyone = running([*hosts(tmp_path), *workers(tmp_path)])
        assert len(everyone) == 2
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert have_ended(everyone)
