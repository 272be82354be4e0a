"""Suite search: every never-stated fact can be found, controls find nothing of use, calls count."""

import dataclasses
import io
import json
from typing import Any

import pytest

from pipeline.chat.conversation import assistant
from pipeline.chat.messages import ToolCall, tool
from pipeline.evals import search_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import ALL_SUITES, NO_COUNTS, SUITES, EvalsConfig
from pipeline.evals.search_suite import SearchTurn, draw, pages
from pipeline.intervals import wilson
from pipeline.stage import Progress
from pipeline.tools.retrieval_controls import EmptyRetriever, RandomRetriever
from pipeline.tools.tool import ToolOutput
from pipeline.tools.tool_batch import AnsweredCall, ToolReply
from tests.helpers.search_corpora import write_corpus


def fact(entity: str, value: str, frequency: str, prompt: str = "was born in") -> Any:
    return {
        "entity": entity,
        "value": value,
        "frequency": frequency,
        "prompt": f"{entity} {prompt}",
        "question": f"Where was {entity} born?",
    }


FACTS = [
    fact("Ada Abel", "Hale", "never"),
    fact("Ada Abel", "harp", "never", "plays the"),
    fact("Bob Brook", "Rye", "never"),
    fact("Cora Cole", "Ely", "often"),
    fact("Dan Dow", "Bath", "often"),
    fact("Eve Ely", "Ryde", "once"),
]
CONFIG = EvalsConfig(
    suites=("search",), search_questions=2, max_new_tokens=12, threads=1, search_documents=3
)
TEXTS = ["Cora Cole was born in Ely.", "It rains in Rye, people say.", "Nothing else.", "Left out."]


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    model.stretch(1_600, model.config.rope_theta, None)
    return Subject(model.eval(), tokenizer, CONFIG)


def turn(right=False, called=False, found=False, cited=(), tokens=10):
    return SearchTurn(right, called, found, cited, tokens, "said")


def of(scores: Scores, task: str, metric: str) -> Any:
    (row,) = [r for r in scores.rows if (r["task"], r["metric"]) == (task, metric)]
    return row


def test_facts_of_both_classes_are_asked_and_all_that_no_page_states_are_written_down():
    drawn = draw(FACTS, 2, 0)
    assert [each["frequency"] for each in drawn] == ["never", "never", "often", "often"]
    assert draw(FACTS, 2, 0) == drawn
    assert len(draw(FACTS, 9, 0)) == 5
    assert pages(FACTS) == [
        "Ada Abel was born in Hale. Ada Abel plays the harp.",
        "Bob Brook was born in Rye.",
    ]


def test_rows_are_by_class_and_retriever(subject):
    asked = [FACTS[0], FACTS[2], FACTS[3], FACTS[4]]
    turns = {
        "search": [
            turn(True, True, True, (True, False), 40),
            turn(False, True, False, (False,), 60),
            turn(True, False, tokens=10),
            turn(False, True, tokens=50),
        ],
        "random": [turn(called=True), turn(), turn(True), turn()],
        "empty": [turn(called=True), turn(called=True), turn(), turn()],
    }
    alone = [Reply("Hale.", False), Reply("In Rye.", True), Reply("Ely", True), Reply("?", True)]
    scores = Scores()
    search_suite.report(subject, asked, turns, alone, scores)
    assert {row["suite"] for row in scores.rows} == {"search"}
    row = of(scores, "never_search", "accuracy")
    assert (row["value"], row["n"], row["low"], row["high"]) == (0.5, 2, *wilson(1, 2))
    assert of(scores, "never_random", "accuracy")["value"] == 0.0
    assert of(scores, "never_alone", "accuracy")["value"] == 0.5  # one did not end by itself
    assert of(scores, "often_search", "accuracy")["value"] == 0.5
    assert of(scores, "often_random", "accuracy")["value"] == 0.5
    assert of(scores, "often_alone", "accuracy")["value"] == 0.5
    assert of(scores, "never_search", "call_rate")["value"] == 1.0
    assert of(scores, "never_random", "call_rate")["value"] == 0.5
    assert of(scores, "often_search", "call_rate")["value"] == 0.5
    assert of(scores, "adaptive", "call_rate_difference")["value"] == 0.5
    assert of(scores, "never_search", "found")["value"] == 0.5
    row = of(scores, "citations", "precision")
    assert (row["value"], row["n"]) == (pytest.approx(1 / 3), 3)
    row = of(scores, "citations", "right_and_cited")
    assert (row["value"], row["n"]) == (1.0, 1)
    assert of(scores, "often_search", "tokens")["value"] == 30
    assert of(scores, "often_alone", "tokens")["value"] == pytest.approx(
        sum(len(subject.tokenizer.encode(t)) + 1 for t in ("Ely", "?")) / 2
    )
    assert [s["correct"] for s in scores.samples] == [True, False, True, False]
    assert {"tokens", "call_rate_difference"} <= {*NO_COUNTS}


