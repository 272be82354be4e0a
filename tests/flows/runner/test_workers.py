"""The worker process: it dies with its owner, and however it ends is said in one line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

import psutil
import pytest
from patience import eventually, have_ended
from worker_process import start_worker

from flows.runner.workers import StageFailed, WorkerKilled, run_worker
from pipeline.worker.spec import BuildSpec
from storage import locks

OWNER = """
import sys, toy
from pathlib import Path
from flows.runner.workers import run_worker
place, log, processes = sys.argv[1:]
config = {"ending": "sleep", "log": log}
spec = {"kind": "toy", "entry": toy.STAGE.entry, "config": config, "inputs": {},
        "out": place, "scratch": place, "processes": int(processes)}
run_worker(spec, Path(place), "lake", lambda event: None, lambda line: None)
"""


def started(log: Path, workers: int) -> list[psutil.Process]:
    """The worker processes, once they wrote their lines."""

    def lines() -> list[str]:
        return log.read_text().splitlines() if log.exists() else []

    eventually(lambda: len(lines()) == workers, "the worker did not start")
    return [psutil.Process(int(line.split("pid=")[1].split()[0])) for line in lines()]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_worker_dies_with_its_owner(tmp_path: Path, processes: int) -> None:
    log = tmp_path / "log"
    arguments = [str(tmp_path), str(log), str(processes)]
    owner = subprocess.Popen([sys.executable, "-c", OWNER, *arguments])
    try:
        workers = started(log, processes)
        parents = [worker.parent() for worker in workers]
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    everyone = [*workers, *(p for p in parents if p is not None and p.pid != os.getpid())]
    assert have_ended(everyone)


def test_a_worker_s_peak_is_not_that_of_who_started_it(tmp_path: Path) -> None:
    from toy import STAGE

    held = bytearray(600 * 2**20)
    held[::4096] = b"x" * len(held[::4096])  # each page is touched
    config = {"ending": "well", "log": str(tmp_path / "log")}
    spec = {"kind": "toy", "entry": STAGE.entry, "config": config, "inputs": {}, "processes": 1}
    places = {"out": str(tmp_path), "scratch": str(tmp_path)}
    whole = cast(BuildSpec, {**spec, **places})
    outcome = run_worker(whole, tmp_path, "lake", lambda _: None, lambda _: None)
    assert 2**20 < outcome.peak_memory_bytes < len(held)


def test_the_spec_can_be_run_by_hand(tmp_path: Path) -> None:
    spec = {
        "kind": "toy",
        "entry": "toy:build",
        "out": str(tmp_path),
        "inputs": {},
        "config": {"number": 7},
        "scratch": str(tmp_path),
        "processes": 1,
        "owner_pid": os.getpid(),
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    command = [sys.executable, "-m", "pipeline.worker.child", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0] == {"event": "note", "text": "half way"}
    assert events[-1].pop("peak_memory_bytes") > 2**20
    assert events[-1] == {"event": "done", "statistics": {"total": 7}}
    assert "a stray print" in done.stderr


@pytest.mark.parametrize(
    ("ending", "expected", "words"),
    [
        ("code 3", StageFailed, r"toy: a stray print \(exit code 3\)"),
        ("code 200", StageFailed, r"toy: a stray print \(exit code 200\)"),
        ("code 255", StageFailed, r"toy: a stray print \(exit code 255\)"),
        ("code 143", WorkerKilled, "ended by SIGTERM"),
        ("killed", WorkerKilled, "ended by SIGKILL"),
    ],
)
def test_a_code_above_128_is_a_signal_only_if_there_is_one(
    tmp_path: Path, ending: str, expected: type[Exception], words: str
) -> None:
    spec = {"kind": "toy", "entry": "toy:build", "inputs": {}, "config": {"ending": ending}}
    places = {"out": str(tmp_path), "scratch": str(tmp_path)}
    whole = cast(BuildSpec, {**spec, **places, "processes": 1})
    with pytest.raises(expected, match=words):
        run_worker(whole, tmp_path, "lake", lambda event: None, lambda line: None)


def test_a_worker_keeps_its_artifact_s_lock_until_it_is_dead(tmp_path: Path) -> None:
    lock, log = tmp_path / "locks" / "toy-0", tmp_path / "log"
    spec = {
        "kind": "toy",
        "entry": "toy:build",
        "out": str(tmp_path),
        "inputs": {},
        "config": {"ending": "sleep", "log": str(log)},
        "scratch": str(tmp_path),
        "processes": 1,
    }
    with locks.held(lock, lambda holder: None) as token:
        worker = start_worker(tmp_path, {**spec, "lock": [str(lock), token]})
        started(log, 1)
    with locks.free(lock) as is_free:
        assert not is_free
    worker.kill()
    worker.communicate()
    with locks.free(lock) as is_free:
        assert is_free
    late = start_worker(tmp_path, {**spec, "lock": [str(lock), token]}, "late")
    late.communicate()
    assert late.returncode == -signal.SIGKILL
    assert len(log.read_text().splitlines()) == 1


def test_a_worker_without_its_owner_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"owner_pid": 1, "processes": 1}))
    done = subprocess.run([sys.executable, "-m", "pipeline.worker.child", str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
