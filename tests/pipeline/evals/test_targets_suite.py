"""Facts under stated targets: what is asked, and how often answering is counted, by hand."""

import dataclasses
import re
from typing import Any

import pytest

from pipeline.curriculum import confidence_targets
from pipeline.evals import asking, targets_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import EvalsConfig

CONFIG = EvalsConfig(bootstrap_samples=50, target_facts=2, samples_per_suite=5, max_fact_tokens=4)
FACTS: Any = [
    {
        "entity": f"Anna {word}",
        "attribute": "birthplace",
        "frequency": frequency,
        "value": value,
        "question": f"Where was Anna {word} born?",
    }
    for word in ("Abel", "Brandt", "Cole", "Orr", "Quill", "Voss")  # three of them held out
    for frequency, value in (("often", "Hale"), ("never", "Dorn"))
]


@pytest.fixture
def obedient(monkeypatch):
    """Answers "Hale" up to a target of 60%, above it admits ignorance; notes what it was asked."""
    conversations: list[Any] = []

    def ask(subject, asked, max_new_tokens):
        conversations.extend(asked)
        assert max_new_tokens == CONFIG.max_fact_tokens
        replies = []
        for said, _ in asked:
            percent = re.search(r"(\d+)%", said.content)
            bold = percent is None or int(percent[1]) <= 60
            replies.append(Reply("In Hale." if bold else "I don't know.", True))
        return replies

    monkeypatch.setattr(targets_suite, "ask", ask)
    return conversations


def measured(chat_model, config=CONFIG):
    scores = Scores()
    targets_suite.measure(Subject(chat_model[0], chat_model[1], config), FACTS, scores)
    found = {(row["suite"], row["task"], row["metric"]): row for row in scores.rows}
    assert len(found) == len(scores.rows)
    return found, scores


def test_answers_and_gains_by_hand(chat_model, obedient):
    found, scores = measured(chat_model)

    def value(task, metric, suite="targets"):
        return found[suite, task, metric]["value"]

    for suffix in ("", "_new_wordings"):
        assert [value(f"{t}{suffix}", "attempted") for t in ("0", "0.5", "0.75", "0.9")] == [
            *(1, 1, 0, 0)
        ]
    assert value("0.6_new_target", "attempted") == 1
    assert value("0.8_new_target", "attempted") == 0
    # half of the answers are right (often), the others wrong (never)
    assert value("0", "penalised_0") == 1 / 2
    assert value("0.5", "penalised_0.5") == pytest.approx((1 - 1) / 2)
    assert value("0.6_new_target", "penalised_0.6") == pytest.approx((1 - 1.5) / 2)
    assert value("0.9", "penalised_0.9") == 0
    by_class = "targets_by_class"
    assert value("never/0.5", "penalised_0.5", by_class) == -1
    assert value("often_trained_entities/0.5", "penalised_0.5", by_class) == 1
    assert value("often/0.75_new_wordings", "attempted", by_class) == 0
    assert found["targets", "0.5", "attempted"]["n"] == 8  # two of each of four classes
    assert found[by_class, "never/0.5", "attempted"]["n"] == 2
    for row in found.values():
        assert row["low"] <= row["value"] <= row["high"]
    # what no stage was trained on stands first
    assert scores.rows[0]["task"] == "0_new_wordings"
    assert len(scores.samples) == 5
    for sample in scores.samples:
        right = sample["completion"] == "In Hale." and sample["expected"] == "Hale (often)"
        assert sample["correct"] == right
        assert sample["prompt"].split("\n\n")[1].startswith("Where was Anna")


def test_every_fact_is_asked_under_every_target_in_its_wordings(chat_model, obedient):
    measured(chat_model)
    cases = targets_suite.CASES
    assert len(obedient) == 8 * len(cases)
    for place, (target, suffix) in enumerate(cases):
        asked = obedient[8 * place :][:8]
        assert [said.role for said, _ in asked] == ["system"] * 8
        texts = confidence_targets.messages(target, new=suffix == "_new_wordings")
        assert {said.content for said, _ in asked} <= set(texts)
        assert [q.content for _, q in asked] == [q.content for _, q in obedient[:8]]
    before = list(obedient)
    obedient.clear()
    measured(chat_model)
    assert obedient == before  # the same of every model
    obedient.clear()
    measured(chat_model, dataclasses.replace(CONFIG, seed=1))
    assert obedient != before


def test_a_model_is_asked_for_real(chat_model):
    found, _ = measured(chat_model, dataclasses.replace(CONFIG, target_facts=1))
    assert found["targets", "0.9_new_wordings", "attempted"]["n"] == 4


def test_a_fact_without_room_for_an_answer_is_left_out(chat_model, obedient):
    subject = Subject(chat_model[0], chat_model[1], CONFIG)
    longest = max(
        (text for t in (0.5, 0.75, 0.9) for text in confidence_targets.messages(t)), key=len
    )
    question = "Where? " * 15
    while asking.fits(subject, question, longest):
        question += "Where? "
    assert asking.fits(subject, question)
    long: Any = {**FACTS[0], "question": question}
    assert targets_suite.pick(subject, [long]) == []
    assert len(targets_suite.pick(subject, [long, FACTS[0]])) == 1
    scores = Scores()
    targets_suite.measure(subject, [long], scores)
    assert scores.rows == []
