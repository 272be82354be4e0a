"""Differences: drawn by the digits of their numbers and by split, worked out column by column.

In: a level, a split. Out: a task. Level n: the longer number has n digits, up to six. Some
differences lie below zero: then the larger number's comes first and gets the sign. A column that
needs one borrows ten, and the next gives one back: `12-8=4` and `4-5-1`, as `14-5-1=8`. A
difference and its mirror image (347 - 58, 58 - 347) share a split, since one is worked by the
other.
"""

import random

from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.sums import lengths, operand
from pipeline.curriculum.task_type import Task

LEVELS = 6
NEGATIVE_SHARE = 0.2  # of the differences, those below zero
WORDINGS = (
    "What is {a} - {b}?",
    "How much is {a} - {b}?",
    "What is {a} minus {b}?",
    "Subtract {b} from {a}.",
    "Take {b} away from {a}. What is left?",
    "What is the difference {a} - {b}?",
    "Please work out {a} minus {b}.",
)
NEW_WORDINGS = (
    "{a} - {b} = ?",
    "If you begin with {a} and remove {b}, where do you end?",
    "Could you tell me what {a} less {b} comes to?",
)


def task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A difference whose longer number has `level` digits."""
    while True:
        first, second = rng.choice(lengths(level))
        high, low = sorted((operand(first, rng), operand(second, rng)), reverse=True)
        problem = f"difference:{high}-{low}"
        if problem_split(problem) == split:
            break
    a, b = (low, high) if rng.random() < NEGATIVE_SHARE else (high, low)
    asked = rng.choice(NEW_WORDINGS if new_wording else WORDINGS).format(a=a, b=b)
    return Task(
        asked, str(a - b), "difference", level, level=level, problem=problem, solution=worked(a, b)
    )


def worked(a: int, b: int) -> str:
    """The difference of two non-negative integers, ending with the answer."""
    if a < b:
        return f"{a} - {b} is below 0. {b} - {a}: {columns(b, a)}. So {a} - {b} = {a - b}."
    return f"{a} - {b}: {columns(a, b)}. So {a} - {b} = {a - b}."


def columns(a: int, b: int) -> str:
    """The steps from the ones upward, of a difference that is not below zero."""
    if b < 0 or a < b:
        raise ValueError("columns are for differences of non-negative integers, the larger first")
    pairs = zip(reversed(str(a)), reversed(str(b).zfill(len(str(a)))), strict=True)
    steps, borrowed = [], 0
    for x, y in pairs:
        above = int(x) + (10 if int(x) < int(y) + borrowed else 0)
        given_back = "-1" if borrowed else ""
        steps.append(f"{above}-{y}{given_back}={above - int(y) - borrowed}")
        borrowed = int(above > int(x))
    return ", ".join(steps)
