"""Conversations on sums: some answered at once, some worked column by column.

In: how many, how large, which share worked, a random generator. Out: question and answer pairs.
Half of the questions are worded as on the sample web's pages, the others without a plus sign or as
a small story: a model that was only asked "What is 347 + 58?" may not understand "Add 347 and 58.".
Only sums of the fine-tuning split are used, so those of RL and evaluation stay unseen. Every pair
of lengths occurs: a model that only ever added numbers of equal length gets 347 + 58 wrong.
"""

import random

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.sums import direct, draw_sum, lengths, question, worked


def conversations(
    *, count: int, worked_share: float, max_digits: int, rng: random.Random
) -> list[tuple[list[Message], str]]:
    """Sums of every pair of lengths from 1 to `max_digits` digits, equally often.

    Returns:
        Each conversation with its subject, by which it is split: the sum's result. Not the
        operands, for "It is 405." answers many sums.
    """
    pairs = [pair for digits in range(1, max_digits + 1) for pair in lengths(digits)]
    made = []
    for index in range(count):
        a, b = draw_sum(pairs[index % len(pairs)], "sft", rng)
        asked = question(a, b, rng)
        answer = worked(a, b) if rng.random() < worked_share else direct(a, b)
        made.append(([user(asked), assistant(answer)], str(a + b)))
    return made
