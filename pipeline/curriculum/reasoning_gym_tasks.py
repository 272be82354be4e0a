"""Tasks of the package reasoning-gym, by its data sets' names.

In: a data set's name. Out: a kind of tasks of one level. Its data sets make problems from a seed;
which split a problem belongs to its text decides, as everywhere here. Most of its scores pay in
part: a reply that only holds the answer (2140 for 214) gets 0.75, so a score counts at 1 alone.
Two data sets change with Python's hash seed and four have no stored answer: they are refused.
"""

import dataclasses
import random
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.curriculum import final_answers, numerals, optional_packages
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.task_kinds import TaskKind
from pipeline.curriculum.task_type import Task
from storage.errors import UserError

MODULE, PACKAGE = "reasoning_gym", "reasoning-gym"
WHY = "a task of reasoning_gym"
# Of 0.1.25: tried with several values of PYTHONHASHSEED.
NOT_REPEATABLE = ("isomorphic_strings", "ransom_note")
WITHOUT_ANSWER = ("boxnet", "graph_color", "propositional_logic", "rush_hour")
AT_ONCE = 8  # problems that are made for a seed
MOST_TRIES = 100  # seeds without a problem of the split


@dataclasses.dataclass(frozen=True)
class GymTask(Task):
    """A problem of reasoning-gym with its own judge."""

    score: Callable[[str], float] | None = None  # of an answer alone, without the words around it

    def is_right(self, reply: str) -> bool:
        """Whether the reply's final answer has the full score; a part of it is nothing."""
        said = final_answer(reply, self.answer)
        return said is not None and self.score is not None and self.score(said) == 1.0


def final_answer(reply: str, answer: str) -> str | None:
    """What a reply says at its end, in the form in which the package wants it.

    Args:
        reply: the model's.
        answer: the right one: where it is a number, the reply's number counts.
    """
    if numerals.whole(answer) is not None:
        value = final_answers.number(reply)
        # In the form of the right one: some scores compare texts.
        return answer if value == numerals.whole(answer) else None if value is None else str(value)
    parts = final_answers.marked(reply)
    if parts is None:
        return reply.strip()
    return parts[0].strip() if len({*parts}) == 1 else None


def check_name(name: str) -> None:
    """Refuse a data set that can't be used.

    Raises:
        UserError: the package isn't installed, or it has no such data set, or not one for this.
    """
    if name in NOT_REPEATABLE:
        raise UserError(f"reasoning_gym/{name} changes with Python's hash seed: name another")
    if name in WITHOUT_ANSWER:
        raise UserError(f"reasoning_gym/{name} has no stored answers: name another")
    factory = optional_packages.take(f"{MODULE}.factory", PACKAGE, f"{WHY} ({name})")
    if name not in factory.DATASETS:
        raise UserError(f"reasoning_gym has no data set {name}")


def kind(name: str) -> TaskKind:
    """A data set as a kind of tasks.

    Args:
        name: as the package calls it.

    Raises:
        UserError: as `check_name`.
    """
    check_name(name)
    package = optional_packages.take(MODULE, PACKAGE, WHY)

    def make(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
        for _ in range(MOST_TRIES):
            data = package.create_dataset(name, seed=rng.randrange(2**31), size=AT_ONCE)
            for index in range(AT_ONCE):
                task = task_of(name, data[index], data.score_answer)
                if problem_split(task.problem) == split:
                    return task
        raise UserError(f"reasoning_gym/{name}: no problem of split {split} in {MOST_TRIES} tries")

    return TaskKind(make, 1, _by_the_task)


def _by_the_task(reply: str, answer: str) -> bool:
    raise AssertionError("a data set's score needs the whole row: GymTask.is_right")


def task_of(
    name: str, entry: Mapping[str, Any], score: Callable[[str, Mapping[str, Any]], float]
) -> GymTask:
    """A row of a data set as a task.

    Args:
        name: of the data set.
        entry: with `question` and `answer`.
        score: the data set's, of an answer and its row.
    """
    question, answer = entry["question"], entry["answer"]
    if not isinstance(answer, str):
        raise UserError(f"reasoning_gym/{name} has no stored answers: name another")
    return GymTask(
        question,
        answer,
        f"reasoning_gym/{name}",
        0,
        level=1,
        problem=f"reasoning_gym:{name}:{question}",
        score=lambda said: score(said, entry),
    )
