"""Tasks are the same in every process: Python's hash seed, which differs, decides nothing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
DRAWN = """
import dataclasses, hashlib, json, random
from pipeline.curriculum.task_kinds import KINDS
from pipeline.curriculum.tasks import draw
found = [
    dataclasses.asdict(of.make(level, split, random.Random(f"{kind}{level}"), new))
    for kind, of in KINDS.items()
    for level in range(1, of.levels + 1)
    for split in ("sft", "rl", "evaluation")
    for new in (False, True)
]
found += [dataclasses.asdict(task) for task in draw(150, ["*=1", "sum:2=3"], random.Random(7))]
print(len(found), hashlib.sha256(json.dumps(found).encode()).hexdigest())
"""
# What the sums of RL were before they were one kind among others: the demo's tasks stay its tasks.
DEMO = """
import hashlib, random
from pipeline.curriculum.tasks import draw
from pipeline.rl.config import RlConfig
whole = hashlib.sha256()
for number in range(40):
    rng = random.Random(f"0:rl:{number}")
    tasks = draw(36, RlConfig().tasks, rng, first=36 * number)
    drawn = [(task.prompt, task.answer, task.kind, task.digits) for task in tasks]
    whole.update(repr([*drawn, rng.random()]).encode())
print(whole.hexdigest()[:16])
"""


def run(code: str, seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_tasks_do_not_depend_on_the_hash_seed():
    said = {run(DRAWN, seed) for seed in ("0", "1", "4242")}
    assert len(said) == 1
    assert int(said.pop().split()[0]) > 300


def test_the_demo_asks_the_sums_that_it_always_did():
    assert run(DEMO, "3") == "3fa0fbee603bc91f"
