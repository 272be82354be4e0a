"""A reward model's stage that is killed while it writes checkpoints, and between two trainings.

What comes out in the end is byte for byte what an undisturbed run makes, and a member of the
ensemble that was finished is not trained again.
"""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import toy_preferences
from worker_process import start_worker

from pipeline.config import to_dict
from pipeline.preferences import reward_training
from pipeline.training import checkpoint
from pipeline.worker.spec import BuildSpec

pytestmark = pytest.mark.usefixtures("torch_restored")

SETTINGS: dict[str, Any] = {"ensemble": 2, "min_steps": 40, "checkpoint_seconds": 0.0}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but what a clock saw."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "provenance" not in path.parts
    }


def test_kills_within_each_member_end_in_the_same_bytes(post_training, tmp_path):
    preferences = toy_preferences.write_toys(tmp_path / "preferences")
    whole = tmp_path / "whole"
    statistics = toy_preferences.train_reward_model(
        post_training.chat, preferences, whole, **SETTINGS
    )
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    out.mkdir()
    scratch.mkdir()
    spec: BuildSpec = {
        "kind": "reward_model",
        "entry": reward_training.STAGE.entry,
        "preload": "",
        "out": str(out),
        "inputs": {"model": [str(post_training.chat)], "preferences": [str(preferences)]},
        "config": to_dict(toy_preferences.toy_reward_config(**SETTINGS)),
        "scratch": str(scratch),
        "processes": 1,
    }
    for place, writing in ((scratch, True), (scratch / "member-1", False)):
        process = start_worker(tmp_path, spec)
        while process.poll() is None and max(checkpoint.steps(place), default=0) < 4:
            time.sleep(0.0005)
        while writing and process.poll() is None and not list(place.glob("*.part")):
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not list(out.iterdir())
    finished = (scratch / "done" / "model.safetensors").stat().st_mtime_ns
    process = start_worker(tmp_path, spec)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    lines = [json.loads(line) for line in stdout.splitlines()]
    notes = [event["text"] for event in lines if event["event"] == "note"]
    assert len([note for note in notes if ": resumed at step" in note]) == 1
    assert (lines[-1]["event"], lines[-1]["statistics"]) == ("done", statistics)
    assert contents(out) == contents(whole)
    assert (scratch / "done" / "model.safetensors").stat().st_mtime_ns == finished
