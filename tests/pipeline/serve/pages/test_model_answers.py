"""What models answer, what each answer is, and how likely the right one was."""

import asyncio
import dataclasses
import math
from collections.abc import Iterator

import pytest
from known_lake import ADMITTED, HOSTILE, MARKUP, OPENING, REPLIES, RIGHT, WRONG
from model_server import Served, make_served

from flows.cli.serve import model_sources
from flows.cli.served_lake import ServedLake
from pipeline import model as models
from pipeline.chat.conversation import prompt, user
from pipeline.curriculum.dont_know import OPENINGS
from pipeline.model.engine import Engine
from pipeline.serve.config import ServeConfig
from pipeline.serve.pages import model_answers
from pipeline.serve.pages.known_facts import KnownFact, fact_of
from pipeline.serve.pages.model_answers import SAMPLES, ModelAnswers, answers_of
from storage import Lake


@pytest.fixture
def lake(known_lake: Lake) -> Iterator[ServedLake]:
    shown = ServedLake(known_lake)
    yield shown
    shown.close()


def asked(lake: Lake, name: str, *facts: KnownFact, **limits: float) -> list[ModelAnswers]:
    served: Served = make_served(*model_sources(lake, ()))

    async def ask() -> list[ModelAnswers]:
        try:
            return [await answers_of(served.models, name, fact, "me", **limits) for fact in facts]
        finally:
            served.models.close()

    return asyncio.run(ask())


def test_right_wrong_and_admitted(known_lake: Lake, lake: ServedLake) -> None:
    facts = [fact_of(lake, one, "", "") for one in (RIGHT, WRONG, ADMITTED, HOSTILE)]
    found = asked(known_lake, "sft", *facts)
    assert [one.verdict for one in found] == ["knows", "invents", "admits", "knows"]
    assert [one.greedy and one.greedy.text for one in found] == [*REPLIES.values()]
    for one, kind in zip(found, ("correct", "wrong", "idk", "correct")):
        assert len(one.samples) == SAMPLES
        assert one.count(kind) > SAMPLES // 2  # type: ignore[arg-type]
        assert one.given == ""
    assert found[3].greedy
    assert found[3].greedy.text == MARKUP
    right, wrong, admitted = (one.right or 0 for one in found[:3])
    assert right > 0.5 > 0.1 > max(wrong, admitted)
    assert (found[2].admission or 0) > 0.5 > 0.1 > (found[0].admission or 0)


@pytest.mark.parametrize("name", ["sft", "base"])
def test_probabilities_are_the_engines(
    known_lake: Lake, lake: ServedLake, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    openings = OPENINGS * 2  # so that the likeliest isn't nearly all of the sum
    monkeypatch.setattr(model_answers, "OPENINGS", openings)
    (found,) = asked(known_lake, name, fact_of(lake, RIGHT, "", ""))
    model, tokenizer = models.load(known_lake.local(name, known_lake.heads()[name]))
    engine, before = Engine(model), [tokenizer.document_token]
    chats = name == "sft"
    line = prompt([user(RIGHT)], tokenizer) if chats else [*before, *tokenizer.encode(RIGHT + "\n")]
    sentence = [*(line if chats else before), *tokenizer.encode(OPENING)]

    def probability(before: list[int], text: str) -> float:
        ids = tokenizer.encode(text)
        (one,) = engine.prompt_logprobs([[*before, *ids]])
        return math.exp(sum(x or 0.0 for x in one.logprobs[len(before) :]))

    assert found.right == pytest.approx(probability(sentence, " Hale"), rel=1e-4)
    admitted = sum(probability(line, text) for text in openings)
    # In plain numbers: pytest takes whatever is under 1e-12 for 0.
    assert found.admission
    assert abs(found.admission / admitted - 1) < 1e-4


def test_a_base_model_goes_on_with_the_sentence(known_lake: Lake, lake: ServedLake) -> None:
    fact = fact_of(lake, RIGHT, "", "")
    known, other = asked(known_lake, "base", fact, dataclasses.replace(fact, values=("Brook",)))
    assert (known.given, known.verdict) == (OPENING, "knows")
    assert known.greedy
    assert known.greedy.text.startswith("Hale.")
    assert (known.right or 0) > 0.9
    assert (other.verdict, (other.right or 0) < 0.1) == ("invents", True)


def test_what_nobody_has_judged(known_lake: Lake, lake: ServedLake) -> None:
    own = KnownFact(RIGHT, "Ada Abel", (), "typed")
    (found,) = asked(known_lake, "sft", own)
    assert (found.verdict, found.right) == ("answers", None)
    assert found.count("unjudged") == SAMPLES - found.count("idk")


def test_no_answer_is_told_in_its_place(known_lake: Lake, lake: ServedLake) -> None:
    long = KnownFact("word " * 400, "", (), "typed")
    too_long, broken = asked(known_lake, "sft", long, KnownFact("\ud800", "", (), "typed"))
    assert "context" in too_long.problem
    assert (too_long.verdict, broken.verdict) == (None, None)
    assert broken.problem
    (nobody,) = asked(known_lake, "nobody", long)
    assert "does not exist" in nobody.problem
    (late,) = asked(known_lake, "sft", fact_of(lake, RIGHT, "", ""), seconds=0.0)
    assert late.problem == "no answer within 0 seconds"


def test_limits_hold(known_lake: Lake, lake: ServedLake) -> None:
    """A server with few rows gives fewer samples, and one whose queue is full says so."""
    fact = fact_of(lake, RIGHT, "", "")

    async def ask(config: ServeConfig) -> ModelAnswers:
        served = make_served(*model_sources(known_lake, ()), config=config)
        try:
            return await answers_of(served.models, "sft", fact, "me")
        finally:
            served.models.close()

    few = asyncio.run(ask(ServeConfig(max_rows=2)))
    assert len(few.samples) == 2
    full = asyncio.run(ask(ServeConfig(max_queued=1)))
    assert "come again later" in full.problem
