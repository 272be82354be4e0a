"""Each suite marks right what is right, and asks only what was held back."""

import dataclasses
import random
import re

import pytest
import torch

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.curriculum.held_out import is_held_out, sum_split, word_split
from pipeline.curriculum.spelled_words import spelled, words_of
from pipeline.curriculum.sums import worked
from pipeline.evals import arithmetic_suite, asking, facts_suite, spelling_suite, turns, unseen
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.model.engine import Completion
from pipeline.tokenizer import Tokenizer

CONFIG = EvalsConfig(
    sums_per_pair=5,
    words=8,
    turns=20,
    facts_per_frequency=6,
    samples_per_suite=4,
    unseen_wordings=20,
)


def value(scores, task, metric=None):
    (row,) = [r for r in scores.rows if r["task"] == task and metric in (None, r["metric"])]
    return row["value"], row["n"]


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, CONFIG)


class Answering:
    """Replaces generation by a function of the prompt's text."""

    tokenizer: Tokenizer

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch

    def __call__(self, answer):
        def generate(engine, prompts, *, stop_tokens, **_):
            found = []
            for ids in prompts:
                text, stopped = answer(self.tokenizer.decode(ids))
                tokens = self.tokenizer.encode(text) + [stop_tokens[-1]] * stopped
                found.append([Completion(tokens, [0.0] * len(tokens), stopped)])
            return found

        self.monkeypatch.setattr(asking.Engine, "generate", generate)


@pytest.fixture
def answering(monkeypatch):
    return Answering(monkeypatch)


def numbers_of(question: str) -> tuple[int, int]:
    """Both numbers of a sum, the smaller one first."""
    low, high = sorted(int(n) for n in re.findall(r"\d+", question))
    return low, high


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
    assert facts_suite.starts_with(text, value) is starts
    assert facts_suite.contains(text, value) is holds


def toy_facts():
    made = []
    for number in range(30):
        name = f"Anna B{chr(97 + number % 26)}n{'x' * (number // 26)}"
        made.append(
            {
                "entity": name,
                "kind": "person",
                "attribute": "birth_year",
                "value": f"{1900 + number}",
                "frequency": ("often", "once", "never")[number % 3],
                "prompt": f"{name} was born in",
                "question": f"When was {name} born?",
                "asked": number % 2 == 0,
            }
        )
    return made


def test_facts_by_frequency_and_by_entity(subject, answering):
    asked = []
    answering.tokenizer = subject.tokenizer
    config = dataclasses.replace(CONFIG, held_out_fraction=0.5)
    subject = dataclasses.replace(subject, config=config)

    def answer(text):
        asked.append(text)
        fact = max((f for f in toy_facts() if f["entity"] in text), key=lambda f: len(f["entity"]))
        right = fact["frequency"] == "often" and not is_held_out(fact["entity"], 0.5)
        if any(wording.format(e=fact["entity"]) in text for wording in unseen.FACTS["birth_year"]):
            return (f"It was in {fact['value']}.", True)
        if "When" in text:
            return (f"It was in {fact['value'] if right else 'May'}.", True)
        return (f" {fact['value'] if fact['frequency'] == 'often' else 1234}, they say", False)

    answering(answer)
    scores = Scores()
    facts_suite.measure(subject, toy_facts(), scores)
    chosen = facts_suite.choose(toy_facts(), 6, 0.5, CONFIG.seed)
    hidden = sum(is_held_out(f["entity"], 0.5) for f in chosen if f["frequency"] == "often")
    assert 0 < hidden < 6
    # The headline is of entities that fine-tuning never asked about.
    assert value(scores, "question_often_new_wordings") == (1.0, hidden)
    assert value(scores, "question_often") == (0.0, hidden)
    assert value(scores, "question_often_numbers") == (0.0, hidden)
    # Every year is another: the first of all stated ones is of one person at most.
    assert value(scores, "guessing_often") in ((0.0, hidden), (1 / hidden, hidden))
    assert value(scores, "birth_year", "recall") == ((6 - hidden) / 6, 6)
    assert value(scores, "question_often_trained_entities") == (1.0, 6 - hidden)
    assert value(scores, "completion_often") == (1.0, hidden)
    often = [f for f in chosen if f["frequency"] == "often" and is_held_out(f["entity"], 0.5)]
    unasked = sum(not f["asked"] for f in often)
    assert 0 < unasked < hidden
    assert value(scores, "question_often_no_page_asks") == (0.0, unasked)
    assert value(scores, "completion_often_trained_entities") == (1.0, 6 - hidden)
    for frequency in ("once", "never"):
        others = [f for f in chosen if f["frequency"] == frequency]
        apart = sum(is_held_out(f["entity"], 0.5) for f in others)
        if apart:
            assert value(scores, f"completion_{frequency}") == (0.0, apart)
        assert value(scores, f"completion_{frequency}_trained_entities") == (0.0, 6 - apart)
    assert len(scores.samples) == CONFIG.samples_per_suite
    first = scores.rows[0]
    assert (first["suite"], first["task"]) == ("facts", "question_often_new_wordings")


