"""Running sums over a dictionary as conversations of several turns, every reply of them right.

In: how many, how long, a random generator. Out: conversations. Half of them show their steps. All
lengths up to the longest come equally often, so that where a talk ends is never known beforehand.
"""

import random

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.running_sums import RunningSum, draw

WORKED_SHARE = 0.5
TWO_WORDS_SHARE = 0.25  # of conversations, those whose messages name two words each


def conversations(
    *, count: int, most_turns: int, rng: random.Random
) -> list[tuple[list[Message], str]]:
    """Running sums of the fine-tuning split.

    Returns:
        Each conversation with its first message, by which it is split.
    """
    made = []
    for _ in range(count):
        problem = draw(
            rng.randint(1, most_turns),
            "sft",
            rng,
            worked=rng.random() < WORKED_SHARE,
            words_per_turn=2 if rng.random() < TWO_WORDS_SHARE else 1,
        )
        made.append((talk(problem), problem.messages[0]))
    return made


def talk(problem: RunningSum) -> list[Message]:
    """A problem with its right replies."""
    pairs = zip(problem.messages, problem.replies)
    return [said for text, reply in pairs for said in (user(text), assistant(reply))]
