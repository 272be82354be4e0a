"""Examples make the prompt, their number is the context's, and the answer's first words count."""

from typing import cast

import pytest

from pipeline.evals import asking, few_shot
from pipeline.evals.asking import FactRow, Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.model.engine import Completion

CONFIG = EvalsConfig(few_shots=2, few_shot_questions=3, max_completion_tokens=8)


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, CONFIG)


def facts(count: int) -> list[FactRow]:
    """With as much of each row as the suite reads."""
    rows = [
        {"question": f"Where was N{n} born?", "value": f"Port{n}", "frequency": "often"}
        for n in range(count)
    ]
    return cast(list[FactRow], rows)


@pytest.mark.parametrize(
    "table",
    [few_shot.TO_FRENCH, few_shot.TO_GERMAN, few_shot.OPPOSITES, few_shot.CAPITALS],
)
def test_tables_are_whole_and_ask_nothing_twice(table):
    pairs = few_shot.pairs_of(table)
    assert len(pairs) >= 30
    assert all(question and answer and "=" not in answer for question, answer in pairs)
    assert len({question for question, _ in pairs}) == len(pairs)


def test_words_to_copy_mean_nothing_and_are_all_different():
    pairs = few_shot.made_up_words(32, 0)
    assert len({word for word, _ in pairs}) == 32
    assert all(question == answer for question, answer in pairs)
    assert pairs == few_shot.made_up_words(32, 0) != few_shot.made_up_words(32, 1)


def test_tasks_are_the_same_each_time_and_facts_only_where_there_are_some():
    assert few_shot.tasks([], 5, 0) == few_shot.tasks([], 5, 0)
    assert "facts_stated_often" not in few_shot.tasks([], 5, 0)
    made = few_shot.tasks([*facts(9), {**facts(1)[0], "frequency": "never"}], 5, 0)
    assert len(made["facts_stated_often"]) == 5
    assert all(len(items) == 5 for items in made.values())


def test_a_model_that_follows_examples_is_told_from_one_that_does_not(subject, monkeypatch):
    tokenizer = subject.tokenizer
    answers = {q: a for items in few_shot.tasks([], 99, 0).values() for q, a in items}

    def generate(self, prompts, *, stop_tokens, **_):
        """Answers rightly if the prompt shows how, and else talks of something else."""
        said = []
        for ids in prompts:
            text = tokenizer.decode(ids[1:])
            question = next(q for q in answers if text.endswith(q))
            reply = f" {answers[question]}" if text != question else " Hale."
            tokens = [*tokenizer.encode(reply), stop_tokens[0]]
            said.append([Completion(tokens, [0.0] * len(tokens), True)])
        return said

    monkeypatch.setattr(asking.Engine, "generate", generate)
    scores = Scores()
    few_shot.measure(subject, [], scores)
    shares = {row["task"]: row["value"] for row in scores.rows}
    assert {name.split("/")[0] for name in shares} == set(few_shot.tasks([], 1, 0))
    assert {shares[name] for name in shares if name.endswith("/0_shots")} == {0.0}
    assert {shares[name] for name in shares if name.endswith("/2_shots")} == {1.0}
    assert all(row["n"] == 3 for row in scores.rows)
    assert all(sample["prompt"].count("\n") >= 2 for sample in scores.samples)


def test_examples_that_do_not_fit_are_left_out_and_the_name_says_so(subject):
    long: list[FactRow] = [{**fact, "question": fact["question"] * 6} for fact in facts(6)]
    scores = Scores()
    few_shot.measure(subject, long, scores)
    names = [row["task"] for row in scores.rows if row["task"].startswith("facts")]
    assert names[0] == "facts_stated_often/0_shots"
    assert "facts_stated_often/2_shots" not in names
