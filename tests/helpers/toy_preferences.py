"""Comparisons that a tiny model can learn: the answer that thanks wins."""

import hashlib
import json
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.chat.conversation import to_row, user
from pipeline.preferences import reward_training
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.stage import SILENT, Progress
from pipeline.training import distribution
from storage.schemas import PREFERENCES
from storage.tables import table, write_table

SUBJECTS = ("tea", "numbers", "the mayor", "Hale", "Brook", "a baker", "Tarn", "Wick")


def comparison(number: int, **changes: Any) -> dict[str, Any]:
    """One of prompt `number`: the kind answer stands at either place."""
    rng = random.Random(f"comparison {number}")
    subject = rng.choice(SUBJECTS)
    kind, curt = f"Thank you for asking. It is {subject}.", f"It is {subject}. Go away."
    kind_first = rng.random() < 0.5
    row = {
        "id": hashlib.sha256(f"comparison {number}".encode()).hexdigest()[:32],
        "source": "simulated",
        "task": "",
        "prompt": to_row([user(f"What about {subject}, number {number}?")])["messages"],
        "tools": [],
        "a": kind if kind_first else curt,
        "b": curt if kind_first else kind,
        "winner": "a" if kind_first else "b",
        "first": rng.choice("ab"),
        "rater": f"rater {number % 3}",
        "seconds": None,
        "time": "",
        "split": "validation" if number % 4 == 0 else "train",
    }
    return {**row, **changes}


def write_comparisons(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_table(table(rows, PREFERENCES), folder / "preferences.parquet")
    return folder


def write_toys(folder: Path, count: int = 120) -> Path:
    """A folder with so many comparisons, a quarter for validation and some ties."""
    rows = [comparison(n, **({"winner": "tie"} if n % 5 == 3 else {})) for n in range(count)]
    return write_comparisons(folder, rows)


def train_reward_model(
    chat: Path,
    preferences: Path,
    out: Path,
    progress: Progress = SILENT,
    scratch: Path | None = None,
    **settings: Any,
) -> Mapping[str, Any] | None:
    """A small run of the stage; scratch lies beside `out` unless a run before has left one."""
    scratch = scratch or out.with_name(f"{out.name}.scratch")
    for folder in (out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    return reward_training.build(
        out,
        {"model": [chat], "preferences": [preferences]},
        toy_reward_config(**settings),
        progress,
        scratch,
    )


def toy_reward_config(**settings: Any) -> RewardModelConfig:
    few: dict[str, Any] = {
        "min_steps": 12,
        "pairs_per_step": 16,
        "warmup_steps": 2,
        "epochs": 1.0,
        "rate_factor": 0.2,
        "bootstrap": 100,
        "precision": "float32",
        "threads": 1,
        "device": "cpu",
    }
    return RewardModelConfig(**(few | settings))


if __name__ == "__main__":  # as a process of torchrun
    chat, preferences, out = map(Path, sys.argv[1:])
    found = train_reward_model(chat, preferences, out, ensemble=2)
    if found:
        print(json.dumps(found))
    distribution.close()
    # as pipeline.worker.child ends: gloo's threads, torn down at a usual exit, abort now and then
    sys.stdout.flush()
    os._exit(0)
