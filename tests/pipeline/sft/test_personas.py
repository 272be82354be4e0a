"""Personas: what a system message tells is what is answered, and nothing held out is trained."""

import random

import pytest

from pipeline.sft import persona_answers, personas
from pipeline.sft.persona_answers import (
    ABILITIES,
    FORMAL,
    LANGUAGES,
    SAID,
    SELF,
    SHORT_WORDS,
    has_tone,
    language_of,
)
from pipeline.sft.personas import NEW_COMBINATION, TONES, Persona

MADE = personas.conversations(count=800, rng=random.Random(0))


def persona(tone="plain", language="en"):
    return Persona("Malita", "Sono Labs", "1987", 0, tone, language)


def test_each_is_a_system_message_a_question_and_an_answer_with_a_name_of_its_own():
    assert {tuple(m.role for m in messages) for messages in MADE} == {
        ("system", "user", "assistant")
    }
    names = {messages[0].content.split(".")[0].split()[-1] for messages in MADE}
    assert len(names) > 600
    assert not any(personas.is_new(name) for name in names)


def test_nothing_held_out_is_trained():
    system = " ".join(messages[0].content for messages in MADE)
    new = ABILITIES[-personas.HELD_OUT_ABILITIES :]
    trained = ABILITIES[: -personas.HELD_OUT_ABILITIES]
    assert not any(f"{ability[0]}." in system for ability in new)
    assert all(f"{ability[0]}." in system for ability in trained)
    opening = FORMAL[NEW_COMBINATION[1]].strip()
    answers = [messages[2].content for messages in MADE]
    assert not any(answer.startswith(opening) for answer in answers)
    assert sum(answer.startswith(FORMAL["de"]) for answer in answers) > 20


def test_what_is_asked_for_is_told():
    """Else the model would have to make it up."""
    english = {text for of in SAID.values() for text in of["en"].questions}
    for described, asked, answer in MADE:
        year = [word for word in answer.content.strip(".,!").split() if word[:4].isdigit()]
        assert all(word.strip(".,") in described.content for word in year)
        for language, sentence in (("de", "German"), ("fr", "French")):
            if language_of(answer.content) == language and asked.content in english:
                assert sentence in described.content
    years = {word for messages in MADE for word in messages[2].content.split() if "9" in word}
    assert len(years) > 30


def test_new_personas_are_new():
    rng = random.Random(0)
    found = [personas.draw(rng, new=True) for _ in range(50)]
    for one in found:
        assert personas.is_new(one.name)
        assert personas.is_new(one.maker.split()[0])
        assert one.ability >= len(ABILITIES) - personas.HELD_OUT_ABILITIES
        assert (one.tone, one.language) != NEW_COMBINATION
    assert {one.language for one in found} == {*LANGUAGES}
    assert {one.tone for one in found} == {*TONES}


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_have_their_tone_and_language_and_the_plain_one_has_no_tone(kind, language):
    plain = persona("plain", language).answer(kind)
    assert language_of(plain) == language
    for tone in TONES[1:]:
        answer = persona(tone, language).answer(kind)
        assert has_tone(answer, tone, language), answer
        assert not has_tone(plain, tone, language), plain
        assert not has_tone("", tone, language)
        if tone != "short":
            assert language_of(answer) == language, answer
    assert has_tone(plain, "plain", language)


@pytest.mark.parametrize("kind", SELF)
@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_on_itself_hold_the_fact(kind, language):
    for tone in TONES:
        one = persona(tone, language)
        assert one.fact(kind) in one.answer(kind)
    facts = {"who": "Malita", "how": "Sono Labs", "cutoff": "1987"}
    facts["cannot"] = ABILITIES[0][LANGUAGES.index(language)]
    assert persona("plain", language).fact(kind) == facts[kind]


def test_a_description_tells_what_it_must_and_little_else(monkeypatch):
    monkeypatch.setattr(personas, "TOLD_SHARE", 0.0)
    rng = random.Random(0)
    wordings = {key: (f"<{key}>",) for key in personas.SYSTEM}

    def told(kind, asked_in, **given):
        return personas.describe(persona(**given), kind, asked_in, rng, wordings).content

    assert told("who", "en") == "<who>"
    assert told("cutoff", "en", tone="short") == "<who> <cutoff> <short>"
    assert told("how", "en", language="de") == "<who> <how> <de>"
    assert told("hello", "de", language="de") == "<who>"
    monkeypatch.setattr(personas, "TOLD_SHARE", 1.0)
    assert told("who", "en") == "<who> <how> <cannot> <cutoff> <en>"


def test_languages_are_told_by_their_words():
    assert language_of("Ich bin nicht von hier.") == "de"
    assert language_of("Je suis ici.") == "fr"
    assert language_of("I am here.") == "en"
    assert language_of("Malita.") == language_of("") == ""
    assert language_of("je ich") == ""


def test_marking_words_are_of_one_language_and_short_answers_short():
    marks = list(persona_answers._MARKS.values())
    assert not marks[0] & marks[1] | marks[1] & marks[2] | marks[0] & marks[2]
    assert has_tone("a b c d e f", "short", "en")
    assert not has_tone("a b c d e f g", "short", "en")
    assert SHORT_WORDS == 6
