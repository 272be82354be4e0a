"""kill -9 at many moments, then the same command again: the same bytes as without it.

Each round waits until the run is at work on a kind of artifact that has not been disturbed yet,
waits a random moment more, and kills. What dies by itself when its parent is gone must have died
soon after.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage import Lake
from storage.groups import group_kind

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = 20260117
MIN_KILLS = 10
MAX_ROUNDS = 30
MAX_DELAY_SECONDS = 1.6
ROUND_SECONDS = 240


def contents(lake: Path) -> dict[str, Any]:
    """The reproducible part of every manifest, hashes of all files included."""
    return {f"{m.kind}/{m.digest}": m.content() for m in Lake(lake).list()}


def at_work(lake: Path) -> set[str]:
    """The kinds of artifacts that are being made; evaluations by their digests."""
    staging = lake / ".staging"
    names = [path.name.split("-") for path in staging.iterdir()] if staging.is_dir() else []
    return {"-".join(name[:2]) if name[0] == "evals" else name[0] for name in names}


def kill_tree(run: subprocess.Popen[bytes], everything: bool) -> None:
    """SIGKILL to the command, or to it and all it started; then nothing of it may live on."""
    descendants = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGKILL)
    if everything:
        for process in descendants:
            process.send_signal(signal.SIGKILL) if process.is_running() else None
    run.wait()
    _, alive = psutil.wait_procs(descendants, timeout=20)
    assert alive == [], "these outlived the killed command"


@pytest.fixture
def command(cli: Any, tmp_path: Path) -> list[str]:
    lake = str(tmp_path / "lake")
    return [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        "crawl-to-chat",
        "--preset",
        "ci",
        "--lake",
        lake,
    ]


@pytest.mark.timeout(2400)  # a dozen runs and more, and the whole one before them
def test_killed_at_any_moment_the_artifacts_are_the_same(
    ci_run: Any, cli: Any, command: list[str], tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    lake = tmp_path / "lake"
    disturbed: set[str] = set()
    moments: list[str] = []
    for _ in range(MAX_ROUNDS):
        with (tmp_path / "log").open("wb") as log:
            run = subprocess.Popen(
                command,
                env=cli.environment,
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            deadline = time.monotonic() + ROUND_SECONDS
            while run.poll() is None and not (found := at_work(lake) - disturbed):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            if run.poll() is None:
                disturbed |= found
                delay = rng.uniform(0, MAX_DELAY_SECONDS)
                time.sleep(delay)
            if run.poll() is None:
                moments.append(f"{sorted(found)} + {delay:.2f} s, then {sorted(at_work(lake))}")
                kill_tree(run, everything=rng.random() < 0.5)
                continue
        assert run.returncode == 0, (tmp_path / "log").read_text()[-4000:]
        break
    else:
        raise AssertionError("it never finished:\n" + "\n".join(moments))
    print("\n".join(moments))
    assert len(moments) >= MIN_KILLS, moments
    assert contents(lake) == contents(ci_run.lake)
    assert all(Lake(lake).is_whole(m.kind, m.digest, deep=True) for m in Lake(lake).list())
    assert not list((lake / ".staging").iterdir())
    assert not list((lake / ".scratch").iterdir())


def test_the_number_of_workers_changes_no_byte(ci_run: Any, cli: Any, tmp_path: Path) -> None:
    there = contents(ci_run.lake)
    for workers in (1, 2):
        lake = tmp_path / str(workers)
        cli.json(
            "run", "corpus", "--preset", "ci", "--set", f"input.workers={workers}", "--lake", lake
        )
        made = contents(lake)
        kinds = {"crawl", "corpus_part", "duplicates", "quality"}
        grouped = ("selection", "corpus", "corpus_split")
        kinds |= {*grouped, *map(group_kind, grouped)}
        assert kinds == {key.split("/")[0] for key in made}
        assert made == {key: there[key] for key in made}
