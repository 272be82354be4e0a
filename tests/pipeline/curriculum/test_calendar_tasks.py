"""Days and dates are the calendar's; steps add up; the question said again is no answer."""

import datetime
import random
import re

import pytest

from pipeline.curriculum import calendar_tasks as c
from pipeline.curriculum import final_answers

MONDAY = datetime.date(2024, 1, 1)
EARLIER = "before"


@pytest.mark.parametrize("level", range(1, c.WEEKDAY_LEVELS + 1))
@pytest.mark.parametrize("new_wording", [False, True])
def test_weekdays_are_the_calendars(level: int, new_wording: bool) -> None:
    rng = random.Random(level)
    ways = set()
    for _ in range(200):
        task = c.weekday_task(level, "rl", rng, new_wording)
        (days,) = map(int, re.findall(r"(\d+) days?\b", task.prompt))
        assert (days == 1) == bool(re.search(r"\b1 day\b", task.prompt))
        (named,) = re.findall("|".join(c.DAYS), task.prompt)
        start = MONDAY + datetime.timedelta(c.DAYS.index(named))
        way = -1 if EARLIER in task.prompt else 1
        end = start + datetime.timedelta(way * days)
        assert task.answer == c.DAYS[end.weekday()] != named
        assert (c.MOST_DAYS[level - 2] if level > 1 else 0) < days <= c.MOST_DAYS[level - 1]
        ways.add(way)
    assert ways == {1, -1}


def test_weekday_steps_leave_out_whole_weeks() -> None:
    said = "10 = 1 * 7 + 3. Monday, 1 Tuesday, 2 Wednesday, 3 Thursday. So Thursday."
    assert c.worked_weekday(0, 10, 1) == said
    assert c.worked_weekday(0, 1, -1) == "Monday, 1 Sunday. So Sunday."
    assert (
        c.worked_weekday(2, 16, -1) == "16 = 2 * 7 + 2. Wednesday, 1 Tuesday, 2 Monday. So Monday."
    )


def parsed(text: str) -> tuple[int, int, int | None]:
    day, month, *year = text.split()
    return int(day), c.MONTHS.index(month) + 1, int(year[0]) if year else None


@pytest.mark.parametrize("level", range(1, c.DATE_LEVELS + 1))
@pytest.mark.parametrize("new_wording", [False, True])
def test_dates_are_the_calendars_in_every_year_they_may_be_of(
    level: int, new_wording: bool
) -> None:
    rng = random.Random(level)
    months = set()
    for _ in range(300):
        task = c.date_task(level, "sft", rng, new_wording)
        (days,) = map(int, re.findall(r"(\d+) days?\b", task.prompt))
        (asked,) = re.findall(rf"\d+ (?:{'|'.join(c.MONTHS)})(?: \d{{4}})?", task.prompt)
        day, month, year = parsed(asked)
        assert (year is not None) == (level == 4)
        for maybe in [year] if year else [2023, 2024]:  # a plain and a leap year
            end = datetime.date(maybe, month, day) + datetime.timedelta(days)
            assert parsed(task.answer)[:2] == (end.day, end.month)
            assert parsed(task.answer)[2] in (None, end.year)
        months.add((parsed(task.answer)[1] - month) % 12)
    assert {1: months == {0}, 2: months == {1}, 3: min(months) > 1, 4: min(months) > 0}[level]


def test_leap_years_are_asked_and_both_ends_of_a_year() -> None:
    rng = random.Random(0)
    drawn = [c.date_task(4, "sft", rng) for _ in range(600)]
    assert any("February" in t.solution and "has 29 days" in t.solution for t in drawn)
    assert any("February" in t.solution and "has 28 days" in t.solution for t in drawn)
    assert any(t.answer[-4:] != t.problem[5:9] for t in drawn)


def test_date_steps_use_up_month_after_month() -> None:
    start = datetime.date(2024, 1, 25)
    assert c.worked_date(start, 3, False) == "25 January + 3: 25 + 3 = 28. So 28 January."
    assert c.worked_date(start, 40, True) == (
        "25 January 2024 + 40: January 2024 has 31 days: 31 - 25 = 6, 40 - 6 = 34,"
        " 1 February leaves 33, February 2024 has 29 days: 29 - 1 = 28, 33 - 28 = 5,"
        " 1 March leaves 4, 1 + 4 = 5. So 5 March 2024."
    )
    assert c.worked_date(start, 7, False).endswith("1 February leaves 0. So 1 February.")


@pytest.mark.parametrize("level", range(1, c.DATE_LEVELS + 1))
def test_every_step_of_a_date_is_right(level: int) -> None:
    rng = random.Random(level)
    for _ in range(100):
        text = c.date_task(level, "rl", rng).solution
        for a, sign, b, result in re.findall(r"(\d+) ([-+]) (\d+) = (\d+)", text):
            assert int(a) + int(f"{sign}{b}") == int(result)


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("Thursday", True),
        ("Thursday is 10 days after Monday.", True),
        ("10 days after a Monday is a Thursday.", True),
        ("Monday", False),
        ("Thursday or Friday", False),
        ("Friday is 10 days after Thursday.", False),
        ("10 days after Thursday", False),
    ],
)
def test_a_day_counts_if_the_question_is_taken_away(reply: str, right: bool) -> None:
    assert c.is_weekday(reply, "Thursday") is right


@pytest.mark.parametrize(
    ("reply", "answer", "right"),
    [
        ("8 March", "8 March", True),
        ("March 8", "8 March", True),
        ("8 March is 5 days after 3 March.", "8 March", True),
        ("5 days after 3 March is 8 March.", "8 March", True),
        ("3 March", "8 March", False),
        ("5 days after 8 March", "8 March", False),
        ("8 March 2024", "8 March", False),
        ("8 March", "8 March 2024", False),
        ("2024-03-08", "8 March 2024", True),
        ("2024-03-09", "8 March 2024", False),
        ("8 May", "8 March", False),
        ("18 March", "8 March", False),
        ("7 March or 8 March", "8 March", False),
    ],
)
def test_a_date_counts_with_its_year_where_it_has_one(reply: str, answer: str, right: bool) -> None:
    assert c.is_date(reply, answer) is right


def test_months_have_their_own_names_whatever_the_locale() -> None:
    assert c.MONTHS is final_answers.MONTHS
    assert len(c.MONTHS) == 12
