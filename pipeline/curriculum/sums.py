"""Sums: drawn by the lengths of their numbers and by split, asked in many wordings, worked out.

A sum is worked from the ones upward with its carry, the shorter number padded with zeros, and ends
with the answer, since a checker takes the last integer. Pages and chat use exactly the same format:
a small model does not transfer one format to another.
"""

import random

from pipeline.curriculum.held_out import sum_split
from pipeline.curriculum.task_type import Task

LEVELS = 9  # digits of the longer number

# As the sample web's pages ask.
SUM_QUESTIONS = (
    "What is {a} + {b}?",
    "How much is {a} + {b}?",
    "What do you get for {a} + {b}?",
    "Can you add {a} + {b}?",
    "What does {a} + {b} make?",
    "Please work out {a} + {b}.",
    "What is the sum {a} + {b}?",
    "I need {a} + {b}. How much is it?",
)
# Other wordings than the pages'.
PLAIN_QUESTIONS = (
    "Add {a} and {b}.",
    "{a} plus {b}?",
    "{a}+{b}",
    "What is {a} plus {b}?",
    "What is the sum of {a} and {b}?",
    "How much do {a} and {b} make?",
    "How much are {a} and {b} together?",
    "Please add {a} and {b}.",
    "Please add {a} to {b}.",
    "Find the total of {a} and {b}.",
    "Calculate {a} plus {b}.",
    "I want to know what {a} plus {b} is.",
)
# Without any of the trained wordings: evaluation alone asks so. Stories likewise: evals/unseen.py.
NEW_SUM_QUESTIONS = (
    "Could you tell me what {a} and {b} add up to?",
    "{a} + {b} = ?",
    "Sum up {a} and {b} for me.",
    "If you put {a} and {b} together, what comes out?",
    "Hello! A quick question: {a} plus {b}",
    "Give me the result of adding {a} to {b}.",
    "what's {a} added to {b}",
    "Total of {a} & {b}, please.",
    "Work this out: {a} plus {b}.",
    "Which number is {a} more than {b}?",
)
STORIES = (
    "I have {a} {things} and buy {b} more. How many {things} do I have now?",
    "One box holds {a} {things}, another holds {b}. How many are there in all?",
    "There are {a} {things} here and {b} over there. How many are there together?",
    "{a} {things} came on Monday and {b} on Tuesday. How many came?",
    "A shop sold {a} {things} in spring and {b} in summer. What is the total?",
    "We counted {a} {things}, then {b} more. How many did we count?",
    "{a} {things} are in the house and {b} in the garden. How many is that?",
    "My sister found {a} {things}, my brother {b}. How many did they find?",
)
THINGS = ("coins", "books", "apples", "bricks", "letters", "tickets", "sheep", "candles", "stones")
PAGES_SHARE = 0.5  # of the questions, worded as on pages
STORIES_SHARE = 0.2  # of the questions; the rest are plain


def worked(a: int, b: int) -> str:
    """The sum of two non-negative integers, column by column, ending with the answer."""
    if a < 0 or b < 0:
        raise ValueError("worked sums are for non-negative integers")
    width = max(len(str(a)), len(str(b)))
    columns = zip(reversed(str(a).zfill(width)), reversed(str(b).zfill(width)), strict=True)
    steps, carry = [], 0
    for x, y in columns:
        total = int(x) + int(y) + carry
        steps.append(f"{x}+{y}+1={total}" if carry else f"{x}+{y}={total}")
        carry = total // 10
    return f"{a} + {b}: {', '.join(steps)}. So {a} + {b} = {a + b}."


def direct(a: int, b: int) -> str:
    """The sum answered without working."""
    return f"It is {a + b}."


def sum_question(a: int, b: int, wording: int = 0) -> str:
    """The question, in one of the wordings the pages use."""
    return SUM_QUESTIONS[wording % len(SUM_QUESTIONS)].format(a=a, b=b)


def operand(digits: int, rng: random.Random) -> int:
    """A random number of exactly `digits` digits; one digit includes 0."""
    return rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)


def lengths(digits: int) -> list[tuple[int, int]]:
    """Every pair of operand lengths whose longer one is `digits`."""
    return [
        *((digits, shorter) for shorter in range(1, digits + 1)),
        *((shorter, digits) for shorter in range(1, digits)),
    ]


def draw_sum(digits: tuple[int, int], split: str, rng: random.Random) -> tuple[int, int]:
    """A random sum of one split, by the digits of its operands."""
    while True:
        a, b = operand(digits[0], rng), operand(digits[1], rng)
        if sum_split(a, b) == split:
            return a, b


def question(a: int, b: int, rng: random.Random) -> str:
    """The question for a sum, in a random one of all wordings that are trained."""
    draw = rng.random()
    if draw < PAGES_SHARE:
        return sum_question(a, b, rng.randrange(len(SUM_QUESTIONS)))
    if draw < PAGES_SHARE + STORIES_SHARE:
        return rng.choice(STORIES).format(a=a, b=b, things=rng.choice(THINGS))
    return rng.choice(PLAIN_QUESTIONS).format(a=a, b=b)


def task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A sum whose longer number has `level` digits, in a random wording."""
    a, b = draw_sum(rng.choice(lengths(level)), split, rng)
    asked = rng.choice(NEW_SUM_QUESTIONS).format(a=a, b=b) if new_wording else question(a, b, rng)
    return Task(
        asked,
        str(a + b),
        "sum",
        level,
        level=level,
        problem=f"sum:{min(a, b)}+{max(a, b)}",
        solution=worked(a, b),
    )
