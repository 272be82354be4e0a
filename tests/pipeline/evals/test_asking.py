"""What a reply is: its text, whether it ended, how likely the model thought it."""

import dataclasses

import pytest

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.evals.asking import Scores, Subject, ask_questions, fits, spread
from pipeline.evals.config import EvalsConfig
from pipeline.model.engine import Completion, Engine
from pipeline.model.scoring import score

QUESTIONS = ["Where was Ada born?", "What is 2 + 3?", "Hello!"]


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, EvalsConfig())


def test_a_replys_probability_is_that_of_all_its_tokens(subject):
    tokenizer = subject.tokenizer
    prompts = [prompt([user(question)], tokenizer) for question in QUESTIONS]
    stop = (tokenizer.special(STOP),)
    found = subject.engine.generate(prompts, max_new_tokens=6, temperature=0.0, stop_tokens=stop)
    tokens = [completion.tokens for (completion,) in found]
    expected = [total for total, _ in score(subject.model, prompts, tokens)]
    replies = ask_questions(subject, QUESTIONS, 6)
    assert [reply.log_probability for reply in replies] == pytest.approx(expected, rel=1e-4)
    assert all(reply.log_probability < 0 for reply in replies)


def test_a_question_fits_if_there_is_room_for_an_answer(subject):
    limit = subject.model.config.max_context
    longest = 0
    while fits(subject, "a " * (longest + 1)):
        longest += 1
    assert len(prompt([user("a " * longest)], subject.tokenizer)) < limit
    assert len(prompt([user("a " * (longest + 1))], subject.tokenizer)) >= limit


def test_what_is_generated_becomes_a_reply_without_its_stop_token(subject, monkeypatch):
    ids, stop = subject.tokenizer.encode("Hale."), subject.tokenizer.special(STOP)
    given: dict[str, object] = {}

    def generate(self, prompts, **settings):
        given.update(settings)
        ended = Completion([*ids, stop], [-0.5] * (len(ids) + 1), True)
        return [[ended], [Completion([*ids], [-0.5] * len(ids), False)]]

    monkeypatch.setattr(Engine, "generate", generate)
    config = EvalsConfig(seed=5, temperature=0.25)
    ended, cut = ask_questions(dataclasses.replace(subject, config=config), QUESTIONS[:2], 7)
    assert (ended.text, ended.stopped, ended.log_probability) == (
        "Hale.",
        True,
        -0.5 * (len(ids) + 1),
    )
    assert (cut.text, cut.stopped, cut.log_probability) == ("Hale.", False, -0.5 * len(ids))
    expected = {"max_new_tokens": 7, "temperature": 0.25, "stop_tokens": (stop,), "seed": 5}
    assert given == expected


def test_samples_come_from_everywhere():
    assert spread(range(10), 3) == [0, 3, 6]
    assert spread([1, 2], 3) == [1, 2]
    assert spread([], 3) == []


def test_no_marks_are_no_row():
    scores = Scores()
    scores.share("facts", "often", "recall", [])
    assert not scores.rows
    scores.share("facts", "often", "recall", [True, False])
    assert (scores.rows[0]["value"], scores.rows[0]["n"]) == (0.5, 2)
