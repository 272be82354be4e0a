"""The chat score: worked by hand, its interval against simulation, its name its list of tasks."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum.answer_forms import Instruction
from pipeline.curriculum.requests_to_refuse import SafetyRequest
from pipeline.evals import chat_core
from pipeline.evals.arithmetic_suite import AskedSums, Sum
from pipeline.evals.asking import Reply, Scores
from pipeline.evals.chat_core import ChatTask, centred
from pipeline.evals.facts_suite import AskedFacts
from pipeline.evals.format_suite import AskedForms, Prompt
from pipeline.evals.refusals_suite import AskedRequests
from pipeline.evals.spelling_suite import AskedWords
from pipeline.intervals import wilson


def marks(right: int, n: int) -> list[bool]:
    return [True] * right + [False] * (n - right)


def test_a_score_is_centred_on_chance():
    value, variance, chance = centred(ChatTask("facts", marks(70, 100), marks(40, 100)))
    assert value == pytest.approx((0.7 - 0.4) / (1 - 0.4))
    assert chance == 0.4
    assert variance > 0
    assert centred(ChatTask("sums", marks(70, 100), None))[0] == 0.7
    assert centred(ChatTask("facts", marks(20, 100), marks(40, 100)))[0] < 0  # worse than guessing
    assert centred(ChatTask("format", marks(3, 4), marks(4, 4))) == (0.0, 0.0, 1.0)


def test_with_a_fixed_chance_the_variance_is_agresti_and_coulls():
    # 10 of 20: (10 + 2) / 24 = 1/2, 1/2 * 1/2 / 24
    assert centred(ChatTask("sums", marks(10, 20), None))[1] == pytest.approx(0.25 / 24)
    assert centred(ChatTask("sums", marks(0, 20), None))[1] > 0
    assert centred(ChatTask("sums", marks(20, 20), None))[1] > 0


def test_what_guessing_gets_right_with_the_model_counts_once():
    """A model that says what guessing says has 0, whatever the questions: little is uncertain."""
    same = ChatTask("facts", marks(40, 100), marks(40, 100))
    apart = ChatTask("facts", marks(40, 100), [not mark for mark in marks(60, 100)])
    assert centred(same)[0] == centred(apart)[0] == 0
    assert centred(same)[1] < 0.2 * centred(apart)[1]


@pytest.mark.parametrize(("right", "guess", "both"), [(0.6, 0.3, 0.25), (0.9, 0.1, 0.1)])
def test_the_interval_covers_the_truth_as_often_as_it_says(right, guess, both):
    rng = random.Random(0)
    truth, held = (right - guess) / (1 - guess), 0
    kinds = [(True, True), (True, False), (False, True), (False, False)]
    shares = [both, right - both, guess - both, 1 - right - guess + both]
    for _ in range(600):
        drawn = rng.choices(kinds, shares, k=100)
        task = ChatTask("facts", [a for a, _ in drawn], [b for _, b in drawn])
        value, variance, _ = centred(task)
        held += abs(value - truth) <= 1.96 * variance**0.5
    assert 0.92 <= held / 600 <= 0.985


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.integers(0, 29),
)
def test_bounds_and_a_right_answer_more(found, at):
    right, guessed = [a for a, _ in found], [b for _, b in found]
    if all(guessed):
        return
    value, variance, chance = centred(ChatTask("facts", right, guessed))
    assert -chance / (1 - chance) - 1e-9 <= value <= 1
    assert variance >= 0
    at %= len(right)
    if not right[at]:
        right[at] = True
        assert centred(ChatTask("facts", right, guessed))[0] > value


def rows(scores):
    return {(row["task"], row["metric"]): row for row in scores.rows}


def test_the_mean_is_named_by_its_tasks():
    scores = Scores()
    tasks = [ChatTask("facts", marks(70, 100), marks(40, 100)), ChatTask("sums", marks(1, 4), None)]
    chat_core.report(tasks, scores)
    found = rows(scores)
    mean = found["facts+sums", "chat_core"]
    assert mean["value"] == pytest.approx((0.5 + 0.25) / 2)
    assert mean["n"] == 104
    halves = [
        found[name, "centred_score"]["value"] - found[name, "centred_score"]["low"]
        for name in ("facts", "sums")
    ]
    assert mean["value"] - mean["low"] == pytest.approx(sum(h**2 for h in halves) ** 0.5 / 2)
    assert found["facts", "chance"]["value"] == 0.4
    assert (found["facts", "chance"]["low"], found["facts", "chance"]["high"]) == wilson(40, 100)
    assert found["sums", "chance"]["value"] == found["sums", "chance"]["high"] == 0
    assert scores.rows[0] is mean  # it stands first
    nothing = Scores()
    chat_core.report([], nothing)
    assert not nothing.rows


def test_no_bound_is_above_one():
    scores = Scores()
    chat_core.report([ChatTask("facts", marks(9, 9), marks(3, 9))], scores)
    assert [row["high"] for row in scores.rows[:2]] == [1, 1]
    assert all(row["low"] is not None and row["low"] < 1 for row in scores.rows[:2])


def test_the_tasks_are_what_no_stage_trains():
    said = [  # frequency, whether held out, reply
        ("often", True, "It is Hale."),
        ("once", True, "I don't know."),
        ("often", True, "I don't know."),
        ("often", False, "It is Hale."),
        ("never", True, "I don't know."),
        ("never", True, "It is Hale."),
        ("never", False, "I don't know."),
        ("often", True, "It is Brook."),
        ("never", True, "It is Brook."),
        ("often", True, "It is Hale."),  # a fourth, of which three are taken
    ]
    stated: Any = [
        {
            "frequency": frequency,
            "attribute": "home",
            "entity": f"X{n}",
            "value": "Hale",
            "question": "Where?",
        }
        for n, (frequency, _, _) in enumerate(said)
    ]
    facts = AskedFacts(
        facts=stated,
        held_out=[hidden for _, hidden, _ in said],
        completions=[],
        answers=[Reply(text, True, -1.0) for _, _, text in said],
        reworded={},
        guessed=[False, True, True, True, *[False] * 6],
        ended=[],
        known=[False] * 10,
        again={0: True, 1: True, 2: False},
    )
    item = Sum((1, 1), "", "")
    others = {"new_wordings": [item, item], "6_digits": [item], "new_stories": [item]}
    sums = AskedSums([item], others, [], [True, False, True, True, False])
    words = AskedWords([], ["a", "b"], 1, [], [], [True, True, False, True])
    forms = AskedForms(
        [Prompt("", (Instruction("no_commas"),))] * 2,
        [],
        [[True], [True, False]],
        [],
        [True, False],
    )
    asked = [  # slice, harmful, refused
        ("new_wordings", True, True),
        ("new_wordings", True, False),
        ("new_wordings", False, True),
        ("new_topics", False, False),
        ("new_topics", False, False),
        ("new_topics", True, True),
        ("train", True, False),
    ]
    requests = AskedRequests(
        [name for name, _, _ in asked],
        [SafetyRequest("", "en", "", "", harmful) for _, harmful, _ in asked],
        [],
        [refused for _, _, refused in asked],
    )
    found = {task.name: task for task in chat_core.tasks(facts, sums, words, forms, requests)}
    assert (found["facts"].right, found["facts"].by_chance) == ([True, False], [False, True])
    assert (found["sums"].right, found["sums"].by_chance) == ([False, True, False], None)
    assert found["spelling"].right == [False]
    # three of each: the value, "I don't know", another value; "I don't know" and twice a value
    honesty = found["honesty"]
    assert honesty.right == [True, False, False, True, False, False]
    assert honesty.by_chance == [False, False, False, True, True, True]
    assert centred(honesty)[2] == 0.5
    assert (found["format"].right, found["format"].by_chance) == ([True, False], [True, False])
    # as many harmful as harmless ones of a slice, none of what was trained
    refusals = found["refusals"]
    assert refusals.right == [True, False, True, True]
    assert refusals.by_chance == [True, False, True, False]
    assert centred(refusals)[2] == 0.5
    none = AskedRequests([], [], [], [])
    empty = AskedFacts([], [], [], [], {}, [], [], [], {})
    others_only = chat_core.tasks(empty, sums, words, forms, none)
    assert [task.name for task in others_only] == ["sums", "spelling", "format"]
    assert chat_core.without(others_only) == ["facts", "honesty", "refusals"]
    assert chat_core.without(list(found.values())) == []
    assert chat_core.without([]) == list(chat_core.NAMES)
