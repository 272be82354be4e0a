"""Prompts that ask for a form: what is drawn, what counts, what guessing pays."""

import dataclasses
import re
from typing import Any

import pytest

from pipeline.curriculum.answer_forms import KINDS, Instruction, strict
from pipeline.curriculum.held_out import is_held_out, sum_split, word_split
from pipeline.evals import asking, format_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.format_suite import Prompt, draw

FACTS: Any = [
    {
        "entity": f"Anna B{chr(97 + n)}n",
        "question": f"When was Anna B{chr(97 + n)}n born?",
        "attribute": "birth_year",
        "value": f"{1900 + n}",
        "frequency": "often",
    }
    for n in range(26)
]
CONFIG = EvalsConfig(format_prompts=48, held_out_fraction=0.5)


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, CONFIG)


def test_every_kind_is_asked_equally_often_alone_and_some_in_pairs():
    prompts = draw(FACTS, 48, 0.5, 0)
    assert len({prompt.text for prompt in prompts}) == 48
    alone = [prompt.asked[0].kind for prompt in prompts if len(prompt.asked) == 1]
    assert {alone.count(kind) for kind in KINDS} == {4}
    pairs = [{i.kind for i in prompt.asked} for prompt in prompts if len(prompt.asked) == 2]
    assert len(pairs) == 16
    assert not [pair for pair in pairs if pair in format_suite.EXCLUDE or len(pair) < 2]


def test_nothing_asked_is_trained():
    seen = 0
    for prompt in draw(FACTS, 60, 0.5, 0):
        entity = next((f["entity"] for f in FACTS if f["entity"] in prompt.text), None)
        if entity is not None:
            assert is_held_out(entity, 0.5)
            seen += 1
        elif all(not i.count for i in prompt.asked):
            low, high = (int(n) for n in re.findall(r"\d+", prompt.text)[:2])
            assert sum_split(low, high) == "evaluation"
        for instruction in prompt.asked:
            if instruction.kind == "keyword_count":
                assert word_split(instruction.text) == "evaluation"
    assert seen == 30
    assert all("born" not in prompt.text for prompt in draw([], 20, 0.5, 0))


def test_the_same_seed_asks_the_same():
    assert draw(FACTS, 20, 0.5, 3) == draw(FACTS, 20, 0.5, 3)
    assert draw(FACTS, 20, 0.5, 3) != draw(FACTS, 20, 0.5, 4)


def test_a_prompt_says_what_is_checked():
    for prompt in draw(FACTS, 48, 0.5, 0):
        for instruction in prompt.asked:
            assert not instruction.text or instruction.text in prompt.text
            assert not instruction.count or str(instruction.count) in prompt.text


def test_the_best_constant_answer_follows_three_kinds_and_what_it_can_count():
    quoted, lower, commas = (Instruction(k) for k in ("quotation", "lower_case", "no_commas"))
    prompts = [
        Prompt("", (quoted,)),
        Prompt("", (lower,)),
        Prompt("", (commas, quoted)),
        Prompt("", (Instruction("word_count", count=4),)),
        Prompt("", (Instruction("word_count", count=5),)),
        Prompt("", (Instruction("word_count", count=5), lower)),
        Prompt("", (Instruction("bullet_count", count=2), quoted)),
        Prompt("", (Instruction("json_object"),)),
        Prompt("", (Instruction("keyword_count", text="mill", count=2),)),
    ]
    expected = [True, True, True, False, True, True, True, False, False]
    assert format_suite.guesses(prompts) == expected
    # where most ask for JSON it pays to guess that
    json = Prompt("", (Instruction("json_object"), lower))
    assert format_suite.guesses([json, json, prompts[0]]) == [True, True, False]


