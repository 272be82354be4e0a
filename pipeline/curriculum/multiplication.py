"""Products: drawn by the digits of both numbers and by split, worked out digit by digit.

In: a level, a split. Out: a task. Levels: one digit times one, two times one, three times one, two
times two, three times two. A longer second number is taken apart by its digits, and what they make
is added column by column, as in sums. A product and its mirror image share a split. (A long one's
steps hold shorter products, of whichever split those are.)
"""

import random

from pipeline.curriculum import sums
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.sums import operand
from pipeline.curriculum.task_type import Task

DIGITS = ((1, 1), (2, 1), (3, 1), (2, 2), (3, 2))  # of both numbers, by level
LEVELS = len(DIGITS)
WORDINGS = (
    "What is {a} * {b}?",
    "How much is {a} * {b}?",
    "What is {a} times {b}?",
    "Multiply {a} by {b}.",
    "What is the product of {a} and {b}?",
    "Please work out {a} times {b}.",
    "What do you get for {a} * {b}?",
)
NEW_WORDINGS = (
    "{a} * {b} = ?",
    "Could you tell me how much {b} times {a} makes?",
    "A hall has {a} rows of {b} seats. How many seats are there?",
)


def task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A product of numbers of the level's digits, in either order."""
    longer, shorter = DIGITS[level - 1]
    a, b = draw_factors(longer, shorter, split, rng)
    first, second = (b, a) if rng.random() < 0.5 else (a, b)
    asked = rng.choice(NEW_WORDINGS if new_wording else WORDINGS).format(a=first, b=second)
    return Task(
        asked,
        str(a * b),
        "product",
        longer,
        level=level,
        problem=problem(a, b),
        solution=worked(a, b),
    )


def draw_factors(longer: int, shorter: int, split: str, rng: random.Random) -> tuple[int, int]:
    """Two numbers of so many digits whose product belongs to a split."""
    while True:
        a, b = operand(longer, rng), operand(shorter, rng)
        if problem_split(problem(a, b)) == split:
            return a, b


def problem(a: int, b: int) -> str:
    """What a product is split by, whatever its order."""
    return f"product:{min(a, b)}*{max(a, b)}"


def worked(a: int, b: int) -> str:
    """The product of two non-negative integers, by the digits of the second."""
    if a < 0 or b < 0:
        raise ValueError("worked products are for non-negative integers")
    if b < 10:
        return f"{a} * {b}: {by_digit(a, b)}. So {a} * {b} = {a * b}."
    parts = [(int(digit), int(digit) * 10**place) for place, digit in enumerate(reversed(str(b)))]
    steps, total = [], 0
    for number, (digit, part) in enumerate(parts):
        product = a * part
        steps.append(f"{a} * {part}: {by_digit(a, digit)}, so {product}")
        if number:
            added = sums.worked(total, product).partition(": ")[2].partition(". So")[0]
            steps.append(f"{total} + {product}: {added}")
        total += product
    return f"{'. '.join(steps)}. So {a} * {b} = {a * b}."


def by_digit(a: int, digit: int) -> str:
    """The steps of a number times one digit, from the ones upward with the carry."""
    steps, carry = [], 0
    for x in reversed(str(a)):
        total = int(x) * digit + carry
        steps.append(f"{x}*{digit}+{carry}={total}" if carry else f"{x}*{digit}={total}")
        carry = total // 10
    return ", ".join(steps)
