"""Two runs that want the same artifact: one makes it, and when it is killed the other goes on."""

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage import Lake
from tests.faults.campaign import REPOSITORY, leftovers

PATIENCE_SECONDS = 300.0  # on a slow machine
STEPS = 80


@contextlib.contextmanager
def run(cli: Any, lake: Path, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`crawl2chat run pretrain`, with a checkpoint after each step."""
    settings = [f"pretrain.loop.steps={STEPS}", "pretrain.loop.checkpoint_seconds=0.0"]
    changes = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "-m", "flows.cli", "run", "pretrain", "--preset", "ci", *changes]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--lake", str(lake)],
            env=cli.environment,
            cwd=REPOSITORY,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], Any], process: "subprocess.Popen[bytes]", log: Path) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := what()):
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.02)
    return found


def the_worker(process: psutil.Process) -> list[psutil.Process]:
    """The one that trains."""
    with contextlib.suppress(psutil.NoSuchProcess):
        hosts = [p for p in process.children() if "pipeline.worker.host" in p.cmdline()]
        return [build for host in hosts for build in host.children()]
    return []


@pytest.mark.timeout(1200)
def test_the_second_run_waits_and_goes_on_where_the_killed_one_was(
    ci_run: Any, cli: Any, tmp_path: Path
) -> None:
    lake, logs = tmp_path / "lake", (tmp_path / "first.log", tmp_path / "second.log")
    shutil.copytree(ci_run.lake, lake)
    with run(cli, lake, logs[0]) as first:
        wait_for(lambda: [*lake.glob(".scratch/base-*/checkpoint-*2.json")], first, logs[0])
        (worker,) = the_worker(psutil.Process(first.pid))
        worker.send_signal(signal.SIGSTOP)  # or it would be done before the second is there
        with run(cli, lake, logs[1]) as second:
            wait_for(lambda: "waits for another run" in logs[1].read_text(), second, logs[1])
            assert f"process {first.pid} on " in logs[1].read_text()
            first.kill()  # and its worker, stopped as it is, dies with it
            second.wait(PATIENCE_SECONDS)
            said = logs[1].read_text()
            assert second.returncode == 0, said[-4000:]
    assert f" of {STEPS}" in said.partition("pretrain: resumed at step ")[2][:12]
    base = Lake(lake).heads()["base"]
    assert Lake(lake).manifest("base", base).statistics["steps"] == STEPS
    assert leftovers(lake) == []
