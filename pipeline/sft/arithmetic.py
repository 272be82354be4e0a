"""Conversations on sums: some answered at once, some worked column by column.

In: how many, how large, which share worked, a random generator. Out: question and answer pairs.
Half of the questions are worded as on the sample web's pages, the others without a plus sign or as
a small story: who has only been asked "What is 347 + 58?" need not understand "Add 347 and 58.".
Only sums of the fine-tuning split are used, so those of RL and evaluation stay unseen. Every pair
of lengths is there: who has only ever added numbers of one length gets 347 + 58 wrong.
"""

import random

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.sums import direct, draw_sum, lengths, question, worked


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
