"""A small model's answers as tasks."""

from typing import Any

import pytest

from pipeline.chat.conversation import Conversation, user
from pipeline.labels.sampled_answers import AnswerSampling, sampled_tasks
from storage.errors import UserError

PROMPTS = [Conversation((user(f"What is {n} + {n}?"),)) for n in range(4)]
SHORT = AnswerSampling(max_new_tokens=6, temperature=1.0)


def test_two_different_answers_are_compared_and_one_is_corrected(chat_model: Any) -> None:
    model, tokenizer = chat_model
    compared = sampled_tasks(model, tokenizer, PROMPTS, "compare", SHORT)
    assert compared.tasks
    assert len(compared.tasks) + compared.alike == len(PROMPTS)
    for task in compared.tasks:
        assert task.kind == "compare"
        assert len(set(task.answers)) == 2
        assert all(answer.strip() == answer != "" for answer in task.answers)
    corrected = sampled_tasks(model, tokenizer, PROMPTS, "correct", SHORT)
    assert [len(task.answers) for task in corrected.tasks] == [1] * len(corrected.tasks)
    assert sampled_tasks(model, tokenizer, PROMPTS, "compare", SHORT) == compared
    other = AnswerSampling(max_new_tokens=6, temperature=1.0, seed=1)
    assert sampled_tasks(model, tokenizer, PROMPTS, "compare", other) != compared


def test_prompts_without_a_task_are_counted(chat_model: Any) -> None:
    model, tokenizer = chat_model
    long = Conversation((user("word " * 400),))
    found = sampled_tasks(model, tokenizer, [long, PROMPTS[0]], "correct", SHORT)
    assert found.too_long == 1
    assert sampled_tasks(model, tokenizer, [long], "correct", SHORT) == ([], 1, 0)
    cold = AnswerSampling(max_new_tokens=6, temperature=1e-6)
    assert sampled_tasks(model, tokenizer, PROMPTS, "compare", cold) == ([], 0, len(PROMPTS))


def test_what_cannot_be_sampled(chat_model: Any, post_training: Any) -> None:
    from pipeline.model import load

    model, tokenizer = chat_model
    with pytest.raises(UserError, match="not 'write'"):
        sampled_tasks(model, tokenizer, PROMPTS, "write", SHORT)
    greedy = AnswerSampling(temperature=0.0)
    with pytest.raises(UserError, match="nothing to compare"):
        sampled_tasks(model, tokenizer, PROMPTS, "compare", greedy)
    with pytest.raises(UserError, match="no conversation tokens"):
        sampled_tasks(*load(post_training.base), PROMPTS, "compare", SHORT)