def test_what_guessing_pays_is_the_commonest_value_of_the_relation():
    def fact(value, frequency="often", attribute="mouth"):
        return {"value": value, "frequency": frequency, "attribute": attribute}

    known = [
        fact("Lake Dole"),
        *(fact("Gull Bay", frequency) for frequency in ("often", "once")),
        *(fact("Lake Prior", "never") for _ in range(3)),  # stated nowhere
        fact("trout", attribute="fish"),
        fact("perch", attribute="fish"),
    ]
    assert facts_suite.guesses(known) == [*["Gull Bay"] * 6, *["perch"] * 2]
    assert facts_suite.guesses([fact("Lake Prior", "never")]) == [""]


def test_half_of_the_facts_are_of_held_out_entities_if_there_are_so_many():
    every = [fact for fact in toy_facts() if fact["frequency"] == "often"]
    for fraction, wanted in ((0.9, 3), (1.0, 6), (0.0, 0)):
        chosen = facts_suite.choose(toy_facts(), 6, fraction, 0)
        often = [f for f in chosen if f["frequency"] == "often"]
        assert len(often) == 6
        hidden = sum(is_held_out(f["entity"], fraction) for f in often)
        there = sum(is_held_out(f["entity"], fraction) for f in every)
        assert hidden == max(wanted, 6 - (len(every) - there)) <= there


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
        assert model.lm_head is not None
        model.lm_head.weight.zero_()
        model.lm_head.weight[-26:] = 1.0
        model.norm.weight.copy_(model.embed_tokens.weight.mean(0).sign())
    padded = dataclasses.replace(subject, model=model.eval())
    for reply in asking.ask_questions(padded, ["Is it?", "And?"], 4):
        assert isinstance(reply.text, str)
    scores = Scores()
    arithmetic_suite.measure(padded, [], scores)
    spelling_suite.measure(padded, list, scores)
    turns.measure(padded, ["Is it?"], scores)
    facts_suite.measure(padded, toy_facts(), scores)
    assert {row["suite"] for row in scores.rows} >= {"arithmetic", "turns", "facts"}


def test_the_same_facts_are_asked_of_every_model():
    assert facts_suite.choose(toy_facts(), 4, 0.2, 0) == facts_suite.choose(toy_facts(), 4, 0.2, 0)
    assert facts_suite.choose(toy_facts(), 4, 0.2, 0) != facts_suite.choose(toy_facts(), 4, 0.2, 1)
    assert len(facts_suite.choose(toy_facts(), 100, 0.2, 0)) == 30


