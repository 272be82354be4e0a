"""Units: how many of a smaller or larger one is that?

In: a level, a split. Out: a task. Level 1: metric units, to a smaller one, up to 20 of them; level
2: times and dozens likewise; level 3: metric units to a larger one, with decimals; level 4: two
units together (2 hours 15 minutes). The answer is a number of the asked unit; another unit after it
is wrong, even where it says the same: "3 metres" would only repeat the question.
"""

import dataclasses
import random
from fractions import Fraction

from pipeline.curriculum import final_answers
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.task_type import Task

LEVELS = 4
MOST = 20  # of the larger unit


@dataclasses.dataclass(frozen=True)
class UnitPair:
    """Two units, of which the larger has so many of the smaller."""

    larger: str  # one of them
    smaller: str
    factor: int


METRIC = (
    UnitPair("metre", "centimetre", 100),
    UnitPair("kilometre", "metre", 1_000),
    UnitPair("centimetre", "millimetre", 10),
    UnitPair("metre", "millimetre", 1_000),
    UnitPair("kilogram", "gram", 1_000),
    UnitPair("litre", "millilitre", 1_000),
    UnitPair("litre", "decilitre", 10),
    UnitPair("euro", "cent", 100),
)
TIMES = (
    UnitPair("hour", "minute", 60),
    UnitPair("minute", "second", 60),
    UnitPair("day", "hour", 24),
    UnitPair("week", "day", 7),
    UnitPair("year", "month", 12),
)
DOZEN = UnitPair("dozen", "piece", 12)
# Written another way; each unit and its plural stand for themselves.
SHORT = {
    "cm": "centimetre",
    "centimeter": "centimetre",
    "mm": "millimetre",
    "millimeter": "millimetre",
    "m": "metre",
    "meter": "metre",
    "km": "kilometre",
    "kilometer": "kilometre",
    "g": "gram",
    "gramme": "gram",
    "kg": "kilogram",
    "l": "litre",
    "liter": "litre",
    "ml": "millilitre",
    "milliliter": "millilitre",
    "dl": "decilitre",
    "deciliter": "decilitre",
    "h": "hour",
    "hr": "hour",
    "min": "minute",
    "mins": "minute",
    "s": "second",
    "sec": "second",
    "secs": "second",
    "€": "euro",
    "ct": "cent",
}
WORDINGS = (
    "How many {asked} are {given}?",
    "How many {asked} are there in {given}?",
    "Convert {given} to {asked}.",
    "What is {given} in {asked}?",
    "{given}: how many {asked} is that?",
)
NEW_WORDINGS = (
    "Express {given} in {asked}.",
    "If I have {given}, how many {asked} do I have?",
)


def plural(unit: str) -> str:
    """More than one of a unit."""
    return unit if unit == "dozen" else f"{unit}s"


def count(number: str, unit: str) -> str:
    """A number of a unit: `1 metre`, `3 metres`."""
    return f"{number} {unit if number == '1' else plural(unit)}"


def task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """An amount to be said in another unit."""
    pairs = METRIC if level in (1, 3) else TIMES if level == 4 else (*TIMES, DOZEN)
    while True:
        pair = rng.choice(pairs)
        whole, rest = rng.randint(1, MOST), rng.randrange(1, pair.factor)
        if level < 3:
            rest = 0
        problem = f"units:{level > 2}:{whole} {pair.larger} {rest} {pair.smaller}"
        if problem_split(problem) == split:
            break
    total = whole * pair.factor + rest
    if level == 3:
        given, asked = count(str(total), pair.smaller), pair.larger
        answer, steps = decimal(Fraction(total, pair.factor)), f"{total} / {pair.factor}"
    else:
        given, asked = count(str(whole), pair.larger), pair.smaller
        if rest:
            given += f" {count(str(rest), pair.smaller)}"
        answer, steps = str(total), f"{whole} * {pair.factor}"
    worked = f"1 {pair.larger} is {count(str(pair.factor), pair.smaller)}. {steps} = "
    worked += f"{total - rest}. {total - rest} + {rest} = {total}" if level == 4 else answer
    said = count(answer, asked)
    wording = rng.choice(NEW_WORDINGS if new_wording else WORDINGS)
    return Task(
        wording.format(asked=plural(asked), given=given),
        said,
        "units",
        0,
        level=level,
        problem=problem,
        solution=f"{worked}. So {said}.",
    )


def decimal(value: Fraction) -> str:
    """A value with at most three decimals as people write it."""
    text = f"{float(value):.3f}".rstrip("0").rstrip(".")
    if Fraction(text) != value:
        raise ValueError(f"{value} has more than three decimals")
    return text


def is_right(reply: str, answer: str) -> bool:
    """Whether a reply's last number is the answer's, alone, in its unit or before another word."""
    number, unit = answer.split()
    value, word = final_answers.quantity(reply)
    named = unit_of(word)
    return value == Fraction(number) and named in ("", unit_of(unit))


def unit_of(word: str) -> str:
    """The unit that a word names, in one of its forms; "" where it names none."""
    word = word.lower()
    singular = word.removesuffix("s") if word not in SHORT else word
    units = {unit for pair in (*METRIC, *TIMES, DOZEN) for unit in (pair.larger, pair.smaller)}
    return SHORT.get(singular, SHORT.get(word, singular if singular in units else ""))
