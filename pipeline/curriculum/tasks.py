"""Tasks whose answer a few lines of code can check, drawn from a mixture of kinds and levels.

In: how many, which mixture, a random generator. Out: tasks, all different, in the wordings of
fine-tuning. Problems come from the RL split, so neither fine-tuning nor evaluation uses any of
them. A reply is right if it ended by itself and its final answer, as `final_answers` reads it, is
the task's; the working is not rewarded.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence

from pipeline.curriculum import gsm8k, sums
from pipeline.curriculum.reasoning_gym_tasks import GymTask
from pipeline.curriculum.spelled_words import SPELLING_QUESTIONS, spelled, words_of
from pipeline.curriculum.task_kinds import ALL_KINDS, KINDS, TaskKind
from pipeline.curriculum.task_mixture import TaskSchedule, entries_of
from pipeline.curriculum.task_type import Task
from storage.errors import UserError

__all__ = ["KINDS", "Task", "check", "draw", "is_right", "is_worked", "spelling_task", "sum_task"]
_COLUMN = re.compile(r"\b\d\+\d(?:\+1)?=\d{1,2}\b")
MAX_DRAWS = 100  # for each task that is wanted, before a kind counts as used up


def sum_task(digits: int, split: str, rng: random.Random) -> Task:
    """A sum whose longer number has `digits` digits, in a random wording."""
    return sums.task(digits, split, rng)


def spelling_task(split: str, rng: random.Random) -> Task:
    """An everyday word of any length to be spelled, in a random wording."""
    word = rng.choice(words_of(split))
    asked = rng.choice(SPELLING_QUESTIONS).format(word=word)
    return Task(asked, spelled(word), "spelling", len(word))


def draw(
    count: int,
    mixture: Sequence[str],
    rng: random.Random,
    split: str = "rl",
    first: int = 0,
    kinds: Mapping[str, TaskKind] = KINDS,
    fits: Callable[[Task], bool] | None = None,
) -> list[Task]:
    """`count` different tasks of a mixture.

    Args:
        count: how many.
        mixture: entries of `task_mixture`.
        rng: the random generator.
        split: of the problems.
        first: how many tasks of the mixture were drawn before: it goes on from there.
        kinds: how tasks of each kind are made.
        fits: whether a task has room; None: all have.

    Raises:
        UserError: there are not so many different tasks.
    """
    schedule = TaskSchedule(entries_of(mixture))
    return draw_at(
        count, lambda place: schedule.at(first + place), ", ".join(mixture), rng, split, kinds, fits
    )


def draw_at(
    count: int,
    places: Callable[[int], tuple[str, int]],
    named: str,
    rng: random.Random,
    split: str = "rl",
    kinds: Mapping[str, TaskKind] = KINDS,
    fits: Callable[[Task], bool] | None = None,
) -> list[Task]:
    """`draw`, with the kind and the level of each place.

    Args:
        count: how many.
        places: the kind and level of each task by its number, from 0.
        named: how people know what is asked.
        rng: the random generator.
        split: of the problems.
        kinds: how tasks of each kind are made.
        fits: whether a task has room; None: all have.

    Raises:
        UserError: there are not so many different tasks.
    """
    found: dict[str, Task] = {}
    for _ in range(MAX_DRAWS * count):
        if len(found) == count:
            break
        kind, level = places(len(found))
        task = kinds[kind].make(level, split, rng)
        if fits is None or fits(task):
            found.setdefault(task.prompt, task)
    if len(found) < count:
        fitting = " that fit the model's context" if fits else ""
        lower = ", for lower levels" if fits else ""
        raise UserError(
            f"there are no {count} different tasks of {named}{fitting}:"
            f" ask for fewer prompts a step{lower}, or for more kinds and levels"
        )
    return list(found.values())


def is_right(kind: str, reply: str, answer: str) -> bool:
    """Whether a reply's final answer is the right one, as tasks of that kind are judged."""
    judge = gsm8k.JUDGES.get(kind) or ALL_KINDS[kind].is_right
    return judge(reply, answer)


def check(task: Task, reply: str, stopped: bool) -> bool:
    """Whether the reply is right and ended with the stop token."""
    if isinstance(task, GymTask):
        return stopped and task.is_right(reply)
    return stopped and is_right(task.kind, reply, task.answer)


def is_worked(reply: str) -> bool:
    """Whether a reply shows its work: at least one column of a sum."""
    return bool(_COLUMN.search(reply))
