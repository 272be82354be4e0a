"""SIGKILL to the processes of the pass while the flow runs: the flow ends well, the bytes the same.

A host, its fork that supervises a file, and the fork's page process are killed in turn; tasks are
tried again, and what was whole of a file is not read twice.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from storage import Lake

REPOSITORY = Path(__file__).resolve().parents[2]
VICTIMS = ("page process", "supervisor", "host", "page process", "supervisor")
RUN_SECONDS = 240


def contents(lake: Path) -> dict[str, Any]:
    """The reproducible part of every manifest, hashes of all files included."""
    return {f"{m.kind}/{m.digest}": m.content() for m in Lake(lake).list()}


def family(run: psutil.Process) -> dict[str, list[psutil.Process]]:
    """Processes of the pass by their place below the command."""
    found: dict[str, list[psutil.Process]] = {"host": [], "supervisor": [], "page process": []}
    try:
        for host in run.children():
            if "pipeline.worker.host" in host.cmdline():
                found["host"].append(host)
                for supervisor in host.children():
                    found["supervisor"].append(supervisor)
                    found["page process"] += supervisor.children()
    except psutil.NoSuchProcess:
        pass  # it ended while we looked
    return found


def test_the_flow_survives_its_processes(ci_run: Any, cli: Any, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    command = [sys.executable, "-m", "flows.cli", "run", "corpus", "--preset", "ci"]
    waiting = list(VICTIMS)
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(
            [*command, "--lake", str(lake)],
            env=cli.environment,
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
        )
        process = psutil.Process(run.pid)
        deadline = time.monotonic() + RUN_SECONDS
        while run.poll() is None:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-4000:]
            # a host that still imports has no child yet: let the pass begin
            found = family(process) if waiting else {}
            if found and found["page process"] and found[waiting[0]]:
                found[waiting.pop(0)][0].kill()
            time.sleep(0.005)
    assert run.returncode == 0, (tmp_path / "log").read_text()[-4000:]
    assert len(waiting) <= 2, f"too quick to be disturbed: {waiting} were left"
    made = contents(lake)
    there = contents(ci_run.lake)
    assert made == {key: there[key] for key in made}
    assert not list((lake / ".staging").iterdir())
    assert not list((lake / ".scratch").iterdir())
