"""Tasks whose answer a few lines of code can check: sums and spelling.

In: how many, which kind, a random generator. Out: tasks, all different, in the wordings of
fine-tuning. Sums and words come from the RL split, so neither fine-tuning nor evaluation uses any
of them. A reply is right if it ended by itself and its last number (in any form that `numerals`
reads), or its last word spelled with hyphens, is the answer; the working is not rewarded.
"""

import dataclasses
import random
import re

from pipeline.curriculum import numerals
from pipeline.curriculum.spelled_words import SPELLING_QUESTIONS, spelled, words_of
from pipeline.curriculum.sums import draw_sum, lengths, question
from storage.errors import UserError

_SPELLED = re.compile(r"\b[a-z](?:-[a-z])+\b")
_COLUMN = re.compile(r"\b\d\+\d(?:\+1)?=\d{1,2}\b")
MAX_DRAWS = 100  # for each task that is wanted, before a kind counts as used up


@dataclasses.dataclass(frozen=True)
class Task:
    """A question with one right answer."""

    prompt: str
    answer: str
    kind: str  # sum or spelling; of pipeline.rl.honesty_prompts honesty
    digits: int  # of the longer operand; letters of the word; 0 of what is neither
    system: str = ""  # the system message before the question; "": none


def sum_task(digits: int, split: str, rng: random.Random) -> Task:
    """A sum whose longer number has `digits` digits, in a random wording."""
    a, b = draw_sum(rng.choice(lengths(digits)), split, rng)
    return Task(question(a, b, rng), str(a + b), "sum", digits)


def spelling_task(split: str, rng: random.Random) -> Task:
    """A word to be spelled, in a random wording."""
    word = rng.choice(words_of(split))
    asked = rng.choice(SPELLING_QUESTIONS).format(word=word)
    return Task(asked, spelled(word), "spelling", len(word))


def draw(
    count: int,
    digits: tuple[int, ...],
    spelling_share: float,
    rng: random.Random,
    split: str = "rl",
) -> list[Task]:
    """`count` different tasks, sums of each number of digits equally often.

    Args:
        count: how many.
        digits: of the sums' longer numbers.
        spelling_share: of the tasks, how many are to spell a word.
        rng: the random generator.
        split: of sums and words.

    Raises:
        UserError: there are not so many different tasks.
    """
    found: dict[str, Task] = {}
    spelling = round(spelling_share * count)
    for _ in range(MAX_DRAWS * count):
        if len(found) == count:
            return list(found.values())
        index = len(found)
        if index < spelling:
            task = spelling_task(split, rng)
        else:
            task = sum_task(digits[index % len(digits)], split, rng)
        found.setdefault(task.prompt, task)
    raise UserError(
        f"there are no {count} different tasks of {digits} digits and spelling share "
        f"{spelling_share}: ask for fewer prompts a step"
    )


def is_right(kind: str, reply: str, answer: str) -> bool:
    """Whether a reply's last number, or its last spelled word, is the answer."""
    if kind == "sum":
        return numerals.last(reply) == int(answer)
    found = _SPELLED.findall(reply)
    return bool(found) and found[-1] == answer


def check(task: Task, reply: str, stopped: bool) -> bool:
    """Whether the reply is right and ended with the stop token."""
    return stopped and is_right(task.kind, reply, task.answer)


def is_worked(reply: str) -> bool:
    """Whether a reply shows its work: at least one column of a sum."""
    return bool(_COLUMN.search(reply))