def test_sums_are_held_back_and_not_on_pages():
    pages = [f"{worked(123, 456)} and 77 + 5 is 82.", "no sum here, 5+4"]
    stated = arithmetic_suite.stated_sums(pages)
    assert {(123, 456), (5, 77), (4, 5)} <= stated
    every = arithmetic_suite.choose((3, 2), 50, set(), 0)
    assert len(every) == 50 == len(set(every))
    for a, b in every:
        assert sum_split(a, b) == "evaluation"
        assert 100 <= a <= 999
        assert 10 <= b <= 99
    gone = {(min(a, b), max(a, b)) for a, b in every[:20]}
    left = arithmetic_suite.choose((3, 2), 50, gone, 0)
    assert not {(min(a, b), max(a, b)) for a, b in left} & gone
    few = arithmetic_suite.choose((1, 1), 500, set(), 0)
    assert 0 < len(few) < 40
    assert arithmetic_suite.choose((1, 1), 500, {(min(p), max(p)) for p in few}, 0) == []


def test_every_pair_of_lengths_is_asked_equally_often_and_long_sums_stand_on_no_page():
    config = EvalsConfig(digits=(1, 2, 3, 4, 5), sums_per_pair=2)
    asked = arithmetic_suite.draw(config, set())
    counted = [item.lengths for item in asked]
    assert {pair: counted.count(pair) for pair in set(counted)} == {
        (a, b): 2 for a in range(1, 6) for b in range(1, 6)
    }
    stated = set()
    for item in asked:
        a, b = map(int, re.findall(r"\d+", item.question))
        assert (len(str(a)), len(str(b))) == item.lengths
        assert item.answer == str(a + b)
        stated.add((min(a, b), max(a, b)))
    again = {item.question for item in arithmetic_suite.draw(config, stated)}
    same = [item for item in asked if item.question in again]
    # from 3 digits of the longer number on, no sum that a page states is asked
    assert same
    assert max(item.digits for item in same) < config.unseen_from_digits


def test_sums_in_new_wordings_are_held_back_and_right():
    config = EvalsConfig(unseen_wordings=40)
    drawn = arithmetic_suite.draw_unseen(config, set())
    assert {name: len(items) for name, items in drawn.items()} == {
        "new_wordings": 40,
        "new_stories": 40,
        "with_commas": 20,
        "6_digits": 20,
        "three_numbers": 20,
    }
    for name, items in drawn.items():
        for item in items:
            numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", item.question)]
            assert str(sum(numbers)) == item.answer
            assert sum_split(*numbers[:2]) == "evaluation"
            assert len(numbers) == (3 if name == "three_numbers" else 2)
            assert ("," in item.question) or name != "with_commas"
            assert (item.digits == 6) == (name == "6_digits")
            assert item.digits >= 3
    stated = {numbers_of(item.question) for item in drawn["new_wordings"]}
    again = arithmetic_suite.draw_unseen(config, stated)["new_wordings"]
    for item in again:
        assert numbers_of(item.question) not in stated
    assert arithmetic_suite.draw_unseen(EvalsConfig(unseen_wordings=0), set()) == {}


