"""The calendar: which day of the week, and which date, is so many days later or earlier?

In: a level, a split. Out: a task. `weekday`: level 1 up to 6 days, level 2 up to 30, level 3 up to
365, after or before; worked by taking whole weeks out and counting the rest. `date`: level 1 within
a month, level 2 into the next one, level 3 up to 100 days, none of them in February, since no year
is said; level 4 up to 100 days with the year, leap years among them; worked month by month.
The day in the question is never the answer: guessing one of the others pays a sixth.
"""

import calendar
import datetime
import random
import re

from pipeline.curriculum import final_answers
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.task_type import Task

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = final_answers.MONTHS
MOST_DAYS = (6, 30, 365)  # between the two days, by level
WEEKDAY_LEVELS = len(MOST_DAYS)
WEEKDAY_CHANCE = 1 / 6  # it is never the day in the question, which an echo would name
DATE_LEVELS = 4
MOST_DATE_DAYS = 100
PLAIN_YEAR = 2023  # has no 29 February; of levels that say no year
YEARS = (1990, 2040)  # of level 4

WEEKDAY_WORDINGS = (
    "What day is {days} {way} {day}?",
    "Which day of the week is {days} {way} {day}?",
    "Which weekday comes {days} {way} {day}?",
    "What day of the week is it {days} {way} a {day}?",
)
NEW_WEEKDAY_WORDINGS = (
    "Count {days} from {day}, to what lies {way} it. Where do you end?",
    "I name a {day}. Tell me the day {days} {way} that.",
)
DATE_WORDINGS = (
    "What date is {days} after {date}?",
    "Which date is {days} after {date}?",
    "What is the date {days} after {date}?",
    "Add {days} to {date}.",
)
NEW_DATE_WORDINGS = (
    "It is {date}. What will the date be in {days}?",
    "A parcel left on {date} and took {days}. When did it arrive?",
)
# The question said again: what it counts from is no answer.
_ASKED_DAY = re.compile(rf"\bdays? (?:after|before) (?:an? )?(?:{'|'.join(DAYS)})\b", re.IGNORECASE)
_ASKED_DATE = re.compile(r"\bdays? after \d{1,2} [A-Z][a-z]+(?: \d{4})?\b")


def weekday_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A day of the week, so many days after or before another."""
    least = MOST_DAYS[level - 2] + 1 if level > 1 else 1
    while True:
        start, days = rng.randrange(7), rng.randint(least, MOST_DAYS[level - 1])
        way = rng.choice(("after", "before"))
        problem = f"weekday:{days} {way} {start}"
        if days % 7 and problem_split(problem) == split:
            break
    step = 1 if way == "after" else -1
    wordings = NEW_WEEKDAY_WORDINGS if new_wording else WEEKDAY_WORDINGS
    asked = rng.choice(wordings).format(days=_days(days), way=way, day=DAYS[start])
    return Task(
        asked,
        DAYS[(start + step * days) % 7],
        "weekday",
        0,
        level=level,
        problem=problem,
        solution=worked_weekday(start, days, step),
    )


def worked_weekday(start: int, days: int, step: int) -> str:
    """Whole weeks left out, then day by day.

    Args:
        start: the number of the day in DAYS.
        days: how many later or earlier, above 0.
        step: 1: later, -1: earlier.
    """
    weeks, rest = divmod(days, 7)
    shown = f"{days} = {weeks} * 7 + {rest}. " if weeks else ""
    counted = [f"{n} {DAYS[(start + step * n) % 7]}" for n in range(1, rest + 1)]
    end = DAYS[(start + step * days) % 7]
    return f"{shown}{', '.join([DAYS[start], *counted])}. So {end}."


def date_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A date so many days after another."""
    while True:
        start, days = _drawn_date(level, rng)
        problem = f"date:{start.isoformat() if level == 4 else start.strftime('%m-%d')}+{days}"
        if _fits(level, start, days) and problem_split(problem) == split:
            break
    end = start + datetime.timedelta(days)
    with_year = level == 4
    wordings = NEW_DATE_WORDINGS if new_wording else DATE_WORDINGS
    asked = rng.choice(wordings).format(days=_days(days), date=shown(start, with_year))
    return Task(
        asked,
        shown(end, with_year),
        "date",
        0,
        level=level,
        problem=problem,
        solution=worked_date(start, days, with_year),
    )


def _drawn_date(level: int, rng: random.Random) -> tuple[datetime.date, int]:
    year = rng.randint(*YEARS) if level == 4 else PLAIN_YEAR
    start = datetime.date(year, 1, 1) + datetime.timedelta(rng.randrange(365))
    days = rng.randint(1, 30) if level < 3 else rng.randint(31, MOST_DATE_DAYS)
    return start, days


def _fits(level: int, start: datetime.date, days: int) -> bool:
    """Whether a date and a number of days are of the level."""
    if level == 4:
        return True
    end = start + datetime.timedelta(days)
    months = (end.year - start.year) * 12 + end.month - start.month
    # Without a year nobody knows how long February is.
    if 2 in {(start.month + number - 1) % 12 + 1 for number in range(months + 1)}:
        return False
    return months == level - 1 if level < 3 else months > 1


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def shown(date: datetime.date, with_year: bool) -> str:
    """`8 March`, or `8 March 2024`."""
    text = f"{date.day} {MONTHS[date.month - 1]}"
    return f"{text} {date.year}" if with_year else text


def worked_date(start: datetime.date, days: int, with_year: bool) -> str:
    """Month after month used up, ending with the answer."""
    steps, left, at = [], days, start
    while True:
        length = calendar.monthrange(at.year, at.month)[1]
        if at.day + left <= length:
            break
        month = f"{MONTHS[at.month - 1]} {at.year}" if with_year else MONTHS[at.month - 1]
        used = length - at.day
        steps.append(f"{month} has {length} days: {length} - {at.day} = {used}")
        steps.append(f"{left} - {used} = {left - used}")
        at, left = at + datetime.timedelta(used + 1), left - used - 1
        steps.append(f"1 {MONTHS[at.month - 1]} leaves {left}")
    end = at + datetime.timedelta(left)
    if left or not steps:
        steps.append(f"{at.day} + {left} = {end.day}")
    return f"{shown(start, with_year)} + {days}: {', '.join(steps)}. So {shown(end, with_year)}."


def is_weekday(reply: str, answer: str) -> bool:
    """Whether the day that a reply names last is the answer; what the question names is none."""
    return final_answers.choice(_ASKED_DAY.sub("", reply), DAYS) == answer


def is_date(reply: str, answer: str) -> bool:
    """Whether the date that a reply names last is the answer, with its year where it has one."""
    wanted = final_answers.date(answer)
    return wanted is not None and final_answers.date(_ASKED_DATE.sub("", reply)) == wanted
