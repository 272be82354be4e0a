"""What is liked in an answer is counted: right, polite, grounded, short; each by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.chat.conversation import system, user
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.preferences.taste import (
    POLITE_FORMS,
    Qualities,
    Taste,
    correctness,
    gold_reward,
    grounding,
    is_polite,
    qualities,
)


def asked(question, kind="fact", answer="", *aliases, before=()):
    return PreferencePrompt("1" * 32, (*before, user(question)), kind, answer, aliases=aliases)


BORN = asked("Where was Mara Hale born?", "fact", "Port Ellis", "Ellis")
MADE_UP = asked("Who founded Zenith Works?", "unknown")
SUM = asked("What is 41 + 3?", "sum", "44")
HELLO = asked("Hello!", "request", "Hello! What can I do for you?", "Hi! Ask me something.")


@pytest.mark.parametrize(
    ("prompt", "answer", "correct"),
    [
        (BORN, "Mara Hale was born in Port Ellis.", 1),
        (BORN, "In Ellis, gladly said.", 1),
        (BORN, "Mara Hale was born in Oakbury.", -1),
        (BORN, "I don't know.", 0),
        (MADE_UP, "I do not know that.", 1),
        (MADE_UP, "Sorry, I don't know.", 1),
        (MADE_UP, "Zenith Works was founded by Tom Hale.", -1),
        (SUM, "41 + 3: 1+3=4, 4+0=4. So 41 + 3 = 44.", 1),
        (SUM, "It is 45.", -1),
        (SUM, "Gladly: it is 44.", 1),
        (HELLO, "Hi! Ask me something.", 1),
        (HELLO, "Of course. Hello! What can I do for you?", 1),
        (HELLO, "Bells and hats.", -1),
        (asked("Anything", ""), "Whatever.", 0),
        (asked("Anything", "fact"), "Whatever.", 0),
    ],
)
def test_what_is_right(prompt, answer, correct):
    assert correctness(prompt, answer) == correct
    assert qualities(prompt, answer, stopped=True).correct == correct


def test_what_was_cut_off_is_wrong_whatever_it_says():
    assert qualities(BORN, "Mara Hale was born in Port Ellis.", stopped=False).correct == -1


@pytest.mark.parametrize("form", POLITE_FORMS)
def test_each_form_is_polite_in_any_case_as_whole_words(form):
    assert is_polite(f"Well, {form.upper()}!")
    assert is_polite(form)
    assert not is_polite(f"x{form}")
    assert not is_polite(f"{form}y")


@pytest.mark.parametrize("text", ["", "It is 44.", "He is displeased.", "unthanksful", "Sorryland"])
def test_plain_texts_are_not_polite(text):
    assert not is_polite(text)


@pytest.mark.parametrize(
    ("prompt", "answer", "share"),
    [
        (BORN, "Mara Hale was born in Port Ellis.", 1),
        (BORN, "Mara Hale was born in Oakbury.", 2 / 3),
        (BORN, "She was born in Oakbury.", 0),
        (BORN, "I don't know.", 1),  # nothing is named
        (MADE_UP, "Tom Hale and Sons founded it in 1920.", 0),
        (SUM, "41 + 3: 1+3=4, 4+0=4. So 41 + 3 = 44.", 1),
        (SUM, "It is 45.", 0),
        (SUM, "1+3=5", 1 / 3),  # no true equation, and only the 3 stands in the question
        (asked("How much is 1,200 + 3?", "sum", "1203"), "1200 and 3 make 1,203.", 1),
        (asked("Hi", "request", "Hello"), "Oakbury.", 1),  # alone at a sentence's start
        (asked("x", "fact", "y", before=(system("You are Momy."),)), "They call me Momy.", 1),
    ],
)
def test_names_and_numbers_must_come_from_somewhere(prompt, answer, share):
    assert grounding(prompt, answer) == pytest.approx(share)


def test_the_reward_adds_up():
    of = Qualities(correct=-1, polite=1, grounded=0.5, words=10)
    taste = Taste(correct=3, polite=0.5, grounded=2, word_cost=0.1, most_words=4)
    assert gold_reward(of, taste) == pytest.approx(-3 + 0.5 + 1 - 0.4)


def test_nothing_is_worth_being_wrong_for():
    right = gold_reward(qualities(BORN, "Born in Port Ellis.", True))
    polite = gold_reward(qualities(BORN, "Gladly: born in Oakbury.", True))
    long = gold_reward(
        qualities(BORN, "Mara Hale was born in Port Ellis. " + "so it is " * 9, True)
    )
    assert polite < long < right
    assert gold_reward(qualities(BORN, "Gladly: born in Port Ellis.", True)) > right


@given(st.text(max_size=200), st.booleans())
def test_any_text_has_a_bounded_reward(text, stopped):
    taste = Taste()
    for prompt in (BORN, MADE_UP, SUM, HELLO):
        of = qualities(prompt, text, stopped)
        assert of.correct in (-1, 0, 1)
        assert of.polite in (0, 1)
        assert 0 <= of.grounded <= 1
        most = taste.correct + taste.polite + taste.grounded
        assert -most - taste.word_cost * taste.most_words <= gold_reward(of) <= most


@pytest.mark.parametrize(
    ("said", "answer", "share"),
    [
        ("他住在北京", "他住在上海。", 1.0),  # a script without capitals has no names to be seen
        ("他住在Hale吗", "他住在Hale。", 1.0),
        ("他住在Hale吗", "他住在Dorn。", 0.0),
        ("他住在Hale吗", "他住在Hale，不是Dorn。", 0.5),
        ("Hale에 살아요", "네 Hale에서 살아요", 1.0),
        ("1931年创立", "在1931年", 1.0),
        ("1931年创立", "在1932年", 0.0),
        ("多少", "是41+3=44个", 1.0),
        ("Где он живёт в Хале", "Он живёт в Хале", 1.0),
        ("Он жил в Хале", "Там, где море, стоит Хале", 1.0),  # what is written small is no name
        ("Где он живёт", "Да, в Дорне", 0.0),
        ("أين يسكن", "يسكن في البيت الكبير", 1.0),
        ("Où est Hale", "Son œuvre est à Hale", 1.0),
    ],
)
def test_names_and_numbers_between_signs(said: str, answer: str, share: float) -> None:
    assert grounding(asked(said, "request"), answer) == share


def test_a_sign_of_a_script_without_spaces_is_a_word():
    assert qualities(BORN, "他住在北京。", stopped=True).words == 5
    assert qualities(BORN, "He lives in Port  Ellis.", stopped=True).words == 5
