"""Requests to say something: copied from the request, nothing else."""

import random

from pipeline.curriculum.held_out import word_split
from pipeline.curriculum.planted_instructions import (
    NEW_SAYING,
    SAYING_ELSEWHERE,
    TRAINED_SAYING,
)
from pipeline.curriculum.spelled_words import SPELLING_WORDS
from pipeline.sft import saying


def make(count=400):
    return saying.conversations(count=count, rng=random.Random("x"))


def test_the_answer_is_what_is_to_be_said():
    elsewhere = [wording for of in SAYING_ELSEWHERE.values() for wording in of]
    used = set()
    foreign = 0
    for (question, answer), subject in make():
        assert (question.role, answer.role) == ("user", "assistant")
        assert subject == f"said:{answer.content}"
        assert len(answer.content.split()) in (1, 2)
        (wording,) = {
            each
            for each in (*saying.WORDINGS, *elsewhere)
            if each.format(text=answer.content) == question.content
        }
        used.add(wording)
        foreign += wording in elsewhere
    assert used == {*TRAINED_SAYING, *NEW_SAYING, *elsewhere}
    assert 40 < foreign < 120
    assert {len(answer.content.split()) for (_, answer), _ in make()} == {1, 2}


def test_words_are_names_or_such_as_are_spelled_with_capital_letters_or_without():
    words = [word for (_, answer), _ in make() for word in answer.content.split()]
    small = [word for word in words if word.islower()]
    assert 0.15 < len(small) / len(words) < 0.35
    assert {*small} & {*SPELLING_WORDS}
    assert {word.lower() for word in words if not word.islower()} & {*SPELLING_WORDS}
    assert all(word_split(word) == "sft" for word in small)
    assert len({*words}) > 350
    assert make(0) == []
