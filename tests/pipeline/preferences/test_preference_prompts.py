"""Prompts go into their table and come back as they were."""

import dataclasses

import pytest

from pipeline.chat.conversation import ToolCall, assistant, system, tool, user
from pipeline.preferences.preference_prompts import (
    PreferencePrompt,
    prompt_id,
    read_prompts,
    write_prompts,
)
from storage.errors import UserError

TOOL = '{"type":"function","function":{"name":"add"}}'


def made(*messages, **more):
    return PreferencePrompt(prompt_id(messages, more.get("tools", ())), messages, **more)


def test_prompts_come_back_as_they_were(tmp_path):
    prompts = [
        made(user("Who?"), kind="fact", answer="Ada", aliases=("Eve",), origin="d1"),
        made(system("Be brief."), user("Hi"), split="validation", kind="request", answer="Hello!"),
        made(
            user("2 + 2?"),
            assistant("", (ToolCall("add", '{"a":2}', "1"),)),
            tool("4", "1"),
            tools=(TOOL,),
        ),
    ]
    write_prompts(prompts, tmp_path)
    assert read_prompts(tmp_path, "train") == [prompts[0], prompts[2]]
    assert read_prompts(tmp_path, "validation") == [prompts[1]]


def test_an_id_is_of_all_messages_and_tools():
    ids = {
        prompt_id(messages, tools)
        for messages in ((user("a"),), (user("b"),), (system("s"), user("a")))
        for tools in ((), (TOOL,))
    }
    assert len(ids) == 6
    assert prompt_id([user("a")]) == prompt_id((user("a"),))


def test_the_question_is_what_the_user_said_last():
    talk = made(user("one"), assistant("well"), user("two"))
    assert talk.question == "two"
    assert dataclasses.replace(talk, messages=()).question == ""
    assert made(user("x"), answer="1", aliases=("2",)).right_answers == ("1", "2")
    assert made(user("x")).right_answers == ()


def test_another_artifact_has_no_prompts(tmp_path):
    with pytest.raises(UserError, match=r"no prompts\.parquet"):
        read_prompts(tmp_path, "train")