def reply(tokenizer, text, *outputs, ended="stop"):
    call = ToolCall("search", json.dumps({"query": "x"}))
    messages = [m for o in outputs for m in (assistant("", [call]), tool(o))]
    tokens = [tokenizer.special("<tool_call>")] * len(outputs) + [0]
    return ToolReply(
        tokens,
        [0.0] * len(tokens),
        [True] * len(tokens),
        (*messages, assistant(text)),
        tuple(AnsweredCall(call, ToolOutput(output)) for output in outputs),
        len(outputs),
        ended,
    )


@pytest.mark.parametrize(
    ("text", "output", "ended", "right", "found", "cited"),
    [
        ("In Hale. [3]", "[3] Ada Abel was born in Hale.", "stop", True, True, (True,)),
        ("In Hale. [3]", "[3] Ada Abel was born in Hale.", "length", False, True, (True,)),
        ("In Hale. [4]", "[3] Ada Abel of Hale.\n[4] x", "stop", True, True, (False,)),
        ("In Hale. [9]", "[3] Ada Abel of Hale.", "stop", True, True, (False,)),
        ("In Hale.", "[3] Somebody of Hale.", "stop", True, False, ()),
        ("In Rye. [3]", "[3] Ada Abel was born in Hale.", "stop", False, True, (True,)),
        ("I found nothing.", "Nothing found.", "stop", False, False, ()),
    ],
)
def test_what_a_turn_is(subject, text, output, ended, right, found, cited):
    given = reply(subject.tokenizer, text, output, ended=ended)
    made = search_suite._turn(FACTS[0], given, subject)
    assert (made.right, made.found, made.cited) == (right, found, cited)
    assert made.called
    assert made.tokens == 2
    none = search_suite._turn(FACTS[0], reply(subject.tokenizer, "In Hale."), subject)
    assert none.right
    assert not none.called
    forced = dataclasses.replace(given, sampled=[False] * 2)
    assert not search_suite._turn(FACTS[0], forced, subject).called


def test_each_retriever_is_asked_on_one_index_with_pages_of_the_corpus(
    subject, tmp_path, monkeypatch
):
    corpus = write_corpus(tmp_path / "corpus", TEXTS)
    seen: list[Any] = []
    own = search_suite.search_tool

    def spied(retriever, config):
        seen.append((retriever, config))
        return own(retriever, config)

    found: dict[str, Any] = {}

    def asked(engine, tokenizer, talks, toolbox, **settings):
        (tool_,) = toolbox.tools
        questions = [talk[0].content for talk in talks]
        outputs = [tool_.call({"query": text}) for text in questions]
        found[["search", "random", "empty"][len(found)]] = outputs
        return [[reply(tokenizer, "In Hale.", output)] for output in outputs]

    texts: list[str] = []
    index_of = search_suite.index_of

    def indexed(given, characters, scratch):
        texts.extend(given)
        return index_of(given, characters, scratch)

    monkeypatch.setattr(search_suite, "index_of", indexed)
    monkeypatch.setattr(search_suite, "search_tool", spied)
    monkeypatch.setattr(search_suite, "replies", asked)
    scores = Scores()
    search_suite.measure(subject, corpus, FACTS, scores, Progress(io.StringIO()))
    index, random, empty = (retriever for retriever, _ in seen)
    assert isinstance(random, RandomRetriever)
    assert random.index is index
    assert isinstance(empty, EmptyRetriever)
    assert {config.passages for _, config in seen} == {2}
    drawn = draw(FACTS, 2, 0)
    for each, output in zip(drawn[:2], found["search"]):
        assert each["entity"] in output
    assert {*found["empty"]} == {"Nothing found."}
    assert texts == [*pages(FACTS), *TEXTS[:3]]
    assert any("Cora Cole was born in Ely." in output for output in found["search"])
    assert of(scores, "never_search", "found")["value"] == 1.0
    assert of(scores, "never_empty", "accuracy")["n"] == 2


def test_a_real_model_is_asked(subject, tmp_path):
    corpus = write_corpus(tmp_path / "corpus", TEXTS)
    scores = Scores()
    search_suite.measure(subject, corpus, FACTS, scores, Progress(io.StringIO()))
    tasks = {(row["task"], row["metric"]): row["n"] for row in scores.rows}
    for group in ("never", "often"):
        for way in ("search", "random", "empty"):
            assert tasks[f"{group}_{way}", "accuracy"] == tasks[f"{group}_{way}", "tokens"] == 2
    assert tasks["adaptive", "call_rate_difference"] == 4


def test_what_has_no_room_is_said_and_without_facts_nothing_is_asked(chat_model, tmp_path):
    corpus = write_corpus(tmp_path / "corpus", TEXTS)
    model, tokenizer = chat_model
    subject = Subject(model, tokenizer, CONFIG)
    scores, said = Scores(), io.StringIO()
    search_suite.measure(subject, corpus, FACTS, scores, Progress(said))
    assert "4 of 4 questions leave no room for a call" in said.getvalue()
    search_suite.measure(subject, corpus, [], scores, Progress(said))
    assert "no facts of a sample web" in said.getvalue()
    assert not scores.rows


def test_the_suite_is_asked_for_by_name_alone():
    assert "search" in ALL_SUITES
    assert "search" not in SUITES
