"""RLHF in a worker process that is killed: what comes out is byte for byte the undisturbed run's.

Kills fall between two checkpoints and into the writing of one. Beside the checkpoints lie the rows
of answers and, of pairs, the reference's log-probabilities: those of finished steps must survive,
those of a step that is done again must give way.
"""

import random
import signal
import time
from pathlib import Path
from typing import Any, cast

import pytest
from toy_preferences import train_reward_model, write_toys
from worker_process import start_worker

from pipeline.config import to_dict
from pipeline.preferences import rlhf
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.rlhf import RlhfInputs
from pipeline.stage import SILENT
from pipeline.training import checkpoint
from pipeline.worker.spec import BuildSpec
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")
SEED = 20261130
CONFIG: dict[str, Any] = {
    "true_reward": "unknown",
    "steps": 16,
    "prompts_per_step": 4,
    "answers_per_prompt": 4,
    "max_new_tokens": 10,
    "reference_prompts": 4,
    "reference_answers": 4,
    "pairs_per_step": 6,
    "measure_every": 3,
    "rehearsal_rows": 2,
    "checkpoint_seconds": 0.0,
    "precision": "float32",
    "threads": 1,
    "device": "cpu",
}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but what a clock saw."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "provenance" not in path.parts
    }


@pytest.mark.parametrize(
    ("method", "moments"), [("policy_gradient", ("between", "writing")), ("kto", ("between",))]
)
def test_killed_again_and_again_it_ends_in_the_same_bytes(post_training, tmp_path, method, moments):
    preferences = write_toys(tmp_path / "preferences", 60)
    train_reward_model(post_training.chat, preferences, tmp_path / "reward", min_steps=4)
    given: dict[str, list[Path]] = {
        "model": [post_training.chat],
        "preferences": [preferences],
        "reward_model": [tmp_path / "reward"],
        "conversations": [post_training.conversations],
    }
    inputs = cast(RlhfInputs, given)
    config = RlhfConfig(method=method, **CONFIG)
    places = {name: tmp_path / name / "out" for name in ("whole", "killed")}
    scratches = {name: tmp_path / name / "scratch" for name in places}
    for folder in (*places.values(), *scratches.values()):
        folder.mkdir(parents=True)
    expected = rlhf.build(places["whole"], inputs, config, SILENT, scratches["whole"])
    spec: BuildSpec = {
        "kind": "rlhf",
        "entry": rlhf.STAGE.entry,
        "preload": "",
        "out": str(places["killed"]),
        "inputs": {name: [str(path) for path in paths] for name, paths in given.items()},
        "config": to_dict(config),
        "scratch": str(scratches["killed"]),
        "processes": 1,
    }
    scratch = scratches["killed"]
    rng = random.Random(SEED)
    for goal, moment in zip((3, 8), moments):
        process = start_worker(tmp_path, spec)
        while process.poll() is None and max(checkpoint.steps(scratch), default=0) < goal:
            time.sleep(0.0005)
        if moment == "between":
            time.sleep(rng.random() * 0.05)
        while moment == "writing" and process.poll() is None and not any(scratch.glob("*.part")):
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not list(places["killed"].iterdir())
    process = start_worker(tmp_path, spec)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert f"rlhf: resumed at step {0}" not in stdout
    assert "rlhf: resumed at step" in stdout
    assert contents(places["killed"]) == contents(places["whole"])
    assert expected is not None
    rows = read_table(places["whole"] / "rollouts.parquet")["step"].to_pylist()
    sampled = range(1, 17) if method == "policy_gradient" else range(1, 17, 3)
    assert rows == [step for step in sampled for _ in range(16)]
