"""Facts on itself by paraphrase, and personas followed: a right reply counts, another does not."""

import dataclasses

import pytest

from pipeline import model as models
from pipeline.evals import paraphrases, self_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.sft import identity, persona_answers, personas

CONFIG = EvalsConfig(personas=12, samples_per_suite=8, name="Zo", knowledge_cutoff="May 2024")
TASKS = tuple(self_suite.ASKED)


@pytest.fixture
def measured(monkeypatch, chat_model):
    """Scores of a model that answers as told."""

    def measure(answer, stopped=True, config=CONFIG):
        monkeypatch.setattr(
            self_suite,
            "ask",
            lambda subject, asked, most: [Reply(answer(messages), stopped) for messages in asked],
        )
        scores = Scores()
        self_suite.measure(Subject(chat_model[0], chat_model[1], config), scores)
        return {row["task"]: (row["value"], row["n"]) for row in scores.rows}, scores

    return measure


def test_a_fact_counts_for_the_kind_that_asks_for_it(measured):
    found, scores = measured(lambda messages: "I am the Zo.")
    assert found["who"] == (1.0, 20)
    assert found["how"] == found["cannot"] == found["cutoff"] == (0.0, 20)
    assert found["paraphrases"] == (0.25, 80)
    for task in {*TASKS} - {"persona_tone", "persona_language"}:
        assert found[task] == (0.0, 12)
    # four are to be short, and four in English
    assert found["personas"] == (8 / 96, 96)
    assert len(scores.samples) == 8
    found, _ = measured(lambda messages: "My knowledge ends in May 2024.")
    assert (found["who"], found["cutoff"]) == ((0.0, 20), (1.0, 20))
    other = dataclasses.replace(CONFIG, knowledge_cutoff="")
    assert measured(lambda messages: "My knowledge ends in May 2024.", config=other)[0][
        "cutoff"
    ] == (0.0, 20)


def test_a_reply_that_does_not_end_is_none(measured):
    found, _ = measured(lambda messages: "I am the Zo.", stopped=False)
    assert {value for value, _ in found.values()} == {0.0}


def test_a_model_that_follows_what_it_is_told(measured):
    asked = self_suite.of_personas(CONFIG)
    right = {q.messages: q.persona.answer(q.kind) for q in asked if q.persona}
    found, _ = measured(lambda messages: right.get(tuple(messages), ""))
    for task in TASKS:
        assert found[task] == (1.0, 12), task
    assert found["paraphrases"] == (0.0, 80)
    assert found["personas"] == (1.0, 96)


def test_a_model_that_ignores_what_it_is_told(measured):
    found, _ = measured(lambda messages: "I am the Zo, a small language model of the web.")
    assert {task: found[task][0] for task in TASKS} == dict.fromkeys(TASKS, 0.0) | {
        "persona_language": pytest.approx(1 / 3)  # of those who shall speak English
    }


def test_tone_alone_or_language_alone_does_not_make_a_new_combination(measured):
    plain = persona_answers.SAID["who"]["fr"].plain.format(name="Zo")
    for reply, tone in ((plain, 0.0), (persona_answers.FORMAL["fr"] + "Zo.", 0.0)):
        found, _ = measured(lambda messages, reply=reply: reply)
        assert found["persona_new_combination"] == (tone, 12)
    both = persona_answers.FORMAL["fr"] + plain
    assert measured(lambda messages: both)[0]["persona_new_combination"] == (1.0, 12)


def test_personas_are_new_and_told():
    asked = self_suite.of_personas(CONFIG)
    assert list(dict.fromkeys(q.task for q in asked)) == list(TASKS)
    for question in asked:
        described, last = question.messages
        one = question.persona
        assert one is not None
        assert personas.is_new(one.name)
        assert one.name in described.content
        if question.task in ("persona_maker", "persona_limits", "persona_cutoff"):
            assert one.fact(question.kind) in described.content
        if question.task == "persona_tone":
            assert one.language == "en"
            assert one.tone != "plain"
        if question.task == "persona_new_wordings":
            assert last.content in paraphrases.SELF["who"]
            trained = tuple(w.format(name=one.name) for w in personas.SYSTEM["who"])
            assert not described.content.startswith(trained)
    languages = [q.persona.language for q in asked if q.persona and q.task == "persona_language"]
    assert [languages.count(name) for name in persona_answers.LANGUAGES] == [4, 4, 4]
    assert asked == self_suite.of_personas(CONFIG)
    assert asked != self_suite.of_personas(dataclasses.replace(CONFIG, seed=1))


def test_every_kind_with_a_fact_is_paraphrased():
    assert {*paraphrases.SELF} == {*identity.FACTS} == {*persona_answers.SELF}


def test_a_base_model_is_not_asked(post_training):
    scores = Scores()
    self_suite.measure(Subject(*models.load(post_training.base), CONFIG), scores)
    assert not scores.rows


def test_a_model_is_really_asked(chat_model):
    scores = Scores()
    config = dataclasses.replace(CONFIG, personas=1, max_fact_tokens=3)
    self_suite.measure(Subject(chat_model[0], chat_model[1], config), scores)
    assert len(scores.rows) == 4 + 1 + len(TASKS) + 1
