"""Yes or no: does a chain of statements about made-up things lead where the question asks?

In: a level, a split. Out: a task. Level n: n statements lie between what is given and what is
asked, up to four; from level 2 on they stand in a random order. Each task has one statement with
"Every" and one with "No" about what is asked for, of which only one belongs to the chain: neither
word tells the answer. Yes and no come equally often, so guessing pays half.
"""

import itertools
import random

from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.made_up_words import made_up_word
from pipeline.curriculum.task_type import Task

LEVELS = 4
CHANCE = 0.5
NAMES = ("Rex", "Ada", "Tom", "Mia", "Ben", "Lea", "Max", "Zoe")
# {facts} ends with a full stop; {name} is one thing, {last} another.
WORDINGS = (
    "{facts} Is {name} a {last}?",
    "{facts} {name}: a {last}, yes or no?",
    "Suppose that this holds. {facts} Is {name} a {last}?",
    "{facts} Can we say that {name} is a {last}?",
)
NEW_WORDINGS = (
    "Somebody tells you: {facts} Would you call {name} a {last}?",
    "{facts} Does it follow that {name} is a {last}?",
)


def task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A question whose answer is yes or no, after `level` statements."""
    name, yes = rng.choice(NAMES), rng.random() < 0.5
    while True:
        things = [made_up_word(rng).lower() for _ in range(level + 2)]
        problem = f"yes_no:{name} {' '.join(things)} {yes}"
        if len({*things}) == len(things) and problem_split(problem) == split:
            break
    *chain, other = things
    links = [f"Every {a} is a {b}." for a, b in itertools.pairwise(chain[:-1])]
    links.append(_end(chain[-2], chain[-1], yes))
    facts = [f"{name} is a {chain[0]}.", *links, _end(other, chain[-1], not yes)]
    if level > 1:
        rng.shuffle(facts)
    asked = rng.choice(NEW_WORDINGS if new_wording else WORDINGS)
    return Task(
        asked.format(facts=" ".join(facts), name=name, last=chain[-1]),
        "yes" if yes else "no",
        "yes_no",
        0,
        level=level,
        problem=problem,
        solution=worked(name, chain, links, yes),
    )


def _end(thing: str, last: str, yes: bool) -> str:
    return f"Every {thing} is a {last}." if yes else f"No {thing} is a {last}."


def worked(name: str, chain: list[str], links: list[str], yes: bool) -> str:
    """The chain followed from the name, ending with the answer.

    Args:
        name: of whom is asked.
        chain: from what the name is to what is asked for.
        links: the statement from each thing of the chain to the next.
        yes: whether the last one says that it is.
    """
    steps = [f"{name} is a {chain[0]}."]
    for number, link in enumerate(links, 1):
        found = "no" if number == len(links) and not yes else "a"
        steps.append(f"{link} So {name} is {found} {chain[number]}.")
    return f"{' '.join(steps)} The answer is {'yes' if yes else 'no'}."
