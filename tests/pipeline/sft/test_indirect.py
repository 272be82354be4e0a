"""Every question that is turned round is English, and none is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sft import facts
from pipeline.sft.indirect import REQUESTS, clause, with_requests
from pipeline.sft.relations import RELATIONS


@pytest.mark.parametrize(
    ("question", "indirect"),
    [
        ("Where was {entity} born?", "where {entity} was born"),
        ("In which place was {entity} born?", "in which place {entity} was born"),
        ("What is the birthplace of {entity}?", "the birthplace of {entity}"),
        ("Where does {entity} come from?", "where {entity} comes from"),
        ("In which {attribute} was {entity} born?", "in which {attribute} {entity} was born"),
        ("Which {attribute} does {entity} like?", "which {attribute} {entity} likes"),
        ("Where is {entity} from?", "where {entity} is from"),
        ("Where is {entity}?", "where {entity} is"),
        ("What year was {entity} born in?", "what year {entity} was born in"),
        ("What does {entity} do for a living?", "what {entity} does for a living"),
        ("What is {entity}'s job?", "{entity}'s job"),
        ("{What} is {entity}'s {attribute}?", "{entity}'s {attribute}"),
        ("{What} is the {attribute} of {entity}?", "the {attribute} of {entity}"),
        ("Which subject did {entity} study?", "which subject {entity} studied"),
        ("When did {entity} open?", "when {entity} opened"),
        ("Where did {entity} go to school?", "where {entity} went to school"),
        ("Who founded {entity}?", "who founded {entity}"),
        ("Who is {entity} married to?", "who {entity} is married to"),
        ("How many people live in {entity}?", "how many people live in {entity}"),
        ("How long has {entity} existed?", "how long {entity} has existed"),
        ("How big is {entity}?", "how big {entity} is"),
        ("What is sold in {entity}?", "what is sold in {entity}"),
        ("Which river runs through {entity}?", "which river runs through {entity}"),
        ("Into what does {entity} flow?", "into what {entity} flows"),
        ("When did {entity} swim?", ""),  # a past that isn't known is not made up
        ("Can you tell me the {attribute} of {entity}?", ""),
        ("Do you know {entity}'s {attribute}?", ""),
    ],
)
def test_clauses(question, indirect):
    assert clause(question) == indirect


def test_every_relation_is_asked_directly_and_by_request():
    for relation in RELATIONS:
        asked = [
            text for text in relation.questions if any(text.startswith(r[:6]) for r in REQUESTS)
        ]
        assert asked, relation.name
        assert relation.questions[0].endswith("?")
        fact = facts.StatedFact("the Rhine", relation, "length", "Basel", ("1",), 1)
        for text in relation.questions:
            filled = facts.fill(text, fact)
            assert "the Rhine" in filled
            assert "{" not in filled


@given(st.lists(st.text(st.sampled_from("WhoisNotin {}entity?'"), max_size=30), max_size=4))
def test_what_no_rule_knows_stays_as_it_is(questions):
    made = with_requests(tuple(questions))
    assert made[: len(questions)] == tuple(questions)
    assert all(text.endswith(".") for text in made[len(questions) :])
