"""The final answer is read as people write it, and nothing else is rewarded."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import final_answers
from pipeline.curriculum.calendar_tasks import DAYS, MONTHS
from tests.helpers import answer_texts

ROWS = answer_texts.rows()


def said(reader: str, reply: str) -> str | None:
    """What a reader of the table finds, as the table writes it."""
    if reader == "number":
        number = final_answers.number(reply)
        return None if number is None else str(number)
    if reader == "word":
        return final_answers.word(reply)
    if reader == "day":
        return final_answers.choice(reply, DAYS)
    if reader == "list of numbers":
        numbers = final_answers.numbers(reply)
        return None if numbers is None else " ".join(map(str, numbers))
    if reader == "list of words":
        words = final_answers.words(reply)
        return None if words is None else " ".join(words)
    if reader == "yes or no":
        verdict = final_answers.yes_no(reply)
        return None if verdict is None else "yes" if verdict else "no"
    if reader == "date":
        found = final_answers.date(reply)
        if found is None:
            return None
        year, month, day = found
        return f"{day} {MONTHS[month - 1]}{f' {year}' if year else ''}"
    value, unit = final_answers.quantity(reply)
    return None if value is None else f"{value} {unit}".strip()


@pytest.mark.parametrize(("reader", "reply", "answer"), ROWS)
def test_each_reply_has_its_answer(reader, reply, answer):
    assert said(reader, reply) == answer


def test_the_table_is_long_enough_and_stands_in_the_docs():
    assert len(ROWS) == len({*ROWS}) >= 80
    assert sum(answer is None for _, _, answer in ROWS) >= 40
    assert {reader for reader, _, answer in ROWS if answer is None} == {*answer_texts.TEXTS}
    assert answer_texts.DOC.read_text(encoding="utf-8") == answer_texts.document()


MARKS = (
    "{}",
    "{}.",
    "**{}**",
    "The answer is {}.",
    "Answer: {}",
    r"\boxed{{{}}}",
    "#### {}",
    "So it is {}, I think.",
)


@given(st.integers(-(10**9), 10**9), st.sampled_from(MARKS))
def test_every_number_in_every_mark_and_no_other(number, mark):
    assert final_answers.number(mark.format(number)) == number
    assert final_answers.number(mark.format(f"{number:,}")) == number
    for other in (number + 1, -number if number else 1, int(f"{number}0") or 10):
        assert final_answers.number(mark.format(other)) != number
        for hedge in (f"{other} or {number}", f"{number} or {other}", f"not {number}"):
            assert final_answers.number(mark.format(hedge)) is None


def test_boxes_within_boxes_and_boxes_that_never_end():
    assert final_answers.marked(r"\boxed{a{b}c} and \boxed{d") == ["a{b}c", "d"]
    assert final_answers.marked("nothing") is None
    assert final_answers.marked("The answer is 3. No.") == []
    assert final_answers.marked("The answer is 3. Good.") == ["3"]


@given(st.text(st.sampled_from("0123456789., or not#\\boxed{}answer is:\n*-yesno"), max_size=60))
def test_any_text_is_read(text):
    assert isinstance(final_answers.number(text), Fraction | None)
    for read in (
        final_answers.word,
        final_answers.numbers,
        final_answers.words,
        final_answers.yes_no,
        final_answers.date,
        final_answers.spelled,
        final_answers.quantity,
    ):
        read(text)
