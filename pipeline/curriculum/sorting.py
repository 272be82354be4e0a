"""Lists to be put in order: numbers by size, words by the alphabet.

In: a level, a split. Out: a task. Level n: n + 2 items, up to six; numbers have up to n digits,
three at most. No list is asked that stands in order already, or an echo would be right. Worked by
taking the first of what is left, again and again. A set of items has one split, in whatever order
and direction it is asked.
"""

import random
from collections.abc import Sequence

from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.spelled_words import SPELLING_WORDS
from pipeline.curriculum.task_type import Task

LEVELS = 4
MOST_DIGITS = 3
NUMBER_WORDINGS = {
    False: (
        "Sort {items} from smallest to largest.",
        "Put these numbers in order, smallest first: {items}.",
        "Sort in ascending order: {items}.",
    ),
    True: (
        "Sort {items} from largest to smallest.",
        "Put these numbers in order, largest first: {items}.",
        "Sort in descending order: {items}.",
    ),
}
NEW_NUMBER_WORDINGS = {
    False: ("Here are some numbers: {items}. List them so that each is larger than the last.",),
    True: ("Here are some numbers: {items}. List them so that each is smaller than the last.",),
}
WORD_WORDINGS = (
    "Sort {items} alphabetically.",
    "Put these words in alphabetical order: {items}.",
    "Sort by the alphabet: {items}.",
)
NEW_WORD_WORDINGS = ("In which order does a dictionary have {items}?",)


def numbers_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """Numbers to be sorted, up or down."""
    size = 10 ** min(level, MOST_DIGITS)
    down = rng.random() < 0.5
    while True:
        numbers = rng.sample(range(size), level + 2)
        ordered = sorted(numbers, reverse=down)
        problem = f"sort_numbers:{','.join(map(str, sorted(numbers)))}"
        if numbers != ordered and problem_split(problem) == split:
            break
    wordings = (NEW_NUMBER_WORDINGS if new_wording else NUMBER_WORDINGS)[down]
    first = "Largest" if down else "Smallest"
    items, sorted_items = [*map(str, numbers)], [*map(str, ordered)]
    return _task("sort_numbers", level, rng.choice(wordings), items, sorted_items, problem, first)


def words_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """Words to be sorted."""
    while True:
        words = rng.sample(SPELLING_WORDS, level + 2)
        problem = f"sort_words:{','.join(sorted(words))}"
        if words != sorted(words) and problem_split(problem) == split:
            break
    wording = rng.choice(NEW_WORD_WORDINGS if new_wording else WORD_WORDINGS)
    return _task("sort_words", level, wording, words, sorted(words), problem, "First")


def _task(
    kind: str,
    level: int,
    wording: str,
    items: Sequence[str],
    ordered: Sequence[str],
    problem: str,
    first: str,
) -> Task:
    return Task(
        wording.format(items=", ".join(items)),
        ", ".join(ordered),
        kind,
        0,
        level=level,
        problem=problem,
        solution=worked(items, ordered, first),
    )


def worked(items: Sequence[str], ordered: Sequence[str], first: str) -> str:
    """The list sorted by taking one item after another.

    Args:
        items: as they are asked.
        ordered: the same, sorted.
        first: what the one taken is among those left: "Smallest".
    """
    left, steps = list(items), []
    for item in ordered[:-1]:
        steps.append(f"{first} of {' '.join(left)}: {item}")
        left.remove(item)
    return f"{'. '.join(steps)}. So {', '.join(ordered)}."
