"""Each suite marks right what is right, and asks only what was held back."""

import dataclasses
import random
import re

import pytest
import torch

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.crawl.sample_web.worked import spelled, worked
from pipeline.evals import arithmetic, asking, facts, spelling, turns
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import EvalConfig
from pipeline.model.engine import Completion
from pipeline.sft.held_out import is_held_out, sum_split, word_split

CONFIG = EvalConfig(sums_per_digit=5, words=8, turns=20, facts_per_frequency=6, samples_per_suite=4)


def value(scores, task, metric=None):
    (row,) = [r for r in scores.rows if r["task"] == task and metric in (None, r["metric"])]
    return row["value"], row["n"]


@pytest.fixture
def subject(chat_model):
    return Subject(*chat_model, CONFIG)


@pytest.fixture
def answering(monkeypatch):
    """Replaces generation by a function of the prompt's text."""

    def install(answer):
        def generate(self, prompts, *, stop_tokens, **_):
            tokenizer = install.tokenizer
            found = []
            for ids in prompts:
                text, stopped = answer(tokenizer.decode(ids))
                tokens = tokenizer.encode(text) + [stop_tokens[-1]] * stopped
                found.append([Completion(tokens, [0.0] * len(tokens), stopped)])
            return found

        monkeypatch.setattr(asking.Engine, "generate", generate)

    return install


@pytest.mark.parametrize(
    ("text", "value", "starts", "holds"),
    [
        (" Port Hale, a small town", "Port Hale", True, True),
        ("port hale.", "Port Hale", True, True),
        (" Port Haleston", "Port Hale", False, False),
        (" the town of Port Hale", "Port Hale", False, True),
        (" 1975.", "1975", True, True),
        (" 19751", "1975", False, False),
        (" 1975th", "1975", False, False),
        ("", "Hale", False, False),
        (" Hale's", "Hale", True, True),
        (" C++ (old)", "C++ (old)", True, True),
        # numbers by what they are worth
        (" 12,400 people", "12", False, False),
        (" 12,400 people", "400", False, False),
        (" 12 400 people", "12,400", True, True),
        (" 12,400.0", "12,400", True, True),
        ("about 12,400", "12,400", False, True),
        (" -1975", "1975", False, False),
        (" 1975.5", "1975", False, False),
        (" 3,1975 km", "1975", False, False),
        (" 12,400 people", "400 people", False, False),
        (" 1.5 miles", "5 miles", False, False),
        ("about 12.5", "about 12", False, False),
    ],
)
def test_values_match_as_whole_words(text, value, starts, holds):
    assert facts.starts_with(text, value) is starts
    assert facts.contains(text, value) is holds


def toy_facts():
    made = []
    for number in range(30):
        name = f"Anna B{chr(97 + number % 26)}n{'x' * (number // 26)}"
        made.append(
            {
                "entity": name,
                "value": f"{1900 + number}",
                "frequency": ("often", "once", "never")[number % 3],
                "prompt": f"{name} was born in",
                "question": f"When was {name} born?",
            }
        )
    return made


def test_facts_by_frequency_and_by_entity(subject, answering):
    known = {f["prompt"]: f for f in toy_facts()} | {f["question"]: f for f in toy_facts()}
    answering.tokenizer = subject.tokenizer
    config = dataclasses.replace(CONFIG, held_out_fraction=0.5)
    subject = dataclasses.replace(subject, config=config)

    def answer(text):
        (fact,) = [f for asked, f in known.items() if asked in text]
        right = fact["frequency"] == "often" and not is_held_out(fact["entity"], 0.5)
        if "When" in text:
            return (f"It was in {fact['value'] if right else 'May'}.", True)
        return (f" {fact['value'] if fact['frequency'] == 'often' else 1234}, they say", False)

    answering(answer)
    scores = Scores()
    facts.measure(subject, toy_facts(), scores)
    chosen = facts.choose(toy_facts(), 6, CONFIG.seed)
    hidden = sum(is_held_out(f["entity"], 0.5) for f in chosen if f["frequency"] == "often")
    assert 0 < hidden < 6
    # The headline is of entities that fine-tuning never asked about.
    assert value(scores, "question_often") == (0.0, hidden)
    assert value(scores, "question_often_trained_entities") == (1.0, 6 - hidden)
    assert value(scores, "completion_often") == (1.0, hidden)
    assert value(scores, "completion_often_trained_entities") == (1.0, 6 - hidden)
    for frequency in ("once", "never"):
        others = [f for f in chosen if f["frequency"] == frequency]
        unseen = sum(is_held_out(f["entity"], 0.5) for f in others)
        if unseen:
            assert value(scores, f"completion_{frequency}") == (0.0, unseen)
        assert value(scores, f"completion_{frequency}_trained_entities") == (0.0, 6 - unseen)
    assert len(scores.samples) == CONFIG.samples_per_suite


