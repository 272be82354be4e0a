"""Numbers are read as people write them, and nothing else is rewarded."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import numerals, tasks
from pipeline.curriculum.tasks import Task
from tests.helpers import number_forms

ROWS = number_forms.rows()


@pytest.mark.parametrize(("group", "form", "value"), ROWS)
def test_each_form_has_its_value(group, form, value):
    assert numerals.last(form) == value


def test_the_table_is_long_enough_and_stands_in_the_docs():
    assert len(ROWS) >= 60
    assert len({form for _, form, _ in ROWS}) == len(ROWS)
    assert number_forms.DOC.read_text(encoding="utf-8") == number_forms.document()


@pytest.mark.parametrize(("group", "form", "value"), ROWS)
def test_rewards_follow_the_value_alone(group, form, value):
    for answer in ("405", "5200", "1405"):
        task = Task("What is it?", answer, "sum", 3)
        assert tasks.check(task, form, True) is (value == int(answer))


WRITERS = (
    str,
    "{:,}".format,
    lambda n: f"{n:,}".replace(",", " "),
    lambda n: f"{n:,}".replace(",", "\u00a0"),
    lambda n: f"{n:,}".replace(",", "\u202f"),
    lambda n: f"{n:,}".replace(",", "'"),
    lambda n: f"{n:_}",
    "{:,}.0".format,
    "{:,}.00".format,
    "{}/1".format,
    lambda n: f"{2 * n}/2",
    lambda n: "".join(chr(0xFF10 + int(c)) for c in str(n)),
)


SENTENCES = ("{}", "It is {}.", "So 2 + 3 = {}", "**{}**", "The sum is {}, I think.")
SIGNS = ("", "-", "\u2212", "+")


@given(
    st.integers(0, 10**12),
    st.sampled_from(WRITERS),
    st.sampled_from(SIGNS),
    st.sampled_from(SENTENCES),
)
def test_every_number_in_every_writing(number, write, sign, sentence):
    text = sentence.format(sign + write(number))
    assert numerals.last(text) == (number if sign in ("", "+") else -number)


@given(st.text(max_size=40))
def test_any_text_is_read(text):
    for found in numerals.scan(text):
        assert found.value is None or isinstance(found.value, Fraction)


@given(st.text(st.sampled_from("0123456789.,'-+/ ^×e%xk\u2212\u00a0½²"), max_size=30))
def test_any_run_of_signs_is_read(text):
    numerals.scan(text)


def test_all_numbers_of_a_text_in_order():
    found = [found.value for found in numerals.scan("1,405 of 3.5 and -2; in 2024, step2.")]
    assert found == [1405, Fraction(7, 2), -2, 2024]


@pytest.mark.parametrize(
    ("text", "value"), [("1987", 1987), ("12,400", 12400), ("about 12", None), ("2 of 3", None)]
)
def test_a_text_that_is_a_number(text, value):
    assert numerals.whole(text) == value
