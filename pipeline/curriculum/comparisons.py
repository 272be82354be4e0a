"""Which of two decimals is larger, or smaller: 9.11 or 9.9?

In: a level, a split. Out: a task. Level n: the longer number has n decimals, up to four; from level
3 on some pairs lie below zero. Most pairs agree before the point, so that the decimals decide, and
the one with more of them is as often the smaller. Worked by writing both with as many decimals and
going from left to right. Guessing one of the two pays half.
"""

import random
import re
from fractions import Fraction

from pipeline.curriculum import final_answers
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.task_type import Task

LEVELS = 4
CHANCE = 0.5
SAME_WHOLE_SHARE = 0.8  # of the pairs, those that agree before the point
NEGATIVE_SHARE = 0.3  # of the pairs from NEGATIVE_LEVEL on
NEGATIVE_LEVEL = 3
# {more}: larger or smaller; {a} and {b} in either order.
WORDINGS = (
    "Which is {more}, {a} or {b}?",
    "Which number is {more}: {a} or {b}?",
    "What is {more}, {a} or {b}?",
    "Name the {more} of {a} and {b}.",
    "{a} or {b}: which one is {more}?",
)
NEW_WORDINGS = (
    "I have two numbers, {a} and {b}. Tell me the {more} one.",
    "Compare {a} and {b}, then give me the {more} number.",
)
WORDS = {True: ("larger", "greater", "bigger"), False: ("smaller", "less", "lower")}
_CLAIM = re.compile(
    r"(?P<first>[-\u2212]?\d+(?:\.\d+)?)\*{0,2}\s*(?:is\s+)?"
    r"(?P<how>larger than|greater than|bigger than|more than|smaller than|less than|lower than|>|<)"
    r"\s*\*{0,2}(?P<second>[-\u2212]?\d+(?:\.\d+)?)[*\s]*[.!]?[*\s]*\Z"
)
_BESIDE = re.compile(r"\b(?:or|and|not)\W*\Z", re.IGNORECASE)
_LARGER = ("larger than", "greater than", "bigger than", "more than", ">")


def task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """Two decimals of which one is to be named."""
    while True:
        a, b = _pair(level, rng)
        low, high = sorted((a, b), key=Fraction)
        problem = f"comparison:{low}<{high}"
        if Fraction(a) != Fraction(b) and problem_split(problem) == split:
            break
    wants_larger = rng.random() < 0.5
    more = rng.choice(WORDS[wants_larger])
    asked = rng.choice(NEW_WORDINGS if new_wording else WORDINGS).format(a=a, b=b, more=more)
    answer = high if wants_larger else low
    solution = worked(a, b, wants_larger)
    return Task(asked, answer, "comparison", 0, level=level, problem=problem, solution=solution)


def _pair(level: int, rng: random.Random) -> tuple[str, str]:
    """Two numbers in a random order, one with `level` decimals, the other with as many or fewer."""
    places = [level, rng.randint(1, level)]
    rng.shuffle(places)
    whole = rng.randrange(10 ** min(level, 2))
    same = rng.random() < SAME_WHOLE_SHARE
    wholes = (whole, whole if same else rng.randrange(10 ** min(level, 2)))
    sign = "-" if level >= NEGATIVE_LEVEL and rng.random() < NEGATIVE_SHARE else ""
    # No number ends in a zero: 9.10 would be 9.1 written longer.
    first, second = (
        f"{sign}{before}.{''.join(rng.choices('0123456789', k=count - 1))}{rng.choice('123456789')}"
        for before, count in zip(wholes, places)
    )
    return first, second


def worked(a: str, b: str, wants_larger: bool) -> str:
    """The comparison, place by place, ending with the answer.

    Args:
        a: a number with a point.
        b: another, of the same sign.
        wants_larger: whether the larger one is asked for.
    """
    places = max(len(number.partition(".")[2]) for number in (a, b))
    shown = [number + "0" * (places - len(number.partition(".")[2])) for number in (a, b)]
    (whole_a, decimals_a), (whole_b, decimals_b) = (
        number.lstrip("-").split(".") for number in shown
    )
    steps = []
    for x, y in zip((whole_a, *decimals_a), (whole_b, *decimals_b)):
        steps.append(f"{x}{'=' if x == y else '<' if int(x) < int(y) else '>'}{y}")
        if x != y:
            break
    negative = ", below 0 turned round" if a.startswith("-") else ""
    low, high = sorted((a, b), key=Fraction)
    end = f"{high} is larger" if wants_larger else f"{low} is smaller"
    return f"{shown[0]} and {shown[1]}: {', '.join(steps)}{negative}. So {end}."


def is_right(reply: str, answer: str) -> bool:
    """Whether a reply names the answer, alone or as the subject of a true comparison at its end.

    "9.9 is larger than 9.11" ends with the other number and is right; where it claims what is not
    so it is wrong, whatever it names.
    """
    claim = _CLAIM.search(reply.rstrip())
    if claim is None:
        return final_answers.number(reply) == Fraction(answer)
    if _BESIDE.search(reply[: claim.start()]):
        return False
    first, second = (Fraction(claim[name].replace("\u2212", "-")) for name in ("first", "second"))
    true = first > second if claim["how"] in _LARGER else first < second
    return true and first == Fraction(answer)
