"""Conversations on sums: some answered at once, some worked column by column.

In: how many, how large, which share worked, a random generator. Out: question and answer pairs, in
the wordings of the sample web's pages (its worked.py). Only sums of the fine-tuning split are used,
so those of RL and evaluation stay unseen. Every pair of lengths is there: who has only ever added
numbers of one length gets 347 + 58 wrong.
"""

import random

from pipeline.chat.conversation import Message, assistant, user
from pipeline.crawl.sample_web.worked import SUM_QUESTIONS, direct, sum_question, worked
from pipeline.sft.held_out import sum_split


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
        question = sum_question(a, b, rng.randrange(len(SUM_QUESTIONS)))
        answer = worked(a, b) if rng.random() < worked_share else direct(a, b)
        made.append(([user(question), assistant(answer)], str(a + b)))
    return made
