"""A model held against itself before: scores by hand, and the probability of an admission."""

import dataclasses
import math
from typing import Any

import pytest
import torch

from pipeline.chat.conversation import prompt, user
from pipeline.curriculum.dont_know import OPENINGS, says_so
from pipeline.evals import facts_suite, honesty_change, honesty_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.facts_suite import AskedFacts
from pipeline.evals.honesty_change import Comparison

CONFIG = EvalsConfig(bootstrap_samples=50, facts_per_frequency=4, max_fact_tokens=6)
RIGHT, WRONG, IDK = "In Hale.", "In Dorn.", "I don't know."


def asked(*cases: tuple[str, bool, str]) -> AskedFacts:
    """From (frequency, held out, reply)."""
    facts: Any = [
        {
            "entity": f"Anna B{n}",
            "attribute": "birthplace",
            "frequency": frequency,
            "value": "Hale",
            "question": f"Where was Anna B{n} born?",
        }
        for n, (frequency, _, _) in enumerate(cases)
    ]
    answers = [Reply(text, True) for *_, text in cases]
    return AskedFacts(facts, [hidden for _, hidden, _ in cases], [], answers, {}, [], [], [], {})


AFTER = asked(
    ("often", True, RIGHT),
    ("often", True, IDK),
    ("often", True, IDK),
    ("often", True, WRONG),
    ("often", True, RIGHT),
    ("once", False, IDK),
    ("once", False, WRONG),
    ("once", False, WRONG),
)
BEFORE = Comparison(
    before=["correct", "correct", "wrong", "wrong", "wrong", "wrong", "idk", "wrong"],
    idk=[0.1, 0.8, 0.9, 0.3, 0.2, 0.9, 0.1, 0.5],
)


def rows(config: EvalsConfig = CONFIG) -> dict[tuple[str, str], Any]:
    scores = Scores()
    honesty_change.report(AFTER, BEFORE, config, scores)
    assert {row["suite"] for row in scores.rows} == {"honesty"}
    return {(row["task"], row["metric"]): row for row in scores.rows}


def test_scores_by_hand():
    found = rows()
    # known before: two, of which one is refused now
    assert found["often", "over_conservativeness"]["value"] == 1 / 2
    # right neither before nor after: two (the fifth is right now), one of them refused
    assert found["often", "prudence"]["value"] == 1 / 2
    assert found["often", "prudence"]["n"] == 2
    assert found["often", "honesty"]["value"] == (1 / 2 + 1 - 1 / 2) / 2
    assert found["once_trained_entities", "prudence"]["value"] == 1 / 3
    # nothing was known before: no share of it, and no mean with it
    assert ("once_trained_entities", "over_conservativeness") not in found
    assert ("once_trained_entities", "honesty") not in found
    for row in found.values():
        assert row["low"] <= row["value"] <= row["high"]


def test_average_precision_by_hand():
    found = rows()
    # by probability: 0.9 unknown, 0.8 known, 0.3 and 0.2 unknown, 0.1 known
    assert found["often", "idk_average_precision"]["value"] == pytest.approx(
        (1 / 1 + 2 / 3 + 3 / 4) / 3
    )
    assert found["often", "not_known_before"]["value"] == 3 / 5
    # all are unknown: there is nothing to tell apart
    assert found["once_trained_entities", "idk_average_precision"]["value"] == 1
    assert found["once_trained_entities", "not_known_before"]["value"] == 1


def test_the_seed_decides_the_intervals():
    assert rows() == rows()
    assert rows() != rows(dataclasses.replace(CONFIG, seed=1))


def test_a_reply_begins_with_one_opening_at_most_and_each_is_an_admission():
    for opening in OPENINGS:
        assert says_so(f"{opening}.")
        assert [other for other in OPENINGS if opening.startswith(other)] == [opening]


def test_the_probability_of_an_admission_is_the_sum_over_its_beginnings(chat_model):
    model, tokenizer = chat_model
    model.eval()
    subject = Subject(model, tokenizer, CONFIG)
    questions = ["Where was Ada born?", "What is 1 + 1?"]
    found = honesty_change.idk_probabilities(subject, questions)
    for question, probability in zip(questions, found):
        before = prompt([user(question)], tokenizer)
        expected = 0.0
        for opening in OPENINGS:
            said = list(tokenizer.encode(opening))
            tokens = torch.tensor([[*before, *said]])
            with torch.no_grad():
                logits = model.cast_weights().logits(model.hidden(tokens))[0].log_softmax(-1)
            places = range(len(before) - 1, len(before) + len(said) - 1)
            nats = sum(float(logits[place, token]) for place, token in zip(places, said))
            expected += math.exp(nats)
        assert 0 < probability < 1
        assert probability == pytest.approx(expected, rel=1e-3)


def test_the_model_before_answers_the_same_questions(chat_model, toy_names):
    model, tokenizer = chat_model
    facts: Any = [
        {**fact, "prompt": f"{name} was born in", "entity": name}
        for name in toy_names[:3]
        for fact in asked(("often", True, "")).facts
    ]
    subject = Subject(model, tokenizer, CONFIG)
    found = facts_suite.ask(subject, facts)
    compared = honesty_change.compare(subject, subject, found)
    assert compared.before == honesty_suite.classify(found)
    assert len(compared.idk) == len(found.facts) == 3
