"""What a reply is: its text, whether it ended, how likely the model thought it."""

import pytest

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.evals.asking import Subject, ask_questions, fits
from pipeline.evals.config import EvalsConfig
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
