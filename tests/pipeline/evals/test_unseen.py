"""What is asked in new wordings is asked in none that any page, conversation or task has."""

import random
import re

import pytest

from pipeline.curriculum import answer_forms, spelled_words, sums
from pipeline.evals import paraphrases, requests, talk, unseen
from pipeline.sample_web import questions, wordings
from pipeline.sft import definitions, identity, persona_answers, personas, relations, small_talk


def plain(text: str) -> str:
    """Letters and blanks, since a capital or a comma makes no new wording."""
    return re.sub(r"[^\w{}+]+", " ", text.casefold()).strip()


def test_sums_and_spelling():
    trained = {*sums.SUM_QUESTIONS, *sums.PLAIN_QUESTIONS, *sums.STORIES}
    trained |= {*spelled_words.SPELLING_QUESTIONS}
    new = [*unseen.SUMS, *unseen.STORIES, *unseen.THREE_NUMBERS, *unseen.SPELLING]
    assert not {plain(text) for text in new} & {plain(text) for text in trained}
    assert not {*unseen.THINGS} & {*sums.THINGS}


@pytest.mark.parametrize("attribute", wordings.ATTRIBUTES["person"] + wordings.ATTRIBUTES["town"])
def test_facts_of_people_and_towns(attribute):
    check_facts(attribute)


@pytest.mark.parametrize("attribute", wordings.ATTRIBUTES["river"] + wordings.ATTRIBUTES["company"])
def test_facts_of_rivers_and_companies(attribute):
    check_facts(attribute)


def check_facts(attribute):
    on_pages = {plain(text) for every in questions.QUESTIONS.values() for text in every}
    trained = [
        re.compile(
            re.escape(plain(text.format(What=what, entity="Qq", attribute="xx"))).replace(
                "xx", ".+"
            )
        )
        for relation in relations.RELATIONS
        for text in relation.questions
        for what in ("What", "Who")
    ]
    assert any(pattern.fullmatch("what is the trade of qq") for pattern in trained)
    for text in unseen.FACTS[attribute]:
        assert "{e}" in text
        assert plain(text) not in on_pages
        for entity in ("Qq", "the Qq"):
            asked = plain(text.replace("the {e}", "{e}").format(e=entity)).replace("the qq", "qq")
            assert not any(pattern.fullmatch(asked) for pattern in trained), text


def test_every_relation_of_the_sample_web_has_new_wordings():
    assert {*unseen.FACTS} == {a for every in wordings.ATTRIBUTES.values() for a in every}


def test_who_are_you_small_talk_and_names():
    greeted = identity.conversations(count=10_000, name="x", rng=random.Random(0))
    trained = {plain(messages[0].content) for messages in greeted}
    trained |= {plain(text) for openings, _ in small_talk.EXCHANGES for text in openings}
    trained |= {plain(text) for text in definitions.QUESTIONS}
    trained |= {
        plain(text)
        for of in persona_answers.SAID.values()
        for said in of.values()
        for text in said.questions
    }
    new = [text for group in unseen.IDENTITY.values() for text in group]
    new += [text for group in unseen.SMALL_TALK.values() for text in group]
    assert {len({*map(plain, texts)}) for texts in paraphrases.SELF.values()} == {20}
    new += [text for texts in paraphrases.SELF.values() for text in texts]
    new += [*talk.NEW_DEFINITIONS, *requests.UNFAMILIAR]
    assert len({plain(text) for text in new if plain(text)}) >= len(new) - 1  # "???"
    assert not {plain(text) for text in new} & trained
    assert {*unseen.IDENTITY} == {*identity.ANSWERS}
    assert {*unseen.SMALL_TALK} == {openings[0] for openings, _ in small_talk.EXCHANGES}
    assert talk.NEW_SYSTEM not in identity.SYSTEM


def test_system_messages_of_personas():
    assert {*paraphrases.SYSTEM} == {*personas.SYSTEM}
    trained = {plain(text) for texts in personas.SYSTEM.values() for text in texts}
    trained |= {plain(text) for text in identity.SYSTEM}
    new = [plain(text) for texts in paraphrases.SYSTEM.values() for text in texts]
    assert len(new) == len({*new})
    assert not {*new} & trained


def test_every_instruction_has_wordings_that_no_question_or_request_has():
    assert {*unseen.INSTRUCTIONS} == {*answer_forms.KINDS}
    trained = [*sums.SUM_QUESTIONS, *sums.PLAIN_QUESTIONS, *spelled_words.SPELLING_QUESTIONS]
    trained += [*identity.SYSTEM, *identity.QUESTIONS, *requests.UNFAMILIAR]
    trained += [text for openings, _ in small_talk.EXCHANGES for text in openings]
    for kind, wordings_of in unseen.INSTRUCTIONS.items():
        counted = kind in ("word_count", "bullet_count", "keyword_count")
        for text in wordings_of:
            assert ("{count}" in text) == counted
            assert ("{text}" in text) == (kind in ("end_phrase", "keyword_count"))
            assert plain(text) not in {plain(other) for other in trained}
