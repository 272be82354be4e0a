"""Conversations on tasks that code can check, each answered by its worked solution.

In: how many, of which mixture, a random generator. Out: question and answer pairs. The problems are
of the fine-tuning split, in the wordings that RL uses as well; those that evaluation alone asks in
are left out.
"""

import random
from collections.abc import Sequence

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.tasks import Task, draw


def conversations(
    *, count: int, mixture: Sequence[str], rng: random.Random
) -> list[tuple[list[Message], str]]:
    """Different questions with worked answers.

    Returns:
        Each conversation with its subject, by which it is split.

    Raises:
        UserError: there are not so many different ones.
    """
    drawn = draw(count, mixture, rng, split="sft") if count else []
    return [
        (
            [user(task.prompt), assistant(task.solution)],
            subject(task),
        )
        for task in drawn
    ]


def subject(task: Task) -> str:
    """What a task's conversation is split by: what is asked, whatever the wording.

    Of a sum its result and of a word the word itself, as other sources split them.
    """
    return f"sum:{task.answer}" if task.kind == "sum" else task.problem or task.prompt
