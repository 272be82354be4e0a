"""Prompts to the letter, log-probabilities against plain decoding, what counts as right."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_artifacts import PEOPLE

from pipeline import model as models
from pipeline.evals import icl
from pipeline.evals.icl import Answer, IclTask, Question
from pipeline.model.engine import Engine

CHOICE = IclTask("c", "c", "multiple_choice", 2, 0.25, "\nAnswer: ")
SCHEMA = IclTask("s", "s", "schema", 1, 0.5)
TEXT = IclTask("t", "t", "language_modelling", 1, 0.0)


def choice_rows(count):
    return [
        {"query": f"Question: {n}?\n", "choices": [f"a{n}", f"b{n}", " c"], "gold": n % 2}
        for n in range(count)
    ]


def test_a_multiple_choice_prompt_shows_right_answers_and_then_asks():
    rows = choice_rows(3)
    for question in icl.questions(CHOICE, rows):
        (context,) = {context for context, _ in question.pairs}
        *shown, last = context.split("Question: ")[1:]
        assert len(shown) == 2
        for text in shown:
            number = int(text[0])
            assert text == f"{number}?\nAnswer: {'ab'[number % 2]}{number}\n"
        number = int(last[0])
        assert last == f"{number}?\nAnswer:"
        assert [answer for _, answer in question.pairs] == [f" a{number}", f" b{number}", " c"]
        assert question.gold == number % 2
        assert len({text[0] for text in (*shown, last)}) == 3


def test_a_schema_prompt_puts_the_choice_into_the_context():
    rows = [
        {"context_options": ["Ann met Bo because Ann", "… Bo"], "continuation": "ran.", "gold": 0},
        {"context_options": ["X", "Y"], "continuation": "fell.", "gold": 1},
    ]
    by_gold = {question.gold: question for question in icl.questions(SCHEMA, rows)}
    assert by_gold[0].pairs == (
        ("Y fell.\nAnn met Bo because Ann", " ran."),
        ("Y fell.\n… Bo", " ran."),
    )


def test_a_language_modelling_prompt_has_one_continuation():
    rows = [
        {"context": "2 + 2 = ", "continuation": " 4"},
        {"context": "1 + 1 =", "continuation": "2"},
    ]
    pairs = {question.pairs for question in icl.questions(TEXT, rows)}
    assert pairs == {
        (("1 + 1 = 2\n2 + 2 =", " 4"),),
        (("2 + 2 = 4\n1 + 1 =", " 2"),),
    }


@given(st.integers(1, 30), st.integers(0, 12), st.data())
def test_examples_are_others_each_once_and_the_same_each_time(rows, shots, data):
    number = data.draw(st.integers(0, rows - 1))
    found = icl.examples(rows, number, shots)
    assert len(found) == len(frozenset(found)) == min(shots, rows - 1)
    assert number not in found
    assert found == icl.examples(rows, number, shots)


def test_a_limit_takes_the_first_questions_of_the_drawn_order():
    rows = choice_rows(20)
    queries = [row["query"] for row in icl.shuffled(rows)]
    assert queries != [row["query"].strip() for row in rows]
    few = icl.questions(CHOICE, rows, limit=5)
    assert [q.pairs[0][1] for q in few] == [f" a{q.split()[1][:-1]}" for q in queries[:5]]


def test_categories_lend_no_examples_to_each_other():
    rows = [
        {"context": f"{kind}{n}", "continuation": "x", "category": kind}
        for n in range(4)
        for kind in "PQ"
    ]
    task = IclTask("j", "j", "language_modelling", 3, 0.0, by_category=True)
    for question in icl.questions(task, rows):
        context = question.pairs[0][0]
        assert question.category in "PQ"
        assert context.count(question.category) == 4


def test_pairs_are_cut_where_the_context_alone_ends(chat_tokenizer):
    contexts, continuations = icl.encode_pairs(
        chat_tokenizer, [("Ada was born", " in Hale"), ("Ada was born ", "in Hale")], [0]
    )
    assert contexts[0] == contexts[1] == [0, *chat_tokenizer.encode("Ada was born")]
    assert continuations[0] == continuations[1]
    assert chat_tokenizer.decode(continuations[0]) == " in Hale"


@pytest.fixture(scope="module")
def base(post_training):
    return models.load(post_training.base)


def plain(model, context, continuation):
    """One forward pass for the pair alone."""
    ids = [*context, *continuation]
    with torch.no_grad():
        table = model(torch.tensor([ids[:-1]]))[0].log_softmax(-1)
    rows = range(len(context) - 1, len(ids) - 1)
    total = sum(float(table[row, ids[row + 1]]) for row in rows)
    return total, all(int(table[row].argmax()) == ids[row + 1] for row in rows)


def questions_of(texts):
    return [
        Question(tuple((text, f" {word}") for word in ("Hale", "a baker", "12")), 0, "")
        for text in texts
    ]


@pytest.mark.parametrize("tokens_per_batch", [1, 64, 8192])
def test_log_probabilities_are_those_of_plain_passes(base, tokens_per_batch):
    model, tokenizer = base
    asked = questions_of(["Ada Abel was born in", "The mayor of Hale is", "12 + 30 is"])
    found = icl.answers(model, tokenizer, asked, tokens_per_batch=tokens_per_batch)
    for question, answer in zip(asked, found):
        for pair, total, greedy in zip(question.pairs, answer.log_probabilities, answer.greedy):
            (context,), (continuation,) = icl.encode_pairs(tokenizer, [pair], [0])
            expected, best = plain(model, context, continuation)
            assert total == pytest.approx(expected, abs=1e-4)
            assert greedy == best
    assert not any(answer.cut for answer in found)


def test_greedy_is_what_greedy_decoding_gives(base):
    model, tokenizer = base
    pages = [f"{name} {verb}" for name in PEOPLE for verb in ("was born", "is", "likes", "had")]
    prompts = [[0, *tokenizer.encode(page)] for page in pages]
    found = Engine(model).generate(prompts, max_new_tokens=1, temperature=0.0)
    said = [tokenizer.decode(completion.tokens) for (completion,) in found]
    # some of its own words would be read as other tokens: those are other continuations
    asked = [
        Question(((page, text), (page, " Hale")), 0, "")
        for page, text, ids, ((completion),) in zip(pages, said, prompts, found)
        if text.strip() and tokenizer.encode(page + text) == [*ids[1:], *completion.tokens]
    ]
    assert asked
    for question, answer in zip(asked, icl.answers(model, tokenizer, asked)):
        assert answer.greedy[0]
        assert icl.is_right(TEXT, question, answer)
        assert answer.greedy[1] == (question.pairs[0][1] == " Hale")


def test_prompts_longer_than_the_context_lose_their_beginning(base):
    model, tokenizer = base
    long = "Ada Abel was born in Hale. " * 60
    asked = questions_of([long + "The mayor of Hale is"])
    (answer,) = icl.answers(model, tokenizer, asked)
    assert answer.cut
    contexts, continuations = icl.encode_pairs(tokenizer, asked[0].pairs, [0])
    room = model.config.max_context + 1 - max(len(ids) for ids in continuations)
    for context, continuation, total in zip(contexts, continuations, answer.log_probabilities):
        expected, _ = plain(model, context[-room:], continuation)
        assert total == pytest.approx(expected, abs=1e-4)


def test_an_endless_answer_is_scored_by_its_end(base):
    model, tokenizer = base
    asked = [Question((("Say:", " Hale Brook" * 200), ("Say:", " Hale")), 0, "")]
    (answer,) = icl.answers(model, tokenizer, asked)
    assert answer.cut
    assert answer.tokens[0] == model.config.max_context
    assert all(map(math.isfinite, answer.log_probabilities))


def test_a_choice_is_the_best_mean_per_token():
    question = Question((("q", " a"), ("q", " b")), 1, "")
    answer = Answer((-4.0, -6.0), (1, 2), (False, False))
    assert answer.choice == 1
    assert icl.is_right(CHOICE, question, answer)
    assert Answer((-3.0, -3.0), (1, 1), (False, False)).choice == 0
    assert not icl.is_right(TEXT, Question((("q", "a"),), 0, ""), Answer((-0.1,), (1,), (False,)))
