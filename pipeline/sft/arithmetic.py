"""Conversations on sums: some answered at once, some worked column by column.

In: how many, how large, which share worked, a random generator. Out: question and answer pairs.
Half of the questions are worded as on the sample web's pages (its worked.py), the others without a
plus sign or as a small story: who has only ever been asked "What is 347 + 58?" need not understand
"Add 347 and 58.". Only sums of the fine-tuning split are used, so those of RL and evaluation stay
unseen. Every pair of lengths is there: who has only ever added numbers of one length gets 347 + 58
wrong.
"""

import random

from pipeline.chat.conversation import Message, assistant, user
from pipeline.sample_web.worked import SUM_QUESTIONS, direct, sum_question, worked
from pipeline.sft.held_out import sum_split

# Beside the pages' wordings. Those that evaluation asks besides are none of these: evals/unseen.py.
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


def operand(digits: int, rng: random.Random) -> int:
    """A number of exactly so many digits; one digit includes 0."""
    return rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)


def lengths(digits: int) -> list[tuple[int, int]]:
    """Every pair of operand lengths whose longer one has so many digits."""
    return [
        *((digits, shorter) for shorter in range(1, digits + 1)),
        *((shorter, digits) for shorter in range(1, digits)),
    ]


def draw_sum(digits: tuple[int, int], split: str, rng: random.Random) -> tuple[int, int]:
    """Two operands of so many digits each, from one split of all sums."""
    while True:
        a, b = operand(digits[0], rng), operand(digits[1], rng)
        if sum_split(a, b) == split:
            return a, b


def question(a: int, b: int, rng: random.Random) -> str:
    """The sum asked for in one of all the wordings that are trained."""
    draw = rng.random()
    if draw < PAGES_SHARE:
        return sum_question(a, b, rng.randrange(len(SUM_QUESTIONS)))
    if draw < PAGES_SHARE + STORIES_SHARE:
        return rng.choice(STORIES).format(a=a, b=b, things=rng.choice(THINGS))
    return rng.choice(PLAIN_QUESTIONS).format(a=a, b=b)


def conversations(
    *, count: int, worked_share: float, max_digits: int, rng: random.Random
) -> list[tuple[list[Message], str]]:
    """Sums of every pair of lengths from 1 to `max_digits` digits, equally often; beside each its
    result, which it is about.

    Not the operands: "It is 405." answers many sums.
    """
    pairs = [pair for digits in range(1, max_digits + 1) for pair in lengths(digits)]
    made = []
    for index in range(count):
        a, b = draw_sum(pairs[index % len(pairs)], "sft", rng)
        asked = question(a, b, rng)
        answer = worked(a, b) if rng.random() < worked_share else direct(a, b)
        made.append(([user(asked), assistant(answer)], str(a + b)))
    return made
