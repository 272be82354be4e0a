"""Questions that a tool answers: long sums, products, letters of words, and some that no tool can.

In: a random generator. Out: a question, which call of which tool answers it, what is said of the
output, and what a model without that tool says: it works the question out where that is short, or
says that it can't. Problems are of the fine-tuning split. Another source of questions, passages to
search for example, needs no more than to make `ToolQuestion`s.
"""

import dataclasses
import random
from collections.abc import Callable, Mapping

from pipeline.curriculum import letters, multiplication, sums
from pipeline.curriculum.spelled_words import SPELLING_QUESTIONS, spelled, spelling_answer
from pipeline.curriculum.sums import PLAIN_QUESTIONS, SUM_QUESTIONS, draw_sum, operand
from pipeline.curriculum.task_words import LEVELS, draw_word
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import ERROR

# Digits of both numbers: the curriculum's longest products, and longer ones.
PRODUCT_DIGITS = ((2, 2), (3, 2), (3, 3), (3, 3), (4, 2), (4, 3))
SUM_DIGITS = ((5, 4), (5, 5), (6, 5), (6, 6), (7, 6))  # shorter ones are worked without a tool
NUMBER_ANSWERS = ("It is {value}.", "{value}.", "The answer is {value}.", "That makes {value}.")
COUNT_ANSWERS = ("{value}.", "It is {value}.", "I count {value}.")
NO_CALCULATOR = (
    "I can't work that out without a calculator.",
    "That is too long for me to work out without a calculator.",
)
FAILED = ("That can't be done: {error}.", "It did not work: {error}.", "No answer: {error}.")
DIVISIONS = ("What is {a} / 0?", "Divide {a} by 0.", "How much is {a} divided by 0?")
POWERS = ("What is {a} ** {b}?", "What is {a} to the power of {b}?")
LETTERS_AT = ("What is letter number {n} of {word}?", "Which letter of {word} is number {n}?")


@dataclasses.dataclass(frozen=True)
class ToolQuestion:
    """A question, and what to do with and without tools."""

    question: str
    subject: str  # by which it is split into training and validation
    arguments: Mapping[str, Mapping[str, str]]  # by name of the tools that answer it, best first
    answer: Callable[[ToolOutput], str]
    alone: str  # where none of these tools is there


def product(rng: random.Random) -> ToolQuestion:
    """A product that is too long to be worked at once."""
    pair = [*multiplication.draw_factors(*rng.choice(PRODUCT_DIGITS), "sft", rng)]
    rng.shuffle(pair)
    a, b = pair
    asked = rng.choice(multiplication.WORDINGS).format(a=a, b=b)
    subject = multiplication.problem(a, b)
    return _number(asked, subject, f"{a} * {b}", rng.choice(NO_CALCULATOR), rng)


def long_sum(rng: random.Random) -> ToolQuestion:
    """A sum of numbers longer than those that are worked column by column."""
    a, b = draw_sum(rng.choice(SUM_DIGITS), "sft", rng)
    asked = rng.choice((*SUM_QUESTIONS, *PLAIN_QUESTIONS)).format(a=a, b=b)
    return _number(asked, f"sum:{a + b}", f"{a} + {b}", sums.worked(a, b), rng)


def letter_count(rng: random.Random) -> ToolQuestion:
    """How often a letter stands in a word."""
    word, letter = letters.word_and_letter(rng.randint(1, LEVELS), "sft", rng)
    told = rng.choice(COUNT_ANSWERS)
    return ToolQuestion(
        rng.choice(letters.COUNT_WORDINGS).format(word=word, letter=letter),
        f"word:{word}",
        {"python": {"code": f"'{word}'.count('{letter}')"}},
        lambda output: told.format(value=output.text),
        letters.counted(word, letter),
    )


def spelling(rng: random.Random) -> ToolQuestion:
    """A word to be spelled."""
    word = draw_word(rng.randint(1, LEVELS), "sft", rng)
    return ToolQuestion(
        rng.choice(SPELLING_QUESTIONS).format(word=word),
        f"word:{word}",
        {"python": {"code": f"'-'.join('{word}')"}},
        lambda output: f"{_unquoted(output)}.",
        spelling_answer(word),
    )


def reversing(rng: random.Random) -> ToolQuestion:
    """A word to be written backwards."""
    task = letters.reversing_task(rng.randint(1, LEVELS), "sft", rng)
    word = task.problem.removeprefix("word:")
    return ToolQuestion(
        task.prompt,
        task.problem,
        {"python": {"code": f"'{word}'[::-1]"}},
        lambda output: f"{_unquoted(output)}.",
        task.solution,
    )


def impossible(rng: random.Random) -> ToolQuestion:
    """A question that the calculator or a program refuses, which the user is told."""
    return rng.choice((_division_by_zero, _too_large, _letter_beyond))(rng)


# In this order, again and again: half are numbers, whose calls a small model learns first.
KINDS: tuple[Callable[[random.Random], ToolQuestion], ...] = (
    *(product, letter_count, product, spelling, long_sum, reversing),
    *(product, letter_count, long_sum, impossible),
)


def draw(count: int, rng: random.Random) -> list[ToolQuestion]:
    """`count` questions, each kind in its turn."""
    return [KINDS[number % len(KINDS)](rng) for number in range(count)]


def _division_by_zero(rng: random.Random) -> ToolQuestion:
    a = operand(rng.randint(1, 3), rng)
    asked = rng.choice(DIVISIONS).format(a=a)
    return _refused(asked, "calculator", f"{a} / 0", "No number can be divided by 0.", rng)


def _too_large(rng: random.Random) -> ToolQuestion:
    a, b = operand(2, rng), operand(5, rng)
    asked = rng.choice(POWERS).format(a=a, b=b)
    return _refused(asked, "calculator", f"{a} ** {b}", rng.choice(NO_CALCULATOR), rng)


def _letter_beyond(rng: random.Random) -> ToolQuestion:
    word = draw_word(rng.randint(1, LEVELS), "sft", rng)
    n = len(word) + rng.randint(1, 9)
    asked = rng.choice(LETTERS_AT).format(n=n, word=word)
    alone = f"{spelled(word)} has no letter number {n}."
    return _refused(asked, "python", f"'{word}'[{n - 1}]", alone, rng)


def _refused(
    question: str, tool: str, expression: str, alone: str, rng: random.Random
) -> ToolQuestion:
    argument = {"calculator": "expression", "python": "code"}[tool]
    told = rng.choice(FAILED)
    return ToolQuestion(
        question,
        f"impossible:{expression}",
        {tool: {argument: expression}},
        lambda output: told.format(error=_error(output)),
        alone,
    )


def _number(
    question: str, subject: str, expression: str, alone: str, rng: random.Random
) -> ToolQuestion:
    told = rng.choice(NUMBER_ANSWERS)
    arguments = {"calculator": {"expression": expression}, "python": {"code": expression}}
    return ToolQuestion(
        question, subject, arguments, lambda output: told.format(value=output.text), alone
    )


def _unquoted(output: ToolOutput) -> str:
    """A string's text as Python shows it, without the quotes."""
    return output.text.strip("'")


def _error(output: ToolOutput) -> str:
    """What went wrong: the last line of the output, without what it begins with and ends in."""
    return output.text.rpartition(ERROR)[2].strip().rstrip(".")
