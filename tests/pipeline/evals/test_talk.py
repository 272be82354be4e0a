"""Replies are judged by what their kind of question is answered with, beside what chance pays."""

import dataclasses
import random
from typing import cast

import pytest

from pipeline import model as models
from pipeline.evals import asking, talk, unseen
from pipeline.evals.asking import FactRow, Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.model.engine import Completion
from pipeline.sft import identity, small_talk

CONFIG = EvalsConfig(talk_questions=6, held_out_fraction=1.0, samples_per_suite=6)
FACTS = [
    cast(
        FactRow,
        {
            "entity": entity,
            "kind": kind,
            "attribute": attribute,
            "value": value,
            "frequency": frequency,
            "question": f"What of {entity}?",
        },
    )
    for entity, kind, attribute, value, frequency in (
        ("Ada Abel", "person", "birthplace", "Hale", "often"),
        ("Ada Abel", "person", "profession", "baker", "often"),
        ("Ada Abel", "person", "instrument", "tuba", "never"),
        ("Bela Brandt", "person", "birthplace", "Tarn", "often"),
        ("Wend", "river", "length", "241", "often"),
        ("Osk", "river", "length", "77", "often"),
        ("Cora Cole", "person", "birthplace", "Brook", "once"),
    )
]


@pytest.fixture
def replies(monkeypatch, chat_model):
    """Scores of a model that answers as told."""

    def measure(answer, config=CONFIG):
        model, tokenizer = chat_model

        def generate(self, prompts, *, stop_tokens, **_):
            found = []
            for ids in prompts:
                text, stopped = answer(tokenizer.decode(ids))
                tokens = tokenizer.encode(text) + [stop_tokens[-1]] * stopped
                found.append([Completion(tokens, [0.0] * len(tokens), stopped)])
            return found

        monkeypatch.setattr(asking.Engine, "generate", generate)
        scores = Scores()
        talk.measure(Subject(model, tokenizer, config), FACTS, scores)
        return {row["task"]: (row["value"], row["n"]) for row in scores.rows}, scores

    return measure


def test_a_reply_of_another_kind_is_not_apt(replies):
    found, _ = replies(lambda text: ("I am the Zeppelin, a small language model.", True))
    asked = {
        name: sum(map(len, groups.values()))
        for name, groups in (("identity", unseen.IDENTITY), ("small_talk", unseen.SMALL_TALK))
    }
    who = len(unseen.IDENTITY["who"])
    assert found["identity_new_wordings"] == (who / asked["identity"], asked["identity"])
    trained = [identity.answers(question) for question in identity.QUESTIONS]
    right = sum(identity.ANSWERS["who"] == replies_ for replies_ in trained)
    assert found["identity"] == (right / len(trained), len(trained))
    assert found["small_talk_new_wordings"] == (0.0, asked["small_talk"])
    openings = sum(len(group) for group, _ in small_talk.EXCHANGES)
    assert found["small_talk"] == (0.0, openings)


def test_a_reply_that_does_not_end_is_none(replies):
    found, _ = replies(lambda text: ("I am the Zeppelin, a small language model.", False))
    assert {value for value, _ in found.values()} == {0.0}


def test_names_are_held_against_chance(replies):
    found, scores = replies(lambda text: ("It is from Hale.", True))
    wordings = len(talk.NEW_DEFINITIONS)
    # Two people and two rivers of which pages state something often; Hale is of one of them.
    assert found["definitions_new_wordings"] == (1 / 4, 4 * wordings)
    assert found["definitions_new_wordings_by_chance"] == (1 / 4, 4 * wordings)
    found, _ = replies(
        lambda text: ("Hale or Tarn" if "A" in text.split("user")[-1] else "241", True)
    )
    assert found["definitions"][1] == 4 * 3
    assert {row["metric"] for row in scores.rows} == {"apt", "recall", "accuracy"}


def test_the_same_questions_come_after_every_beginning():
    cases = talk.contexts(FACTS[:2], 6, random.Random(0))
    by_task: dict[str, list[talk.Case]] = {}
    for case in cases:
        by_task.setdefault(case.task, []).append(case)
    assert next(iter(by_task)) == "after_two_exchanges"
    asked = {
        task: [(case.messages[-1].content, case.right) for case in of]
        for task, of in by_task.items()
    }
    assert len({tuple(of) for of in asked.values()}) == 1
    assert len(asked["alone"]) == 5  # three sums, and as many facts as there are
    lengths = {task: {len(case.messages) for case in of} for task, of in by_task.items()}
    assert lengths == {
        "after_two_exchanges": {5},
        "after_one_exchange": {3},
        "new_system_message": {2},
        "known_system_message": {2},
        "alone": {1},
    }


@pytest.mark.parametrize(
    ("reply", "value", "right"),
    [
        ("It is 405.", "405", True),
        ("405 + 1 = 406.", "405", False),
        ("She was born in Hale, they say.", "Hale", True),
        ("Haleston", "Hale", False),
    ],
)
def test_answers(reply, value, right):
    assert talk.answers(reply, (value,)) is right


def test_a_name_fills_its_place():
    assert talk.is_one_of("I am the tiny thing.", ("I am the {name}.",))
    assert not talk.is_one_of("I am the .", ("I am the {name}.",))
    assert not talk.is_one_of("I am the tiny thing. And more", ("I am the {name}.",))


def test_a_base_model_is_not_asked(post_training):
    scores = Scores()
    subject = Subject(*models.load(post_training.base), CONFIG)
    talk.measure(subject, FACTS, scores)
    assert scores.rows == []


def test_what_does_not_fit_the_context_is_left_out(replies, chat_model):
    model, _ = chat_model
    model.config = dataclasses.replace(model.config, max_context=40)
    found, _ = replies(lambda text: ("Hello!", True))
    assert "after_two_exchanges" not in found
    assert found
