"""Searches in fine-tuning: outputs are real, answers stand in them, what is known isn't sought."""

import dataclasses
import json
import random
import re

import pytest

from pipeline.curriculum.held_out import is_validation
from pipeline.sft import conversations as stage
from pipeline.sft import facts, renamed_passages, search_conversations
from pipeline.sft.config import ConversationsConfig
from pipeline.sft.facts import name_of
from pipeline.sft.search_conversations import NOT_FOUND
from pipeline.tools.search_tool import NOTHING

PEOPLE = {f"Anna B{chr(97 + n)}n": f"{chr(65 + n)}ton" for n in range(12)}
PAGES = [
    (str(n), f"It rained on day {n}. {name} was born in {place}. The sun shone, they say.")
    for n, (name, place) in enumerate(PEOPLE.items())
]
CONFIG = ConversationsConfig(
    facts=40,
    reading=5,
    definitions=0,
    arithmetic=10,
    spelling=10,
    small_talk=10,
    identity=10,
    refusals=5,
    harmless=5,
    personas=5,
    chains=5,
    min_mentions=1,
    held_out_fraction=0.0,
    interrogated_fraction=0.0,
    validation_fraction=0.3,
    search=60,
    search_unneeded_share=0.25,
    search_missing_share=0.25,
)
LINE = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)


def drafted(**changes):
    return stage.draft(PAGES, dataclasses.replace(CONFIG, **changes))


@pytest.fixture(scope="module")
def talks():
    return [item for item in drafted() if item.source == "search"]


def test_shares_are_the_configs(talks):
    known = [item for item in talks if len(item.messages) == 2]
    calling = [item for item in talks if len(item.messages) == 4]
    assert (len(talks), len(known), len(calling)) == (60, 15, 45)
    missed = [item for item in calling if item.messages[-1].content in NOT_FOUND]
    assert 15 <= len(missed) <= 18  # those that no page has, and what the search did not give
    for item in talks:
        (definition,) = item.tools
        assert json.loads(definition)["function"]["name"] == "search"
    asked = {item.messages[-2].content for item in drafted() if item.source == "facts"}
    assert {item.messages[0].content for item in known} <= asked
    assert not {item.messages[0].content for item in calling} & asked


def test_answers_are_read_from_what_was_found_and_cite_it(talks):
    answered = 0
    for item in talks:
        if len(item.messages) == 2:
            continue
        question, call, output, answer = item.messages
        (asked,) = call.tool_calls
        assert json.loads(asked.arguments) == {"query": question.content}
        lines = dict(LINE.findall(output.content))
        assert 1 <= len(lines) <= 2 or output.content == NOTHING
        if answer.content in NOT_FOUND:
            continue
        answered += 1
        told, _, cited = answer.content.removesuffix("]").rpartition(" [")
        ((name, _, _, value),) = facts.statements(told)
        assert name_of(name) in question.content
        assert name_of(name) in lines[cited]
        assert value in lines[cited]
        assert not [n for n in PEOPLE if n in output.content + question.content]
    assert answered >= 27


def test_what_is_not_found_is_not_known(talks):
    """Neither an output without the name nor an index without it may give an answer."""
    for item in talks:
        if len(item.messages) == 4 and item.messages[-1].content in NOT_FOUND:
            asked = item.messages[0].content
            (name,) = re.findall(r"[A-Z]\w+ [A-Z]\w+", asked.partition(" ")[2])
            assert name not in item.messages[2].content


def test_splits_are_by_whom_the_passage_was_about(talks):
    sides = {is_validation(f"entity:{name}", 0.3) for name in PEOPLE}
    assert {item.validation for item in talks} == sides == {True, False}


def test_a_document_whose_passage_was_not_given_is_not_answered_from():
    """Two pages of one wording: the search gives one passage, which may be the other page's."""
    passages = renamed_passages.renamed(
        renamed_passages.stating(
            facts.extract(PAGES), PAGES, characters=200, held_out_fraction=0.0
        ),
        count=30,
        held_out_fraction=0.0,
        rng=random.Random(1),
    )
    same = [dataclasses.replace(p, fact=passages[0].fact, text=passages[0].text) for p in passages]
    asked = search_conversations.questions(
        same, missing=0, held_out_fraction=0.0, rng=random.Random(1)
    )
    talks, _ = search_conversations.searched(
        asked, same, passage_characters=200, found_passages=1, rng=random.Random(1)
    )
    answers = [talk.messages[-1].content for talk in talks]
    assert sum(answer not in NOT_FOUND for answer in answers) == 1  # the first is given to all
    assert answers[0].endswith("[1]")


def test_no_other_source_changes_and_none_is_made_without_passages():
    def others(items):
        return sorted(repr(item) for item in items if item.source not in ("search", "chains"))

    assert others(drafted()) == others(drafted(search=0))
    assert not [item for item in drafted(search=0) if item.tools]
    nothing = stage.draft([("1", "Nothing is stated here.")], CONFIG)
    assert not [item for item in nothing if item.source == "search"]


def test_shares_above_one_are_refused():
    with pytest.raises(ValueError, match="more than 1 together"):
        ConversationsConfig(search_unneeded_share=0.7, search_missing_share=0.4)
