"""reasoning-gym's tasks count at full score alone, and only those that stay the same are taken."""

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.curriculum import optional_packages
from pipeline.curriculum import reasoning_gym_tasks as gym
from pipeline.curriculum.held_out import SPLITS, problem_split
from pipeline.curriculum.tasks import check
from storage.errors import UserError

INSTALLED = importlib.util.find_spec(gym.MODULE) is not None
needs_package = pytest.mark.skipif(not INSTALLED, reason="reasoning-gym isn't installed")
ROOT = Path(__file__).parents[3]
NAMES = ("chain_sum", "spell_backward", "letter_counting", "gcd")


def substring(said, entry):
    """The package's usual score: a part is paid for holding the answer."""
    if said == entry["answer"]:
        return 1.0
    return 0.75 if entry["answer"] in said else 0.0


def task(answer="214"):
    return gym.task_of("chain_sum", {"question": "200 + 14?", "answer": answer}, substring)


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("214", True),
        ("The answer is 214.", True),
        ("200 + 14 = 214", True),
        (r"\boxed{214}", True),
        ("214.0", True),
        ("2140", False),  # 0.75 by the package's own score
        ("1214", False),
        ("-214", False),
        ("213 or 214", False),
        ("", False),
    ],
)
def test_only_the_full_score_counts(reply, right):
    assert check(task(), reply, True) is right
    assert not check(task(), reply, False)


def test_texts_are_scored_as_they_are_said_or_marked():
    assert check(task("olleh"), "olleh", True)
    assert check(task("olleh"), "The answer is olleh.", True)
    assert not check(task("olleh"), "ollehx", True)
    assert not check(task("olleh"), r"\boxed{olleh} \boxed{hello}", True)


def test_a_task_says_where_it_comes_from():
    made = task()
    assert (made.kind, made.level, made.answer) == ("reasoning_gym/chain_sum", 1, "214")
    assert made.problem == "reasoning_gym:chain_sum:200 + 14?"
    with pytest.raises(UserError, match="no stored answers"):
        gym.task_of("x", {"question": "Q?", "answer": None}, substring)


class Fake:
    """A package with one data set of numbered questions."""

    DATASETS = ("counted",)

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    def create_dataset(self, name, seed, size):
        self.asked.append((name, seed, size))
        return FakeData(seed)


class FakeData:
    def __init__(self, seed):
        self.seed = seed

    def __getitem__(self, index):
        return {"question": f"{self.seed} and {index}?", "answer": str(self.seed + index)}

    def score_answer(self, said, entry):
        return substring(said, entry)


@pytest.fixture
def fake(monkeypatch):
    package = Fake()
    monkeypatch.setattr(optional_packages, "take", lambda *_: package)
    return package


def test_problems_are_of_the_split_and_follow_from_the_seed(fake):
    kind = gym.kind("counted")
    drawn = {split: [kind.make(1, split, random.Random(n)) for n in range(40)] for split in SPLITS}
    for split in SPLITS:
        assert {problem_split(task.problem) for task in drawn[split]} == {split}
        for made in drawn[split]:
            assert check(made, made.answer, True)
            assert not check(made, f"{made.answer}0", True)
    again = [kind.make(1, "rl", random.Random(n)).prompt for n in range(40)]
    assert again == [made.prompt for made in drawn["rl"]]
    assert {size for _, _, size in fake.asked} == {gym.AT_ONCE}
    with pytest.raises(AssertionError, match="GymTask"):  # a task of its own class judges itself
        kind.is_right("214", "214")


def test_a_split_without_a_problem_is_one_line(fake, monkeypatch):
    monkeypatch.setattr(gym, "problem_split", lambda problem: "sft")
    with pytest.raises(UserError, match=r"no problem of split rl in 100 tries"):
        gym.kind("counted").make(1, "rl", random.Random(0))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *((name, "changes with Python's hash seed") for name in gym.NOT_REPEATABLE),
        *((name, "has no stored answers") for name in gym.WITHOUT_ANSWER),
        ("nonsense", "no data set nonsense"),
    ],
)
def test_data_sets_that_cannot_be_used_are_refused(fake, name, said):
    with pytest.raises(UserError, match=said):
        gym.kind(name)


@pytest.mark.skipif(INSTALLED, reason="reasoning-gym is installed")
def test_without_the_package_there_is_one_line():
    with pytest.raises(UserError, match=r"chain_sum\) needs .*pip install reasoning-gym"):
        gym.kind("chain_sum")


@needs_package
@pytest.mark.parametrize("name", NAMES)
def test_the_packages_own_problems(name):
    kind = gym.kind(name)
    for n in range(20):
        made = kind.make(1, "rl", random.Random(n))
        assert check(made, made.answer, True)
        assert check(made, f"The answer is {made.answer}.", True)
        assert not check(made, f"{made.answer}0", True)
        assert not check(made, "", True)


@needs_package
def test_the_packages_problems_do_not_depend_on_the_hash_seed():
    code = f"""
import random
from pipeline.curriculum import reasoning_gym_tasks as gym
for name in {NAMES!r}:
    kind = gym.kind(name)
    print([kind.make(1, split, random.Random(3)).prompt for split in ("sft", "rl", "evaluation")])
"""
    said = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1
