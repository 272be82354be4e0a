"""Answers on the model itself hold the fact that was asked for, and no other kind's."""

import random

import pytest

from pipeline.sft import identity


def facts(kind, name="Zo", cutoff=""):
    told = {"name": name, "cutoff": identity.cutoff(cutoff)}
    return [fact.format(**told) for fact in identity.FACTS[kind]]


def said(text, kind, **given):
    return any(fact in text for fact in facts(kind, **given))


def test_a_kinds_answers_hold_its_fact_and_no_other_kinds_do():
    told = {"name": "Zo", "cutoff": identity.cutoff("")}
    for kind in identity.FACTS:
        for template in identity.ANSWERS[kind]:
            assert said(template.format(**told), kind)
        others = [k for k in identity.ANSWERS if k != kind and kind != "who"]
        for other in others:
            for template in identity.ANSWERS[other]:
                assert not said(template.format(**told), kind), (kind, other)


@pytest.mark.parametrize(
    ("given", "ends"),
    [("", "ends with the web crawl I was trained on."), ("May 2024", "ends in May 2024.")],
)
def test_the_end_of_knowledge_is_the_configs_or_the_crawls(given, ends):
    made = identity.conversations(
        count=3_000, name="Zo", knowledge_cutoff=given, rng=random.Random(0)
    )
    asked = {q.content: a.content for q, a in made if q.content in identity.CUTOFF_QUESTIONS}
    assert {*asked} == {*identity.CUTOFF_QUESTIONS}
    assert all(answer.endswith(ends) for answer in asked.values())
    limits = [a.content for q, a in made if q.content in identity.LIMITS_QUESTIONS]
    assert limits
    assert all(said(answer, "cannot") for answer in limits)


def test_every_question_is_of_one_kind():
    assert len({*identity.QUESTIONS}) == len(identity.QUESTIONS)
    assert identity.answers("What are your limits?") == identity.ANSWERS["cannot"]
    assert identity.answers("Who are you?") == identity.ANSWERS["who"]
