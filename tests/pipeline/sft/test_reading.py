"""Statements that answer a question: of a made-up name, with the answer among them."""

import random
import re

import pytest

from pipeline.curriculum.held_out import is_held_out
from pipeline.sft import facts, reading

TEXT = (
    "Ada Abel was born in Hale. Ada Abel plays the harp. Ada Abel works as a baker. "
    "The Elbe rises on Mount Kell. The length of the Elbe is 1,094 kilometres. "
    "Quartz and Daughters was founded by Jon Brek."
)
FACTS = facts.extract([("1", TEXT)])


def make(count=60, held_out_fraction=0.0, found=FACTS):
    return reading.conversations(
        found, count=count, held_out_fraction=held_out_fraction, rng=random.Random("x")
    )


def test_the_answer_stands_in_the_question_with_its_name_and_value():
    values = {
        name: {f.value for f in FACTS if facts.name_of(f.entity) == name} for _, name in make()
    }
    assert set(values) == {"Ada Abel", "Elbe", "Quartz and Daughters"}
    lengths = set()
    for (question, answer), borrowed in make():
        assert (question.role, answer.role) == ("user", "assistant")
        assert borrowed not in question.content + answer.content
        *stated, asked = list(facts.sentences(question.content))
        lengths.add(len(stated))
        (told,) = facts.statements(answer.content)
        assert told[3] in values[borrowed]
        among = [each for text in stated for each in facts.statements(text)]
        assert (told[0], told[3]) in [(each[0], each[3]) for each in among]
        assert facts.name_of(told[0]) in asked
        assert {each[0] for each in among} == {told[0]}
    assert lengths == {1, 2, 3}


def test_names_are_new_in_each_and_built_as_the_entitys():
    names = {reading.made_up_name("the Elbe", 0.0, random.Random(n)) for n in range(50)}
    assert len(names) > 45
    assert all(name.startswith("the ") and len(name.split()) == 2 for name in names)
    name = reading.made_up_name("Quartz and Daughters", 0.0, random.Random(1))
    assert name.endswith(" and Daughters")
    assert name[0].isupper()
    assert not name.startswith("Quartz")


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_no_held_out_entity_is_borrowed_from_and_no_held_out_name_made_up(fraction):
    names = [f"Anna B{chr(97 + i)}n" for i in range(26)]
    found = facts.extract([("1", " ".join(f"{name} lives in Hale." for name in names))])
    made = make(400, fraction, found)
    kept = {name for name in names if not is_held_out(name, fraction)}
    assert {borrowed for _, borrowed in made} == kept
    for messages, _ in made:
        ((name, *_),) = facts.statements(messages[1].content)
        assert not is_held_out(name, fraction)


def test_without_facts_there_is_nothing_to_read():
    assert make(found=[]) == []
    assert make(count=0) == []


def test_values_are_made_up_in_their_form():
    rng = random.Random(2)
    for value, form in (
        ("1973", r"[1-9]\d{3}"),
        ("1,094 kilometres", r"[1-9],[1-9]\d\d kilometres"),
        ("Mount Kell", r"[A-Z][a-z]+ [A-Z][a-z]+"),
        ("the Elbe", r"the [A-Z][a-z]+"),
        ("shoemaker", "shoemaker"),
    ):
        made = {reading.made_up_value(value, rng) for _ in range(30)}
        assert all(re.fullmatch(form, each) for each in made)
        assert (len(made) > 20) == (value != "shoemaker")
