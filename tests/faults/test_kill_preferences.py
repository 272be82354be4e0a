"""SIGKILL while answers are sampled to be compared: the rerun ends in the same bytes."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from short_answers import answer_shortly, write_questions
from toy_artifacts import PostTraining
from worker_process import start_worker

from pipeline.config import to_dict
from pipeline.preferences import gathered_comparisons
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.worker.spec import BuildSpec

SEED = 20261130
BATCHES = 30
CONFIG = PreferencesConfig(
    facts=20,
    unknown=20,
    tasks=200,
    requests=0,
    task_mixture=("sum:1-3=1",),
    answers_per_prompt=16,
    max_new_tokens=40,
    prompts_at_once=8,
    precision="float32",
    threads=1,
    device="cpu",
)


class ComparisonsBench:
    """The stage's folders, and the process that builds it."""

    def __init__(self, inputs: dict[str, list[str]], root: Path) -> None:
        self.inputs, self.root = inputs, root
        self.out, self.scratch = root / "out", root / "scratch"
        for folder in (self.out, self.scratch):
            folder.mkdir(parents=True)

    def start(self) -> "subprocess.Popen[str]":
        spec: BuildSpec = {
            "kind": gathered_comparisons.STAGE.kind,
            "entry": gathered_comparisons.STAGE.entry,
            "preload": "",
            "out": str(self.out),
            "inputs": self.inputs,
            "config": to_dict(CONFIG),
            "scratch": str(self.scratch),
            "processes": 1,
        }
        return start_worker(self.root, spec)

    @property
    def kept(self) -> dict[str, int]:
        """Batches on disk, and when each was written."""
        files = self.scratch.glob("drawn-*.parquet")
        return {path.name: path.stat().st_mtime_ns for path in files}

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.out.glob("*.parquet"))}


def finished(process: "subprocess.Popen[str]") -> dict[str, Any]:
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    statistics: dict[str, Any] = json.loads(stdout.splitlines()[-1])["statistics"]
    return statistics


@pytest.mark.slow
def test_killed_among_its_batches_it_ends_in_the_same_bytes(
    post_training: PostTraining, tmp_path: Path
) -> None:
    model = answer_shortly(post_training.chat, tmp_path / "model")
    asked = write_questions(tmp_path / "asked")
    inputs = {"model": [str(model)], "interrogation": [str(asked)]}
    whole = ComparisonsBench(inputs, tmp_path / "whole")
    killed = ComparisonsBench(inputs, tmp_path / "killed")
    undisturbed = finished(whole.start())
    assert len(whole.kept) == BATCHES
    rng = random.Random(SEED)
    before: dict[str, int] = {}
    for goal in (1, rng.randint(8, 16)):
        process = killed.start()
        while process.poll() is None and len(killed.kept) < goal:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not list(killed.out.iterdir())
        assert before.items() <= killed.kept.items()  # none is sampled again
        before = killed.kept
        assert goal <= len(before) < BATCHES
    assert finished(killed.start()) == undisturbed
    assert before.items() <= killed.kept.items()
    assert killed.contents() == whole.contents()
    assert set(killed.contents()) == {
        f"{name}.parquet" for name in ("answers", "preferences", "prompts", "rejects")
    }
