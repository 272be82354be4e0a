"""Small word problems: a number of things that grows, shrinks, doubles and is halved in a story.

In: a level, a split. Out: a task. Level n: n steps, up to four; no number on the way leaves 0 to
999. What happens is told in one of several stories, some of which no stage trains. Worked by one
sum a step. The same numbers and steps have one split, whatever the story.
"""

import dataclasses
import random
from collections.abc import Sequence

from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.task_type import Task

LEVELS = 4
MOST_FIRST = (20, 50, 100, 100)  # things at the beginning, by level
MOST_RESULT = 999
STEPS = ("+", "-", "+", "-", "double", "half")  # the first two twice: they come more often


@dataclasses.dataclass(frozen=True)
class StoryWording:
    """How one story tells each step, by {name}: {n} is a number of {things}."""

    beginning: str
    more: str
    fewer: str
    double: str
    half: str
    question: str

    def tell(self, step: str) -> str:
        """How a step is told."""
        return {"+": self.more, "-": self.fewer, "double": self.double, "half": self.half}[step]


TOLD = (
    StoryWording(
        "{name} has {n} {things}.",
        "Then {name} gets {n} more.",
        "Then {name} gives {n} away.",
        "Then {name} gets as many again as there are.",
        "Then {name} gives half of them away.",
        "How many {things} does {name} have now?",
    ),
    StoryWording(
        "There are {n} {things} in a box.",
        "{n} more are put in.",
        "{n} are taken out.",
        "Then their number is doubled.",
        "Then half of them are taken out.",
        "How many {things} are in the box at the end?",
    ),
    StoryWording(
        "A shop has {n} {things}.",
        "It buys {n} more.",
        "It sells {n}.",
        "It buys as many again as it has.",
        "It sells half of them.",
        "How many {things} has the shop then?",
    ),
    StoryWording(
        "We counted {n} {things}.",
        "Later {n} more came.",
        "Later {n} were lost.",
        "Later their number doubled.",
        "Later half of them were lost.",
        "How many {things} are there now?",
    ),
)
NEW_TOLD = (
    StoryWording(
        "On a shelf stood {n} {things}.",
        "Somebody added another {n}.",
        "Somebody broke {n}.",
        "Somebody brought the same number once more.",
        "Somebody took every second one.",
        "How many {things} stood there in the end?",
    ),
    StoryWording(
        "A ship sails with {n} {things} on board.",
        "In a port {n} are loaded.",
        "In a storm {n} are lost.",
        "In a port the cargo is doubled.",
        "In a port half of the cargo is unloaded.",
        "How many {things} are on board when it comes home?",
    ),
)
NAMES = ("Anna", "Paul", "Nora", "Emil", "Clara", "Hugo")
THINGS = ("coins", "books", "apples", "bricks", "tickets", "candles", "stones")
NEW_THINGS = ("lamps", "plates", "crates", "vases")


def task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A story of `level` steps."""
    while True:
        first, steps = _drawn(level, rng)
        done = " ".join(f"{step}{number or ''}" for step, number in steps)
        problem = f"word_problem:{first} {done}"
        # No answer stands in the question as its last number, where an echo would end.
        said = [number for _, number in [("", first), *steps] if number]
        if results(first, steps)[-1] != said[-1] and problem_split(problem) == split:
            break
    story = rng.choice(NEW_TOLD if new_wording else TOLD)
    name, things = rng.choice(NAMES), rng.choice(NEW_THINGS if new_wording else THINGS)
    told = [(story.beginning, first), *((story.tell(step), number) for step, number in steps)]
    told.append((story.question, 0))
    result = results(first, steps)[-1]
    return Task(
        " ".join(text.format(n=number, name=name, things=things) for text, number in told),
        str(result),
        "word_problem",
        0,
        level=level,
        problem=problem,
        solution=worked(first, steps),
    )


def _drawn(level: int, rng: random.Random) -> tuple[int, list[tuple[str, int]]]:
    """How many at first, and the steps, none of which leaves 0 to MOST_RESULT."""
    most = MOST_FIRST[level - 1]
    first = number = rng.randint(2, most)
    steps: list[tuple[str, int]] = []
    while len(steps) < level:
        step, by = rng.choice(STEPS), rng.randint(1, most)
        by = by if step in "+-" else 0
        after = results(number, [(step, by)])[-1]
        if 0 <= after <= MOST_RESULT and not (step == "half" and number % 2) and number:
            steps.append((step, by))
            number = after
        elif not number:
            return _drawn(level, rng)
    return first, steps


def results(first: int, steps: Sequence[tuple[str, int]]) -> list[int]:
    """What is there at first and after each step."""
    found = [first]
    for step, by in steps:
        now = found[-1]
        found.append({"+": now + by, "-": now - by, "double": 2 * now, "half": now // 2}[step])
    return found


def worked(first: int, steps: Sequence[tuple[str, int]]) -> str:
    """One sum a step, ending with the answer."""
    found = results(first, steps)
    lines = []
    for (step, by), before, after in zip(steps, found, found[1:]):
        done = {"+": f"+ {by}", "-": f"- {by}", "double": "* 2", "half": "/ 2"}[step]
        lines.append(f"{before} {done} = {after}.")
    return f"{' '.join(lines)} So {found[-1]}."
