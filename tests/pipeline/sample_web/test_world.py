"""The world hangs together, and no wording gives a held-out prompt away."""

import pytest

from pipeline.curriculum.held_out import is_held_out
from pipeline.sample_web.questions import QUESTIONS
from pipeline.sample_web.reversed_statements import REVERSED
from pipeline.sample_web.statements import count_statements, statement
from pipeline.sample_web.wordings import ATTRIBUTES, STATEMENTS
from pipeline.sample_web.world import World, make_world
from storage.errors import UserError

WORLD = make_world(seed=3, entities=160, often=100)


def facts_of(world: World, name: str) -> dict[str, str]:
    entity = world.named(name)
    assert entity is not None
    return {key: fact.value for key, fact in entity.facts.items()}


def test_enough_entities_attributes_and_wordings() -> None:
    assert len(WORLD.entities) >= 150
    assert len({entity.name for entity in WORLD.entities}) == len(WORLD.entities)
    for attributes in ATTRIBUTES.values():
        assert len(attributes) >= 4
        for attribute in attributes:
            assert len(set(STATEMENTS[attribute])) == len(STATEMENTS[attribute]) >= 8
            assert len(QUESTIONS[attribute]) >= 3


def test_entity_stands_before_value_in_every_wording() -> None:
    for attribute, wordings in STATEMENTS.items():
        for wording in wordings:
            assert wording.index("{e}") < wording.index("{v}"), (attribute, wording)


def test_no_prompt_occurs_inside_another_wording_of_its_kind() -> None:
    for attributes in ATTRIBUTES.values():
        texts = [(a, w.format(e="Enn", v="Vau")) for a in attributes for w in STATEMENTS[a]]
        for attribute, text in texts:
            prompt = text[: text.index("Vau")].rstrip()[1:]
            inside = [other for _, other in texts if prompt in other]
            assert inside == [text], (attribute, prompt)


def test_no_prompt_occurs_inside_a_question_or_a_reversed_statement() -> None:
    for attributes in ATTRIBUTES.values():
        prompts = [
            w.format(e="Enn", v="\0").partition("\0")[0] for a in attributes for w in STATEMENTS[a]
        ]
        others = [
            w.format(e="Enn", v="Vau") for a in attributes for w in (*QUESTIONS[a], *REVERSED[a])
        ]
        assert not [(p, other) for p in prompts for other in others if p.rstrip()[1:] in other]


def test_value_stands_before_entity_in_reversed_statements() -> None:
    assert set(REVERSED) == set(STATEMENTS) == set(QUESTIONS)
    for attribute, wordings in REVERSED.items():
        for wording in wordings:
            assert wording.index("{v}") < wording.index("{e}"), (attribute, wording)


def test_part_of_the_often_stated_entities_is_asked_for_and_part_reversed() -> None:
    often = [entity for entity in WORLD.entities if entity.frequency == "often"]
    others = [entity for entity in WORLD.entities if entity.frequency != "often"]
    for flag in ("asked", "reversed"):
        marked = [any(getattr(fact, flag) for fact in e.facts.values()) for e in often]
        assert 0.3 < sum(marked) / len(marked) < 0.9, flag
        assert not any(getattr(fact, flag) for e in others for fact in e.facts.values())


def test_places_and_people_exist_and_years_make_sense() -> None:
    for kind, attribute, of in (
        ("person", "birthplace", "town"),
        ("town", "river", "river"),
        ("town", "mayor", "person"),
        ("company", "seat", "town"),
        ("company", "founder", "person"),
    ):
        for entity in WORLD.of_kind(kind):
            value = WORLD.named(entity.facts[attribute].value)
            assert value is not None
            assert value.kind == of
    mayors = [town.facts["mayor"].value for town in WORLD.of_kind("town")]
    assert len(set(mayors)) == len(mayors)
    for company in WORLD.of_kind("company"):
        born = int(facts_of(WORLD, company.facts["founder"].value)["birth_year"])
        assert 18 < int(company.facts["opened"].value) - born < 40


def test_every_frequency_of_every_kind_and_wordings_rotate() -> None:
    for kind in ATTRIBUTES:
        assert {entity.frequency for entity in WORLD.of_kind(kind)} == {"often", "once", "never"}
    for attribute in ("birthplace", "mayor", "seat"):
        held_out = [fact.held_out for fact in WORLD.facts if fact.attribute == attribute]
        counts = [held_out.count(index) for index in range(len(STATEMENTS[attribute]))]
        assert max(counts) - min(counts) <= 1


def test_split_is_that_of_the_conversations() -> None:
    for entity in WORLD.entities:
        assert (entity.split == "held_out") == is_held_out(entity.name)


def test_a_statement_is_counted_and_never_uses_the_held_out_wording() -> None:
    import random

    rng = random.Random(1)
    for fact in WORLD.facts[::7]:
        entity = WORLD.named(fact.entity)
        assert entity is not None
        first_values = 0
        for _ in range(30):
            text = statement(fact, rng, entity.slots())
            first_values += text.find(fact.value) < text.find(fact.entity)
            assert count_statements(fact, text) == 1
            assert fact.prompt()[1:] not in text
            assert text[0].isupper()
            assert text.endswith(".")
        assert (first_values > 0) == fact.reversed
    assert fact.entity in fact.question()


def test_too_large_a_world_is_refused() -> None:
    with pytest.raises(UserError, match="entities = 900"):
        make_world(seed=1, entities=900, often=10)