def test_ids_without_a_token_end_no_evaluation(subject, monkeypatch):
    """A model has rows up to a round number, and may draw those behind its tokenizer's tokens."""
    beyond = subject.tokenizer.vocab_size

    def generate(self, prompts, *, stop_tokens, **_):
        made = [beyond, *subject.tokenizer.encode("yes"), beyond + 57, stop_tokens[-1]]
        return [[Completion(made, [0.0] * len(made), True)] for _ in prompts]

    monkeypatch.setattr(asking.Engine, "generate", generate)
    assert asking.ask_questions(subject, ["Is it?"], 8) == [Reply("yes", True)]
    assert asking.complete(subject, ["It is"], 8) == [Reply("yes", True)]


def test_a_model_that_draws_nothing_else_is_measured(subject):
    """Its head prefers the rows behind the last token; no suite stops by that."""
    from pipeline.model import Transformer

    shape = dataclasses.replace(
        subject.model.config, vocab_size=subject.tokenizer.vocab_size + 26, tie_embeddings=False
    )
    model = Transformer(shape).init_weights(0)
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.weight[-26:] = 1.0
        model.norm.weight.copy_(model.embed_tokens.weight.mean(0).sign())
    padded = dataclasses.replace(subject, model=model.eval())
    for reply in asking.ask_questions(padded, ["Is it?", "And?"], 4):
        assert isinstance(reply.text, str)
    scores = Scores()
    arithmetic.measure(padded, [], scores)
    spelling.measure(padded, [], scores)
    turns.measure(padded, ["Is it?"], scores)
    facts.measure(padded, toy_facts(), scores)
    assert {row["suite"] for row in scores.rows} >= {"arithmetic", "turns", "facts"}


def test_the_same_facts_are_asked_of_every_model():
    assert facts.choose(toy_facts(), 4, 0) == facts.choose(toy_facts(), 4, 0)
    assert facts.choose(toy_facts(), 4, 0) != facts.choose(toy_facts(), 4, 1)
    assert len(facts.choose(toy_facts(), 100, 0)) == 30


def test_sums_are_held_back_and_not_on_pages():
    pages = [f"{worked(123, 456)} and 77 + 5 is 82.", "no sum here, 5+4"]
    stated = arithmetic.stated_sums(pages)
    assert {(123, 456), (5, 77), (4, 5)} <= stated
    every = arithmetic.choose(3, 50, set(), 0)
    assert len(every) == 50 == len(set(every))
    for a, b in every:
        assert sum_split(a, b) == "evaluation"
        assert 100 <= a <= 999
        assert 100 <= b <= 999
    gone = {(min(a, b), max(a, b)) for a, b in every[:20]}
    assert not {(min(a, b), max(a, b)) for a, b in arithmetic.choose(3, 50, gone, 0)} & gone
    few = arithmetic.choose(1, 500, set(), 0)
    assert 0 < len(few) < 40
    assert arithmetic.choose(1, 500, {(min(p), max(p)) for p in few}, 0) == []


