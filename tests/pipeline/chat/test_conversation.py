"""The mask covers exactly what the assistant wrote, its stop token included, whatever is said."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conversations import conversations, drawn

from pipeline.chat.conversation import (
    START,
    STOP,
    Conversation,
    ToolCall,
    after_calls,
    after_reply,
    assistant,
    decode,
    mask_of,
    normal,
    parse_reply,
    prompt,
    render,
    spans,
    system,
    tool,
    user,
)
from pipeline.chat.messages import answers
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from storage.errors import UserError

ADD = ToolCall("add", '{"a": 12, "b": 30}', "call_1")
NOW = ToolCall("now", "{}", "call_2")
TOOLS = ('{"type": "function", "function": {"name": "add"}}',)
CALLS = Conversation(
    (user("What is 12 + 30?"), assistant("One moment.", [ADD, NOW]), tool("noon", "call_2"),
     tool("42", "call_1"), assistant("It is 42.")),
    TOOLS,
)  # fmt: skip


@drawn
@given(talk=conversations())
def test_mask_covers_the_assistant_and_its_stop_token_alone(chat_tokenizer, talk):
    ids, mask = render(talk, chat_tokenizer)
    learned = [ids[start:end] for start, end in spans(mask)]
    said = [m for m in normal(talk).messages if m.role == "assistant"]
    assert len(ids) == len(mask)
    assert [part[-1] for part in learned] == [chat_tokenizer.special(STOP)] * len(said)
    assert [parse_reply(part, chat_tokenizer) for part in learned] == said


@drawn
@given(talk=conversations())
def test_no_text_can_write_a_control_token(chat_tokenizer, talk):
    ids, _ = render(talk, chat_tokenizer)
    name_of = {chat_tokenizer.special(name): name for name in CONVERSATION_TOKENS}
    found = [name_of[id] for id in ids if id in name_of]
    start, stop, call, call_end, output, output_end = CONVERSATION_TOKENS
    wanted = [start, call, call_end, call, call_end, stop] if talk.tools else []
    due = given_ = 0  # calls of the last assistant message, and outputs since
    for said in normal(talk).messages:
        if said.role == "tool":
            given_ += 1
            wanted += [] if given_ > 1 else [start]
            wanted += [output, output_end, *([stop] if given_ == due else [])]
        elif said.role != "system" or not talk.tools:
            due, given_ = len(said.tool_calls), 0
            wanted += [start, *[call, call_end] * due, stop]
    assert found == wanted
    assert chat_tokenizer.document_token not in ids


@drawn
@given(talk=conversations())
def test_a_conversation_comes_back_from_its_tokens(chat_tokenizer, talk):
    ids, _ = render(talk, chat_tokenizer)
    assert decode(ids, chat_tokenizer) == normal(talk)
    assert render(normal(talk), chat_tokenizer)[0] == ids


@drawn
@given(talk=conversations())
def test_the_first_messages_are_a_prefix_of_all(chat_tokenizer, talk):
    """For every number of messages, so that what was read once need not be read again."""
    ids, mask = render(talk, chat_tokenizer)
    before = 0
    for count in range(1, len(talk.messages) + 1):
        part = dataclasses.replace(talk, messages=talk.messages[:count])
        first, first_mask = render(part, chat_tokenizer)
        assert ids[: len(first)] == first
        assert mask[: len(first)] == first_mask
        assert len(first) >= before
        before = len(first)
        if talk.messages[count - 1].role == "assistant" and count > 1:
            start = prompt(dataclasses.replace(part, messages=part.messages[:-1]), chat_tokenizer)
            assert ids[: len(start)] == start
            assert not any(mask[len(start) - 3 : len(start)])
            assert mask[len(start)] == 1


@given(st.lists(st.integers(0, 1), max_size=50))
def test_spans_and_masks_are_inverse(mask):
    assert mask_of(spans(mask), len(mask)) == mask


def test_turns_without_tools_are_plain_chatml(chat_tokenizer):
    messages = [system("Be brief."), user("Hi \n"), assistant(""), user(""), assistant("\n3")]
    ids, mask = render(messages, chat_tokenizer)
    start, stop = chat_tokenizer.special(START), chat_tokenizer.special(STOP)
    encode = chat_tokenizer.encode
    assert ids == [
        *[start, *encode("system\nBe brief."), stop, *encode("\n")],
        *[start, *encode("user\nHi \n"), stop, *encode("\n")],
        *[start, *encode("assistant\n"), stop, *encode("\n")],
        *[start, *encode("user\n"), stop, *encode("\n")],
        # the reply's line break is no part of the header's, after which generation starts
        *[start, *encode("assistant\n"), *encode("\n3"), stop, *encode("\n")],
    ]
    assert sum(mask) == len([stop, *encode("\n3"), stop])


def test_outputs_stand_in_the_order_of_their_calls(chat_tokenizer):
    text = chat_tokenizer.decode(render(CALLS, chat_tokenizer)[0])
    assert "\n42\n</tool_response>\n<tool_response>\nnoon\n" in text
    # the first to come answers the second call: it waits until the first is answered
    part = dataclasses.replace(CALLS, messages=CALLS.messages[:3])
    assert "<tool_response>" not in chat_tokenizer.decode(render(part, chat_tokenizer)[0])
    assert [m.content for m in normal(CALLS).messages] == [
        *["What is 12 + 30?", "One moment.", "42", "noon", "It is 42."]
    ]


@pytest.mark.parametrize(
    ("count", "why"),
    [
        (2, "message 2 .* 2 of 2 tool calls"),
        (3, "1 of 2 tool calls"),
        (5, "'assistant' and is the last"),
    ],
)
def test_a_prompt_is_refused_where_the_assistant_is_not_due(chat_tokenizer, count, why):
    part = dataclasses.replace(CALLS, messages=CALLS.messages[:count])
    with pytest.raises(UserError, match=why):
        prompt(part, chat_tokenizer)
    prompt(dataclasses.replace(CALLS, messages=CALLS.messages[:4]), chat_tokenizer)
    with pytest.raises(UserError, match="'system' and is the last"):
        prompt([system("Be brief.")], chat_tokenizer)


def test_a_reply_is_read_from_ids_and_from_text(chat_tokenizer):
    ids, mask = render(CALLS, chat_tokenizer)
    start, end = spans(mask)[0]
    said = normal(CALLS).messages[1]
    for reply in (ids[start:end], ids[start : end - 1]):
        assert parse_reply(reply, chat_tokenizer) == said
    assert parse_reply(chat_tokenizer.decode(ids[start:end]), chat_tokenizer) == said
    # as text, what is spelled like a tag is one; as ids, only the tokens are
    typed = assistant('<tool_call>{"name": "add"}')
    assert parse_reply(chat_tokenizer.encode(typed.content), chat_tokenizer) == typed
    with pytest.raises(UserError):
        parse_reply(typed.content, chat_tokenizer)


@pytest.mark.parametrize(
    "ids",
    [
        lambda t: t.encode("user\nhi"),
        lambda t: [t.special(START), t.special(STOP), *t.encode("\n")],
        lambda t: [t.special(START), *t.encode("user"), t.special(STOP), *t.encode("\n")],
        lambda t: [t.special(START), *t.encode("user\nhi"), t.special(STOP), *t.encode(" ")],
        lambda t: [t.special(START), *t.encode("user\nhi"), t.special("</tool_call>")],
        lambda t: [t.special(START), *t.encode("system\nhi"), t.special("<tool_call>")],
        lambda t: [t.special(START), *t.encode("tool\nhi"), t.special("<tool_call>")],
        lambda t: [t.special(START), *t.encode("user\n"), t.special("<tool_response>")],
        lambda t: render([user("a"), assistant("b")], t)[0] * 2 + [t.special(STOP)],
    ],
)
def test_tokens_that_are_no_conversation_are_refused(chat_tokenizer, ids):
    with pytest.raises(UserError, match=r"turn|conversation"):
        decode(ids(chat_tokenizer), chat_tokenizer)


def test_a_base_tokenizer_is_refused(post_training):
    with pytest.raises(UserError, match="im_start"):
        render([user("Hello.")], Tokenizer.load(post_training.tokenizer))


@drawn
@given(conversations())
def test_what_follows_a_reply_is_what_the_prompt_goes_on_with(chat_tokenizer, talk):
    """The tokens up to a reply and what the user says then are the prompt with it."""
    for at, said in enumerate(talk.messages[1:], 1):
        if said.role != "user" or talk.messages[at - 1].role != "assistant":
            continue
        before, through = (
            dataclasses.replace(talk, messages=talk.messages[:end]) for end in (at, at + 1)
        )
        ids = render(before, chat_tokenizer)[0]
        ids = ids[: len(ids) - len(chat_tokenizer.encode("\n"))]  # as a model stops
        assert ids + after_reply(said.content, chat_tokenizer) == prompt(through, chat_tokenizer)


@drawn
@given(conversations())
def test_what_follows_calls_is_what_the_prompt_goes_on_with(chat_tokenizer, talk):
    """The tokens up to the calls and what the host appends are the prompt with the outputs."""
    for at, said in enumerate(talk.messages):
        if not said.tool_calls or None in (found := answers(talk.messages, at)):
            continue
        outputs = [output for output in found if output is not None]
        before = dataclasses.replace(talk, messages=talk.messages[: at + 1])
        through = dataclasses.replace(talk, messages=talk.messages[: at + 1 + len(outputs)])
        ids = render(before, chat_tokenizer)[0]
        ids = ids[: len(ids) - len(chat_tokenizer.encode("\n"))]  # as a model stops
        texts = [output.content for output in outputs]
        assert ids + after_calls(texts, chat_tokenizer) == prompt(through, chat_tokenizer)
