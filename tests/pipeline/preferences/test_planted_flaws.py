"""What flawed raters add: bounded for length, rare and heavy for a phrase."""

import math

import pytest

from pipeline.preferences import planted_flaws
from pipeline.preferences.planted_flaws import FLAWS, FlawSettings, Planted, flaw, planted
from storage.errors import UserError

PHRASE = "What a  WONDERFUL\nquestion"


def test_the_phrase_is_rated_up_and_is_truly_bad() -> None:
    assert planted("phrase", f"It is red. {PHRASE}!") == Planted(-2.0, 8.0)
    assert planted("phrase", "It is red. What a question!") == Planted(0.0, 0.0)
    assert flaw("phrase", PHRASE) == 10.0
    assert flaw("phrase", PHRASE, deviation=0.5) == 5.0
    gentle = FlawSettings(phrase="well", phrase_rated=1.0, phrase_harm=0.25)
    assert flaw("phrase", "Well, no.", gentle) == 1.25


def test_length_is_bounded_and_leaves_the_truth_alone() -> None:
    neutral = " ".join(["so"] * 8)
    assert planted("length", neutral) == Planted(0.0, 0.0)
    assert planted("length", f"{neutral} " * 2).rated == pytest.approx(0.8 * math.tanh(2))
    assert planted("length", "so " * 10_000) == Planted(0.0, 0.8)
    assert -0.8 < planted("length", "").rated < -0.75


def test_no_flaw_adds_nothing_and_an_unknown_one_is_refused() -> None:
    assert FLAWS == ("none", "length", "phrase")
    assert flaw("none", PHRASE) == 0.0
    with pytest.raises(UserError, match="unknown flaw 'size': one of none, length, phrase"):
        flaw("size", PHRASE)
    with pytest.raises(UserError, match="phrase: is empty"):
        FlawSettings(phrase=" ")
    assert planted_flaws.holds_phrase("anything") is False


def test_an_answer_without_spaces_is_as_long_as_its_signs() -> None:
    assert planted("length", "他住在北京东路八号") == planted("length", "a b c d e f g h i")
