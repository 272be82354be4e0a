"""Tasks that code can check, by kind and by level, in wordings that are trained and in new ones.

In: a model. Problems are of the evaluation split, so neither fine-tuning nor RL had them in any
wording, and each kind's levels are asked equally often. A reply is right if it ended by itself and
its final answer is the right one. Where answers are few, what one and the same answer to all
questions would pay stands beside it; between two numbers a guess pays half, which that hides.
"""

import dataclasses
import random
from collections.abc import Sequence

from pipeline.curriculum.task_kinds import KINDS
from pipeline.curriculum.task_type import Task
from pipeline.curriculum.tasks import is_right
from pipeline.evals.asking import Reply, Scores, Subject, ask_questions, fits, spread
from pipeline.evals.config import TASK_LEVELS_SUITE

SUITE = "tasks"
MAX_DRAWS = 50  # for each task that is wanted, before a level counts as used up


@dataclasses.dataclass(frozen=True)
class AskedTask:
    """A task, and whether its wording is one that no stage trains."""

    task: Task
    new_wording: bool


def draw(count: int, seed: int) -> list[AskedTask]:
    """`count` tasks of each kind in new wordings and as many in trained ones.

    A level has fewer where there are no more different ones.

    Args:
        count: of each kind and sort of wording; the levels share it.
        seed: of the draw.
    """
    found: list[AskedTask] = []
    for kind, of in KINDS.items():
        for new_wording in (True, False):
            for level in range(1, of.levels + 1):
                wanted = (count + level - 1) // of.levels  # the harder ones get what is left over
                rng = random.Random(f"{seed}:tasks:{kind}:{level}:{new_wording}")
                asked: dict[str, AskedTask] = {}
                for _ in range(MAX_DRAWS * wanted):
                    if len(asked) == wanted:
                        break
                    task = of.make(level, "evaluation", rng, new_wording)
                    asked[task.prompt] = AskedTask(task, new_wording)
                found += asked.values()
    return found


def measure(subject: Subject, scores: Scores) -> None:
    """Ask, and add accuracies."""
    config = subject.config
    drawn = draw(config.tasks_per_kind, config.seed)
    asked = [item for item in drawn if fits(subject, item.task.prompt)]
    questions = [item.task.prompt for item in asked]
    report(subject, asked, ask_questions(subject, questions, config.max_new_tokens), scores)


def report(
    subject: Subject, asked: Sequence[AskedTask], replies: Sequence[Reply], scores: Scores
) -> None:
    """Add accuracies: by kind, new wordings first, and by level.

    Args:
        subject: the model; a page of a base model's has no turn that could end.
        asked: the tasks.
        replies: to each.
        scores: gets the rows and samples.
    """
    right = [
        is_right(item.task.kind, reply.text, item.task.answer)
        and (reply.stopped or not subject.chats)
        for item, reply in zip(asked, replies)
    ]

    def share(suite: str, name: str, of: Sequence[int]) -> None:
        scores.share(suite, name, "accuracy", [right[i] for i in of])

    for new, ending in ((True, "_new_wordings"), (False, "")):
        worded = [i for i, item in enumerate(asked) if item.new_wording == new]
        share(SUITE, f"all{ending}", worded)
        for kind, made in KINDS.items():
            of = [i for i in worded if asked[i].task.kind == kind]
            share(SUITE, f"{kind}{ending}", of)
            for level in range(1, made.levels + 1):
                at = [i for i in of if asked[i].task.level == level]
                share(TASK_LEVELS_SUITE, f"{kind}_{level}{ending}", at)
    for kind, made in KINDS.items():
        answers = [item.task.answer for item in asked if item.task.kind == kind]
        if answers and made.chance:  # of other kinds no answer is common
            constant = max(dict.fromkeys(answers), key=answers.count)
            scores.share(
                SUITE, f"{kind}_one_answer", "accuracy", [one == constant for one in answers]
            )
    for i in spread(range(len(asked)), subject.config.samples_per_suite):
        task = asked[i].task
        scores.sample(SUITE, task.prompt, replies[i].text, task.answer, right[i])