def test_arithmetic_counts_right_and_worked_answers_by_lengths(subject, answering):
    answering.tokenizer = subject.tokenizer

    def answer(text):
        if "," in text.replace(",\n", "") and re.search(r"\d,\d", text):
            return ("It is 0.", True)
        a, b, *more = map(int, re.findall(r"\d+", text))
        if more or max(a, b) >= 10**5:
            return ("It is 0.", True)
        if not any(f"{a} + {b}" in text and end in text for end in ("?", ".")) or "=" in text:
            return (worked(a, b), True)  # another wording than the pages'
        first, second = len(str(a)), len(str(b))
        if max(first, second) == 1:
            return (f"It is {a + b}.", True)
        if max(first, second) == 2:
            return (f"It is {a + b + 1}.", True)
        if max(first, second) == 3:
            return (worked(a, b), False)  # right, but never ended
        return (worked(a, b), True) if first >= second else (worked(a, b + 1), True)

    answering(answer)
    scores = Scores()
    arithmetic_suite.measure(subject, [], scores)
    ones = len(arithmetic_suite.choose((1, 1), 5, set(), 0))
    assert value(scores, "1_digit", "accuracy") == (1.0, ones)
    assert value(scores, "2_digits", "accuracy") == (0.0, 15)
    assert value(scores, "3_digits", "accuracy") == (0.0, 25)
    assert value(scores, "4_digits", "accuracy") == (20 / 35, 35)
    assert value(scores, "5_digits", "accuracy") == (25 / 45, 45)
    assert value(scores, "3_or_more_digits", "accuracy") == (45 / 105, 105)
    assert value(scores, "equal_lengths", "accuracy") == ((ones + 10) / (ones + 20), ones + 20)
    assert value(scores, "different_lengths", "accuracy") == (35 / 100, 100)
    assert value(scores, "2_digits", "worked_share") == (0.0, 15)
    assert value(scores, "3_digits", "worked_share") == (1.0, 25)
    assert value(scores, "new_wordings", "accuracy") == (1.0, CONFIG.unseen_wordings)
    assert value(scores, "new_stories", "accuracy") == (1.0, CONFIG.unseen_wordings)
    for name in ("6_digits", "with_commas", "three_numbers"):
        assert value(scores, name, "accuracy") == (0.0, CONFIG.unseen_wordings // 2)
    assert scores.rows[0]["task"] == "new_wordings"
    assert value(scores, "5+2", "accuracy") == (1.0, 5)
    assert value(scores, "2+5", "accuracy") == (0.0, 5)


def test_spelling_words_are_held_back_and_asked_once(subject, answering):
    answering.tokenizer = subject.tokenizer
    pages = [f"A {other} that no page spells." for other in words_of("evaluation")]
    known = {*words_of("evaluation"), *re.findall("[a-z]{3,}", " ".join(pages))}
    asked = []

    def answer(text):
        word = max((w for w in known if re.search(rf"\b{w}\b", text)), key=len, default="")
        new = [w for w in unseen.SPELLING if w.format(word=word) in text]
        asked.append((word, bool(new)))
        return ("No idea.", True) if new or not word else (f"{spelled(word)}.", True)

    answering(answer)
    scores = Scores()
    word = words_of("evaluation")[0]
    known -= {"spells", "spell", "that", "page"} - {*words_of("evaluation")}
    config = dataclasses.replace(CONFIG, words=500, unseen_wordings=10)
    spelling_suite.measure(
        dataclasses.replace(subject, config=config), lambda: [*pages, spelled(word)], scores
    )
    _, every = value(scores, "all")
    once = [w for w, new in asked if not new and w]
    assert every == len(once) == len(set(once))
    assert scores.rows[0]["task"] == "new_wordings"
    assert value(scores, "new_wordings") == (0.0, 10)
    assert value(scores, "spelled_on_pages") == (1.0, 1)
    assert value(scores, "never_spelled") == (1.0, every - 1)
    short, long = (value(scores, name)[1] for name in ("3_to_5_letters", "6_letters_or_more"))
    assert short + long == every
    assert short == sum(len(w) <= 5 for w in once)
    assert value(scores, "made_up_words") == (0.0, 5)
    assert {word_split(w) for w, _ in asked if w} == {"evaluation"}


def test_turns_are_familiar_and_unfamiliar_and_end_in_a_question(subject, answering):
    asked = turns.prompts(["Where is Hale?"], 40, 0)
    assert sum(familiar for familiar, _ in asked) == 20
    assert all(messages[-1].role == "user" for _, messages in asked)
    assert any(len(messages) == 3 for _, messages in asked)
    # One case is one case: greedy answers to the same prompt are the same.
    many = turns.prompts(["Where is Hale?"], 200, 0)
    assert len({tuple(messages) for _, messages in many}) == 200
    unknown = {messages[-1].content for familiar, messages in many if not familiar}
    assert len(unknown) == 100
    assert sum(not familiar for familiar, _ in turns.prompts([], 1000, 0)) == 200  # no more
    answering.tokenizer = subject.tokenizer
    unfamiliar = set(turns.UNFAMILIAR)
    answering(lambda text: ("Hello.", not any(f"\n{request}<" in text for request in unfamiliar)))
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
    assert from_dict(EvalsConfig, to_dict(config)) == config
    assert random.Random("x").random() == random.Random("x").random()
