"""Answers against right ones: cases of TriviaQA's normalisation, Unicode, and numbers."""

import pytest

from pipeline.curriculum.answer_matching import (
    answer_type,
    holds,
    holds_alone,
    normalise,
    number_of,
)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("The Beatles", "beatles"),  # articles and case (SQuAD, TriviaQA)
        ("An apple a day", "apple day"),
        ("sunset_boulevard", "Sunset Boulevard"),  # TriviaQA's underscores
        ("Jean-Luc Picard", "jean luc picard"),
        ("  Port   Hale \n", "port hale"),
        ("“Port Hale”!", "Port Hale"),
        ("Côte d’Ivoire", "cote d'ivoire"),
        ("São Paulo", "Sao Paulo"),
        ("Cafe\u0301", "Café"),  # decomposed and composed
        ("Straße", "STRASSE"),
        ("Søren Ærø", "soren aero"),
        ("Łódź", "Lodz"),
        ("\ufb01sh", "fish"),  # a ligature
        ("\uff28ale", "Hale"),  # full width
        ("İstanbul", "istanbul"),
        ("O'Brien", "OBrien"),
        ("rock & roll", "Rock, Roll"),
        ("東京", "東京"),
    ],
)
def test_what_is_written_in_two_ways_is_one(text, same):
    assert normalise(text) == normalise(same)


def test_different_words_stay_different():
    assert normalise("Hale") != normalise("Hales")
    assert normalise("Theatre") == "theatre"  # no article inside a word
    assert normalise("東京") != normalise("京都")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12,400", 12_400),
        ("12 400", 12_400),
        ("twelve", 12),
        ("Twenty-one.", 21),
        ("ninety nine", 99),
    ],
)
def test_numbers_by_value(text, value):
    assert number_of(text) == value


@pytest.mark.parametrize("text", ["12,400 people", "twelve people", "Hale", "", "one of them"])
def test_more_than_a_number_is_none(text):
    assert number_of(text) is None


@pytest.mark.parametrize(
    ("answer", "gold", "held"),
    [
        ("Paris", "Paris", True),
        ("the Paris.", "paris", True),
        ("It is Paris.", "Paris", True),
        ("Hale's harbour", "Hale", True),
        ("Hamburg", "ham", False),  # TriviaQA's own substring test would say yes
        ("She has 1,975 sheep", "1975", True),
        ("1,975", "1975", True),
        ("in 19751", "1975", False),
        ("12.5", "12", False),
        ("Twelve.", "12", True),
        ("one of the towns", "1", False),
        ("2 million", "2,000,000", True),
        ("", "Paris", False),
        ("the", "the", False),  # nothing is left to compare
        ("Sao Paulo, Brazil", "São Paulo", True),
    ],
)
def test_what_is_held(answer, gold, held):
    assert holds(answer, (gold,)) is held


def test_an_alias_is_as_good():
    golds = ("United Kingdom", "UK", "Great Britain")
    assert holds("the UK", golds)
    assert holds("It was great britain, I believe", golds)
    assert not holds("Ukraine", golds)


@pytest.mark.parametrize(
    ("answer", "golds", "others", "alone"),
    [
        ("Hale", ("Hale",), ("Hale", "Dorn"), True),
        ("Hale or Dorn", ("Hale",), ("Dorn",), False),  # SimpleQA: hedging is incorrect
        ("Port Hale", ("Port Hale",), ("Hale",), True),
        ("Port Hale, or Hale", ("Port Hale",), ("Hale",), False),
        ("in 1975", ("1975",), ("1975", "1976"), True),
        ("1975 or 1976", ("1975",), ("1976",), False),
        ("Dorn", ("Hale",), ("Dorn",), False),
        ("Haleston and Hale", ("Hale",), ("Haleston",), False),
    ],
)
def test_several_candidates_are_no_answer(answer, golds, others, alone):
    assert holds_alone(answer, golds, others) is alone


def test_the_type_of_an_answer():
    question = "Where is Dorn Mills based?"
    values = ("Hale", "Dorn", "Brook")
    assert answer_type("Dorn Mills is based in Hale.", ("Hale",), values, question) == "correct"
    assert answer_type("In Brook.", ("Hale",), values, question) == "wrong"
    assert answer_type("In Hale or in Brook.", ("Hale",), values, question) == "wrong"
    assert answer_type("I don't know where Dorn Mills is.", ("Hale",), values, question) == "idk"
    # loosely correct: it says that it doesn't know, and is right
    assert answer_type("I'm not sure. Hale.", ("Hale",), values, question) == "idk"