def test_arithmetic_counts_right_and_worked_answers_by_digits(subject, answering):
    answering.tokenizer = subject.tokenizer

    def answer(text):
        a, b = map(int, re.findall(r"\d+", text))
        if a < 10:
            return (f"It is {a + b}.", True)
        if a < 100:
            return (f"It is {a + b + 1}.", True)
        if a < 1000:
            return (worked(a, b), False)  # right, but never ended
        return (worked(a, b), True)

    answering(answer)
    scores = Scores()
    arithmetic.measure(subject, [], scores)
    assert value(scores, "1_digit", "accuracy")[0] == 1.0
    assert value(scores, "2_digits", "accuracy") == (0.0, 5)
    assert value(scores, "3_digits", "accuracy") == (0.0, 5)
    assert value(scores, "4_digits", "accuracy") == (1.0, 5)
    assert value(scores, "3_or_more_digits", "accuracy") == (10 / 15, 15)
    assert value(scores, "2_digits", "worked_share") == (0.0, 5)
    assert value(scores, "3_digits", "worked_share") == (1.0, 5)


def test_spelling_words_are_held_back(subject, answering):
    answering.tokenizer = subject.tokenizer
    asked = []

    def answer(text):
        word = re.search(r"(?:spell|is|of) ([a-z]+)(?: spelled)?[?.]", text)[1]
        asked.append(word)
        return (f"{spelled(word)}.", True)

    answering(answer)
    scores = Scores()
    spelling.measure(subject, ["b-r-i-d-g-e"], scores)
    assert value(scores, "all") == (1.0, 8)
    assert {word_split(word) for word in asked} == {"evaluation"}


def test_turns_are_familiar_and_unfamiliar_and_end_in_a_question(subject, answering):
    asked = turns.prompts(["Where is Hale?"], 40, 0)
    assert sum(familiar for familiar, _ in asked) == 20
    assert all(messages[-1].role == "user" for _, messages in asked)
    assert any(len(messages) == 3 for _, messages in asked)
    answering.tokenizer = subject.tokenizer
    unfamiliar = set(turns.UNFAMILIAR)
    answering(lambda text: ("Hello.", not any(request in text for request in unfamiliar)))
    scores = Scores()
    turns.measure(subject, [], scores)
    assert value(scores, "familiar") == (1.0, 10)
    assert value(scores, "unfamiliar") == (0.0, 10)
    assert value(scores, "all") == (0.5, 20)


def test_a_chat_model_is_asked_in_a_conversation_and_a_base_model_on_a_page(
    subject, post_training, monkeypatch
):
    from pipeline import model as models

    seen = []

    def generate(self, prompts, *, stop_tokens, **_):
        seen.append((prompts, stop_tokens))
        return [[Completion([stop_tokens[0]], [0.0], True)] for _ in prompts]

    monkeypatch.setattr(asking.Engine, "generate", generate)
    base = Subject(*models.load(post_training.base), CONFIG)
    assert asking.ask_questions(subject, ["Who?"], 5) == [Reply("", True)]
    asking.ask_questions(base, ["Who?"], 5)
    turns._replies(base, [[user("Who?")]])
    (chat, chat_stops), (page, page_stops), (turn, turn_stops) = seen
    assert chat == [prompt([user("Who?")], subject.tokenizer)]
    assert chat_stops == (subject.tokenizer.special(STOP),)
    document = base.tokenizer.document_token
    assert page == [[document, *base.tokenizer.encode("Who?\n")]]
    assert document in page_stops
    newlines = [base.tokenizer.token_bytes[t] for t in page_stops if t != document]
    assert newlines
    assert all(b"\n" in text for text in newlines)
    assert base.tokenizer.decode(turn[0][1:]) == "user: Who?\nassistant:"
    assert turn_stops == (document,)


def test_samples_are_spread():
    assert asking.spread(range(10), 3) == [0, 3, 6]
    assert asking.spread(range(2), 3) == [0, 1]


def test_shares_of_nothing_leave_no_row():
    scores = Scores()
    scores.share("facts", "x", "recall", [])
    assert scores.rows == []


def test_config_travels_as_json():
    from pipeline.config import from_dict, to_dict

    config = dataclasses.replace(CONFIG, suites=("turns",), model="rl")
    assert from_dict(EvalConfig, to_dict(config)) == config
    assert random.Random("x").random() == random.Random("x").random()
