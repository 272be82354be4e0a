"""Conversations with tools: outputs are true, offers vary, what isn't there is not called."""

import json
import random
from collections import Counter
from typing import Any

import pytest

from pipeline.chat.conversation import assistant, check, from_row, mask_of, render, user
from pipeline.chat.messages import ToolCall
from pipeline.sft import conversations, sources_with_outputs, tool_conversations, tool_questions
from pipeline.sft.config import ConversationsConfig
from pipeline.sft.tool_questions import ToolQuestion
from pipeline.stage import SILENT
from pipeline.tools.config import NAMES, ToolLimits
from pipeline.tools.named_tools import named
from pipeline.tools.tool import Tool
from pipeline.tools.toolbox import Toolbox
from storage.errors import UserError
from storage.tables import read_table

SMALL: Any = {
    **{"facts": 40, "reading": 10, "definitions": 5, "arithmetic": 60, "spelling": 10},
    **{"small_talk": 20, "identity": 10, "refusals": 5, "harmless": 5, "personas": 5},
    **{"chains": 10, "validation_fraction": 0.1},
}
CONFIG = ConversationsConfig(**SMALL, tools=100, max_tokens=3_000)


def made(post_training, out, config):
    out.mkdir(exist_ok=True)
    inputs: conversations.ConversationsInputs = {
        "corpus": [post_training.corpus],
        "tokenizer": [post_training.tokenizer],
    }
    conversations.build(out, inputs, config, SILENT, out)
    return read_table(out / "conversations.parquet").to_pylist()


@pytest.fixture(scope="module")
def talks(post_training, tmp_path_factory):
    rows = made(post_training, tmp_path_factory.mktemp("tools") / "a", CONFIG)
    return rows, [row for row in rows if row["source"] == "tools"]


def names_of(row):
    return [json.loads(text)["function"]["name"] for text in row["tools"]]


def calls_of(row):
    return [call for said in row["messages"] for call in said["tool_calls"]]


def test_every_output_is_what_the_tool_says(talks):
    _, rows = talks
    outputs = 0
    with named(NAMES) as box:
        for row in rows:
            talk = from_row(row)
            check(talk)
            calls = [call for said in talk.messages for call in said.tool_calls]
            told = [said.content for said in talk.messages if said.role == "tool"]
            assert [output.text for output in box.answer_all(calls)] == told
            outputs += len(told)
            assert {call.name for call in calls} <= set(names_of(row))
            for output in told:
                value = output.rpartition("Error: ")[2].strip("'").rstrip(".")
                assert value in talk.messages[-1].content
    assert outputs > 45


def test_shares_are_the_configs_and_offers_vary(talks):
    rows, tools = talks
    assert len(tools) == 100
    easy = (*sources_with_outputs.WITHOUT_TOOLS, "arithmetic")
    plain = {row["messages"][-2]["content"] for row in rows if row["source"] in easy}
    unneeded = [row for row in tools if row["messages"][-2]["content"] in plain]
    assert len(unneeded) == 30
    assert all(row["tools"] and not calls_of(row) for row in unneeded)
    calling = [row for row in tools if calls_of(row)]
    missing = [row for row in tools if not calls_of(row) and row not in unneeded]
    assert 8 <= len(missing) <= 22
    assert len(calling) == 70 - len(missing)
    assert any(not row["tools"] for row in missing)
    assert any(row["tools"] for row in missing)
    offered = Counter(tuple(names_of(row)) for row in tools)
    assert {("calculator", "python"), ("python", "calculator")} <= offered.keys()
    assert {("calculator",), ("python",)} <= offered.keys()
    by_name = Counter(call["name"] for row in calling for call in calls_of(row))
    assert min(by_name["calculator"], by_name["python"]) > 10


def test_the_mask_learns_the_calls_and_never_the_outputs(talks, chat_tokenizer):
    _, rows = talks
    for row in rows:
        ids, mask = render(from_row(row), chat_tokenizer)
        assert mask_of(row["loss_spans"], len(ids)) == mask
        learned = chat_tokenizer.decode([id for id, own in zip(ids, mask) if own])
        for call in calls_of(row):
            assert call["name"] in learned
        assert "tool_response" not in learned


def test_validation_is_by_what_is_asked(talks):
    _, rows = talks
    asked: dict[str, set[str]] = {"train": set(), "validation": set()}
    for row in rows:
        asked[row["split"]].add(row["messages"][0]["content"])
    assert asked["validation"]
    assert not asked["train"] & asked["validation"]


def test_the_others_stay_as_they_were_and_reruns_are_the_same(talks, post_training, tmp_path):
    rows, _ = talks
    without = made(post_training, tmp_path / "b", ConversationsConfig(**SMALL, max_tokens=3_000))
    assert not any(row["tools"] for row in without)

    def said(rows):
        return sorted(json.dumps(row["messages"]) for row in rows if row["source"] != "tools")

    assert said(without) == said(rows)
    assert made(post_training, tmp_path / "c", CONFIG) == rows


def test_tools_that_do_not_fit_are_one_line(post_training, tmp_path):
    config = ConversationsConfig(**SMALL, tools=20)
    with pytest.raises(UserError, match=r"no conversation with tools fits 190 tokens: raise"):
        made(post_training, tmp_path / "d", config)


def test_passages_need_no_more_than_a_tool_and_questions():
    """How a search joins: its own tool, its own questions."""
    schema = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    search = Tool("search", "Finds.", schema, lambda g: f"[7] {g['query']}: green", ToolLimits())
    question = ToolQuestion(
        "What colour is the door?",
        "entity:door",
        {"search": {"query": "door"}},
        lambda output: output.text.rpartition(": ")[2] + " [7]",
        "I don't know.",
    )
    box = Toolbox((search,))
    (talk,) = tool_conversations.answered([question], box, 0.0, random.Random(0))
    call = ToolCall("search", '{"query": "door"}')
    assert talk.tools == box.definitions
    assert talk.messages[1:2] == (assistant("", [call]),)
    assert talk.messages[-1] == assistant("green [7]")
    (alone,) = tool_conversations.answered([question], box, 1.0, random.Random(0))
    assert (alone.messages, alone.tools) == (
        (user(question.question), assistant("I don't know.")),
        (),
    )


def test_shares_beyond_all_are_refused():
    with pytest.raises(ValueError, match="more than 1 together"):
        ConversationsConfig(tools_unneeded_share=0.7, tools_missing_share=0.4)
    assert tool_questions.draw(3, random.Random(0))
