"""The kinds of tasks that code can check, by name: how each is made and judged.

A new kind is a generator `(level, split, rng, new_wording) -> Task`, a judge `(reply, answer) ->
bool`, and a line here. Tests hold every kind to the same laws: its own solution is right and other
answers are not, its splits and wordings never meet, its levels grow.
"""

import dataclasses
from collections.abc import Callable
from fractions import Fraction

from pipeline.curriculum import (
    calendar_tasks,
    comparisons,
    differences,
    final_answers,
    letters,
    multiplication,
    running_sums,
    sorting,
    sums,
    syllogisms,
    unit_conversions,
    word_problems,
)
from pipeline.curriculum.task_type import Task


@dataclasses.dataclass(frozen=True)
class TaskKind:
    """How tasks of one kind are made and judged."""

    make: Callable[..., Task]  # (level, split, rng, new_wording)
    levels: int  # of its dial, from 1
    is_right: Callable[[str, str], bool]  # of a reply and the answer
    chance: float = 0.0  # what a guess among the shown or known answers pays


def is_number(reply: str, answer: str) -> bool:
    """Whether the number that a reply ends with or marks is the answer."""
    return final_answers.number(reply) == Fraction(answer)


def is_word(reply: str, answer: str) -> bool:
    """Whether the word that a reply ends with, quotes or marks is the answer."""
    return final_answers.word(reply) == answer


def is_spelled(reply: str, answer: str) -> bool:
    """Whether the last word that a reply spells with hyphens is the answer."""
    return final_answers.spelled(reply) == answer


def is_numbers(reply: str, answer: str) -> bool:
    """Whether the last list of numbers is the answer's, in its order."""
    return final_answers.numbers(reply) == final_answers.numbers(answer)


def is_words(reply: str, answer: str) -> bool:
    """Whether the last list of words is the answer's, in its order."""
    return final_answers.words(reply) == final_answers.words(answer)


def is_verdict(reply: str, answer: str) -> bool:
    """Whether a reply says yes where the answer is yes, no where it is no, and not both."""
    return final_answers.yes_no(reply) is (answer == "yes")


KINDS = {
    "sum": TaskKind(sums.task, sums.LEVELS, is_number),
    "difference": TaskKind(differences.task, differences.LEVELS, is_number),
    "product": TaskKind(multiplication.task, multiplication.LEVELS, is_number),
    "comparison": TaskKind(
        comparisons.task, comparisons.LEVELS, comparisons.is_right, comparisons.CHANCE
    ),
    "word_problem": TaskKind(word_problems.task, word_problems.LEVELS, is_number),
    "letter_count": TaskKind(
        letters.counting_task, letters.LEVELS, is_number, letters.COUNT_CHANCE
    ),
    "spelling": TaskKind(letters.spelling_task, letters.LEVELS, is_spelled),
    "reversing": TaskKind(letters.reversing_task, letters.LEVELS, is_word),
    "sort_numbers": TaskKind(sorting.numbers_task, sorting.LEVELS, is_numbers),
    "sort_words": TaskKind(sorting.words_task, sorting.LEVELS, is_words),
    "weekday": TaskKind(
        calendar_tasks.weekday_task,
        calendar_tasks.WEEKDAY_LEVELS,
        calendar_tasks.is_weekday,
        calendar_tasks.WEEKDAY_CHANCE,
    ),
    "date": TaskKind(calendar_tasks.date_task, calendar_tasks.DATE_LEVELS, calendar_tasks.is_date),
    "units": TaskKind(unit_conversions.task, unit_conversions.LEVELS, unit_conversions.is_right),
    "yes_no": TaskKind(syllogisms.task, syllogisms.LEVELS, is_verdict, syllogisms.CHANCE),
}
# A talk of several turns each, whose user says what was written beforehand (`Task.later`): only who
# can hold such a talk draws them.
SEVERAL_TURNS = {
    running_sums.DIRECT: TaskKind(running_sums.direct_task, running_sums.LEVELS, is_number),
    running_sums.WORKED: TaskKind(running_sums.worked_task, running_sums.LEVELS, is_number),
}
ALL_KINDS = {**KINDS, **SEVERAL_TURNS}
