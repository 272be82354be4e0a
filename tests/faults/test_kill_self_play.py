"""SIGKILL of self-play, by the process that a flow starts: the rerun ends in the same bytes."""

import dataclasses
import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from game_models import PRACTICE, GameFolders, game_folders  # noqa: F401
from worker_process import start_worker

from pipeline.config import to_dict
from pipeline.connect_four import game_rl
from pipeline.training import checkpoint
from pipeline.worker.spec import BuildSpec

STEPS = 14
SEED = 20261130


class SelfPlayBench:
    """The stage's folders, and the process that builds it."""

    def __init__(self, sft: Path, root: Path) -> None:
        self.sft, self.root, self.out, self.scratch = sft, root, root / "out", root / "scratch"
        for folder in (self.out, self.scratch):
            folder.mkdir(parents=True)

    def start(self) -> subprocess.Popen[str]:
        loop = dataclasses.replace(PRACTICE.loop, steps=STEPS)
        spec: BuildSpec = {
            "kind": game_rl.STAGE.kind,
            "entry": game_rl.STAGE.entry,
            "preload": "",
            "out": str(self.out),
            "inputs": {"game_sft": [str(self.sft)]},
            "config": to_dict(dataclasses.replace(PRACTICE, loop=loop)),
            "scratch": str(self.scratch),
            "processes": 1,
        }
        return start_worker(self.root, spec)

    @property
    def newest(self) -> int:
        return max(checkpoint.steps(self.scratch), default=0)

    def contents(self) -> dict[str, bytes]:
        files = [path for path in self.out.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self.out)): path.read_bytes()
            for path in files
            if "provenance" not in path.parts
        }


def finished(process: "subprocess.Popen[str]") -> dict[str, Any]:
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    events = [json.loads(line) for line in stdout.splitlines()]
    return {"notes": [e["text"] for e in events if e["event"] == "note"], **events[-1]}


@pytest.mark.slow
def test_killed_twice_between_games_it_ends_in_the_same_bytes(
    game_folders: GameFolders,  # noqa: F811
    tmp_path: Path,
) -> None:
    whole = SelfPlayBench(game_folders.sft, tmp_path / "whole")
    killed = SelfPlayBench(game_folders.sft, tmp_path / "killed")
    undisturbed = finished(whole.start())
    rng = random.Random(SEED)
    for goal in (2, rng.randint(6, 9)):
        process = killed.start()
        while process.poll() is None and killed.newest < goal:
            time.sleep(0.001)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not list(killed.out.iterdir())
    resumed_from = killed.newest
    last = finished(killed.start())
    assert any(f": resumed at step {resumed_from} of {STEPS}" in note for note in last["notes"])
    assert last["statistics"] == undisturbed["statistics"]
    assert killed.contents() == whole.contents()
