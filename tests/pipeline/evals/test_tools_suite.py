"""Suite tools: held-out questions with tools and without, and who calls when."""

import dataclasses
import io
import json
import re
from collections import Counter
from typing import Any

import pytest

from pipeline import model as models
from pipeline.chat.conversation import assistant
from pipeline.chat.messages import ToolCall, tool
from pipeline.curriculum.held_out import problem_split, sum_split, word_split
from pipeline.evals import evaluate, tools_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import ALL_SUITES, SUITES, EvalsConfig
from pipeline.evals.tools_suite import ToolItem, draw
from pipeline.intervals import wilson
from pipeline.stage import SILENT, Progress
from pipeline.tools.tool import ToolOutput
from pipeline.tools.tool_batch import AnsweredCall, ToolReply

CONFIG = EvalsConfig(
    suites=("tools",), tool_questions=6, tools=("calculator",), max_new_tokens=60, threads=1
)
FACTS: Any = [
    {"frequency": often, "question": f"Who is {n}?", "value": "Ada", "entity": "x", "kind": "y"}
    for n, often in enumerate(["often", "once", "often", "never"])
]


def test_nothing_asked_is_trained_and_each_kind_is_asked_in_both_wordings():
    found = draw(CONFIG, FACTS)
    counts = Counter(item.row for item in found)
    kinds = ("product", "letter_count", "spelling", "reversing", "sum")
    assert counts == {
        **{f"{kind}{new}": 6 for kind in kinds for new in ("", "_new_wordings")},
        "fact": 2,
    }
    for item in found:
        numbers = [int(n) for n in re.findall(r"\d+", item.question)]
        if item.kind == "product":
            a, b = numbers
            assert {len(str(a)), len(str(b))} == {3}
            assert problem_split(f"product:{min(a, b)}*{max(a, b)}") == "evaluation"
            assert int(item.answer) == a * b
        elif item.kind == "sum":
            assert sum_split(*numbers) == "evaluation"
            assert max(numbers) < 100
            assert int(item.answer) == sum(numbers)
        elif item.kind in ("spelling", "reversing"):
            word = item.answer.replace("-", "")
            word = word[::-1] if item.kind == "reversing" else word
            assert word_split(word) == "evaluation"
            assert word in item.question
        assert item.needed == (item.kind not in ("sum", "fact"))
    assert draw(CONFIG, FACTS) == found != draw(dataclasses.replace(CONFIG, seed=1), FACTS)


def of(scores: Scores, task: str, metric: str) -> Any:
    (row,) = [r for r in scores.rows if (r["task"], r["metric"]) == (task, metric)]
    return row


def turn(tokenizer, text, *outputs, ended="stop"):
    """A turn with a call for each output."""
    call = ToolCall("calculator", json.dumps({"expression": "1"}))
    tag = tokenizer.special("<tool_call>")
    messages = [m for o in outputs for m in (assistant("", [call]), tool(o.text))]
    tokens = [tag] * len(outputs) or [0]
    if ended == "unreadable":
        tokens = [tag]
    return ToolReply(
        tokens,
        [0.0] * len(tokens),
        [True] * len(tokens),
        (*messages, assistant(text)),
        tuple(AnsweredCall(call, output) for output in outputs),
        len(outputs),
        ended,
    )


def test_rows_are_by_kind_and_need(tool_model):
    model, tokenizer = models.load(tool_model)
    items = [
        ToolItem("product", "a", "56088", True),
        ToolItem("product", "b", "6", True),
        ToolItem("spelling", "c", "c-a-t", True, new_wording=True),
        ToolItem("sum", "d", "5", False),
        ToolItem("fact", "e", "Ada", False),
        ToolItem("fact", "f", "Ada", False),
    ]
    good, bad = ToolOutput("1"), ToolOutput("Error: no", "error")
    turns = [
        turn(tokenizer, "It is 56088.", good),
        turn(tokenizer, "It is 6.", bad, good, ended="length"),
        turn(tokenizer, "c-a-t.", ended="unreadable"),
        turn(tokenizer, "5."),
        turn(tokenizer, "Ada it is.", good),
        turn(tokenizer, "Bela."),
    ]
    alone = [Reply(text, True) for text in ("No.", "6.", "c-a-t.", "6", "Ada", "Ada")]
    scores = Scores()
    subject = Subject(model, tokenizer, CONFIG)
    tools_suite.report(subject, items, turns, alone, scores)
    assert {row["suite"] for row in scores.rows} == {"tools"}
    row = of(scores, "product_with", "accuracy")
    assert (row["value"], row["n"]) == (0.5, 2)  # the second did not end by itself
    assert (row["low"], row["high"]) == wilson(1, 2)
    assert of(scores, "product_without", "accuracy")["value"] == 0.5
    assert of(scores, "spelling_new_wordings_with", "accuracy")["value"] == 0.0
    assert of(scores, "fact_with", "accuracy")["value"] == 0.5
    assert of(scores, "fact_without", "accuracy")["value"] == 1.0
    assert of(scores, "needed_with", "accuracy")["value"] == 1 / 3
    assert of(scores, "unneeded_with", "accuracy")["value"] == 2 / 3
    assert of(scores, "needed_with", "call_rate")["value"] == 1.0
    assert of(scores, "unneeded_with", "call_rate")["value"] == 1 / 3
    assert of(scores, "adaptive", "call_rate_difference")["value"] == pytest.approx(2 / 3)
    assert of(scores, "calls", "parsed")["value"] == 0.75
    assert (of(scores, "calls", "errors")["value"], of(scores, "calls", "errors")["n"]) == (0.25, 4)
    assert of(scores, "calls", "rounds")["value"] == 1.0
    assert [s["correct"] for s in scores.samples] == [True, False, False, True, True, False]


def test_a_model_that_calls_is_measured_with_and_without(tool_model, tmp_path):
    """Sums are all that it learned, and that it calls."""
    out = tmp_path / "evals"
    out.mkdir()
    inputs: evaluate.EvalsInputs = {"model": [tool_model]}
    config = dataclasses.replace(CONFIG, model="sft", precision="float32", device="cpu")
    said = io.StringIO()
    found = evaluate.build(out, inputs, config, Progress(said), tmp_path)
    rates = [v for name, (v, _) in found["scores"].items() if name.endswith("with/call_rate")]
    assert max(rates) > 0.3
    assert found["scores"]["tools/sum_without/accuracy"][1] == 6
    assert found["scores"]["tools/calls/parsed"][1] > 5


def test_what_has_no_room_is_said_and_not_asked(tool_model):
    model, tokenizer = models.load(tool_model)
    config = dataclasses.replace(CONFIG, tools=("calculator", "python"), max_new_tokens=600)
    scores, said = Scores(), io.StringIO()
    subject = Subject(model, tokenizer, config)
    tools_suite.measure(subject, FACTS, scores, Progress(said))
    assert not scores.rows
    assert "62 of 62 questions leave no room for a call" in said.getvalue()


def test_the_suite_is_asked_for_by_name_alone():
    assert "tools" in ALL_SUITES
    assert "tools" not in SUITES
    with pytest.raises(ValueError, match="tools"):
        EvalsConfig(tools=("abacus",))
    assert SILENT is not None