class Scripted:
    """Replaces generation by a function of the question."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch

    def __call__(self, answer):
        self.monkeypatch.setattr(
            format_suite, "ask_questions", lambda _, questions, __: [answer(q) for q in questions]
        )


@pytest.fixture
def scripted(monkeypatch):
    return Scripted(monkeypatch)


def of(scores, task, metric):
    (row,) = [r for r in scores.rows if (r["task"], r["metric"]) == (task, metric)]
    return row["value"], row["n"]


def test_strict_loose_prompts_and_instructions_are_apart(subject, scripted, monkeypatch):
    commas, lower = Instruction("no_commas"), Instruction("lower_case")
    prompts = [
        Prompt("one", (commas,)),
        Prompt("two", (commas, lower)),
        Prompt("three", (commas, lower)),
        Prompt("four", (lower,)),
    ]
    monkeypatch.setattr(format_suite, "draw", lambda *_: prompts)
    said = {
        "one": Reply("Yes, sure:\nHale", True),  # loosely without a comma
        "two": Reply("Hale", True),  # one of two
        "three": Reply("hale", True),
        "four": Reply("hale", False),  # never ended
    }
    scripted(said.__getitem__)
    scores = Scores()
    found = format_suite.ask(subject, [])
    format_suite.report(found, CONFIG, scores)
    assert of(scores, "prompts", "strict") == (1 / 4, 4)
    assert of(scores, "prompts", "loose") == (2 / 4, 4)
    assert of(scores, "instructions", "strict") == (3 / 6, 6)
    assert of(scores, "instructions", "loose") == (4 / 6, 6)
    assert of(scores, "no_commas", "strict") == (0.0, 1)
    assert of(scores, "guessing", "strict") == (1.0, 4)
    assert [row["correct"] for row in scores.samples] == [False, False, True, False]
    assert scores.samples[1] == {
        "suite": "format",
        "prompt": "two",
        "completion": "Hale",
        "expected": "no_commas and lower_case",
        "correct": False,
    }
    # a page has no turn that could end
    base = dataclasses.replace(subject, tokenizer=_without_turns(subject.tokenizer))
    assert format_suite.ask(base, []).strict[3] == [True]


def test_a_sample_says_what_is_counted(subject):
    asked = (Instruction("keyword_count", text="mill", count=2), Instruction("quotation"))
    found = format_suite.AskedForms(
        [Prompt("Where?", asked)], [Reply("Hale", True)], [[False, False]], [[False] * 2], [False]
    )
    scores = Scores()
    format_suite.report(found, CONFIG, scores)
    assert scores.samples[0]["expected"] == "keyword_count 2 mill and quotation"


def test_the_configs_seed_and_share_decide_what_is_asked(subject, scripted):
    scripted(lambda _: Reply("ok", True))
    for seed, fraction in ((0, 0.5), (3, 0.5), (3, 1.0)):
        config = dataclasses.replace(CONFIG, seed=seed, held_out_fraction=fraction)
        asked = dataclasses.replace(subject, config=config)
        wanted = [p for p in draw(FACTS, 48, fraction, seed) if asking.fits(asked, p.text)]
        assert format_suite.ask(asked, FACTS).prompts == wanted


def _without_turns(tokenizer):
    class Base:
        has_conversation_tokens = False
        document_token = 0

        def encode(self, text):
            return tokenizer.encode(text)

    return Base()


def test_a_prompt_that_does_not_fit_the_context_is_not_asked(subject, scripted, monkeypatch):
    long = Prompt("word " * 3_000, (Instruction("no_commas"),))
    short = Prompt("Hi.", (Instruction("no_commas"),))
    monkeypatch.setattr(format_suite, "draw", lambda *_: [long, short])
    scripted(lambda _: Reply("ok", True))
    assert [prompt.text for prompt in format_suite.ask(subject, []).prompts] == ["Hi."]


def test_a_model_is_really_asked(subject):
    config = dataclasses.replace(CONFIG, format_prompts=6, max_new_tokens=8)
    found = format_suite.ask(dataclasses.replace(subject, config=config), FACTS)
    assert len(found.replies) == len(found.prompts) > 0
    assert [
        [reply.stopped and strict(i, reply.text) for i in prompt.asked]
        for prompt, reply in zip(found.prompts, found.replies)
    ] == found.strict
    assert asking.fits(subject, "Hi.")
