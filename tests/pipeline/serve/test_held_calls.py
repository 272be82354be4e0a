"""Calls that a grammar holds: parts, joined, are the parser's calls; or cut ones, nothing else."""

import functools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conversations import drawn, json_objects, typed_text
from random_models import byte_tokenizer

from pipeline.chat.conversation import STOP, Message, ToolCall, assistant, parse_reply, render, user
from pipeline.chat.messages import canonical_json
from pipeline.serve.held_calls import CallPart
from pipeline.serve.reply_events import CallBegun, CallMade, CallPiece
from pipeline.serve.reply_stream import ReplyEnd, ReplyStream
from pipeline.tokenizer import Tokenizer

Told = list[str | CallPart]


@functools.cache
def tokenizer() -> Tokenizer:
    return byte_tokenizer().with_conversation_tokens()


def written(said: Message) -> list[int]:
    ids, mask = render([user("x"), said], tokenizer())
    return [token for token, own in zip(ids, mask) if own]


def read(
    tokens: Sequence[int], sizes: Sequence[int], stops: Sequence[str] = ()
) -> tuple[Told, ReplyEnd]:
    """Texts and parts of calls in the order in which they come, of tokens in pieces."""
    stream = ReplyStream(
        tokenizer(),
        stop_tokens=(tokenizer().special(STOP), tokenizer().document_token),
        stop_strings=stops,
        held=True,
    )
    told: Told = []
    at = number = 0
    while at < len(tokens):
        size = sizes[min(number, len(sizes) - 1)]
        told += [stream.push(tokens[at : at + size]), *stream.call_parts()]
        at, number = at + size, number + 1
    end = stream.finish()
    return [one for one in [*told, end.text, *stream.call_parts()] if one != ""], end


def joined(told: Told) -> tuple[str, list[CallMade]]:
    """The text, and each call as its parts say it."""
    text = ""
    calls: list[CallMade] = []
    began: ToolCall | None = None
    arguments = ""
    for one in told:
        if isinstance(one, str):
            assert began is None
            assert not calls
            text += one
        elif isinstance(one, CallBegun):
            assert began is None
            assert one.call.arguments == ""
            began, arguments = one.call, ""
        elif isinstance(one, CallPiece):
            assert began is not None
            assert one.arguments
            arguments += one.arguments
        else:
            assert began is not None
            assert one.call == ToolCall(began.name, arguments)
            calls.append(one)
            began = None
    assert began is None
    return text, calls


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=20)
calls = st.builds(
    ToolCall,
    st.sampled_from(["search", "名前", "a.b", "two words"]),
    json_objects(typed_text).map(canonical_json),
)
replies = st.builds(assistant, typed_text, st.lists(calls, min_size=1, max_size=3))


@drawn
@given(replies, sizes, st.booleans())
def test_joined_parts_are_the_message(said: Message, cuts: list[int], ends: bool) -> None:
    tokens = written(said) if ends else written(said)[:-1]
    told, end = read(tokens, cuts)
    text, made = joined(told)
    assert (text, tuple(one.call for one in made)) == (said.content, said.tool_calls)
    assert not any(one.cut for one in made)
    assert end == ReplyEnd(end.text)
    whole = parse_reply(tokens, tokenizer())
    assert (text, tuple(one.call for one in made)) == (whole.content, whole.tool_calls)


@drawn
@given(replies, sizes, st.data())
def test_a_reply_may_end_anywhere(said: Message, cuts: list[int], data: st.DataObject) -> None:
    """What was told before is never taken back: the beginning of a call, or of the text."""
    tokens = written(said)[:-1]
    tokens = tokens[: data.draw(st.integers(0, len(tokens)))]
    told, end = read(tokens, cuts)
    text, made = joined(told)
    assert read(tokens, [len(tokens) + 1])[1].unreadable == end.unreadable
    if end.unreadable:  # no name was known: what has come is text
        assert not made
        left_out = {tokenizer().special("<tool_call>")}
        assert text == tokenizer().decode([token for token in tokens if token not in left_out])
        return
    assert said.content.startswith(text.removesuffix("\n").removesuffix("\ufffd"))
    if made:
        assert text == said.content
    for one, meant in zip(made, said.tool_calls):
        assert one.call.name == meant.name
        assert meant.arguments.startswith(one.call.arguments)
        assert one.cut == (one.call.arguments != meant.arguments)
    assert not any(one.cut for one in made[:-1])


@drawn
@given(replies, sizes, st.data())
def test_a_stop_string_cuts_a_call(said: Message, cuts: list[int], data: st.DataObject) -> None:
    """The same, whatever pieces come; it and what may be its beginning are not told."""
    tokens = written(said)
    text = tokenizer().decode(tokens[:-1])
    at = data.draw(st.integers(0, len(text) - 1))
    stop = text[at : at + data.draw(st.integers(1, 4))]
    told, end = read(tokens, cuts, [stop])
    ends = read(tokens, [len(tokens)], [stop])
    assert joined(told) == joined(ends[0])
    assert end.unreadable == ends[1].unreadable
    for one in joined(told)[1]:
        assert stop not in one.call.arguments or not one.cut


def test_arguments_come_while_they_are_written() -> None:
    said = assistant("So:", [ToolCall("f", '{"a": "bc", "d": 1}'), ToolCall("g", "{}")])
    told, _ = read(written(said), [1])
    assert told[-14:] == [
        CallBegun(ToolCall("f", "")),
        *map(CallPiece, ("{", '"a": ', '"', "b", "c", '"', ', "d": ', "1}")),
        CallMade(said.tool_calls[0]),
        CallBegun(ToolCall("g", "")),
        *map(CallPiece, ("{", "}")),
        CallMade(said.tool_calls[1]),
    ]
    assert "".join(one for one in told if isinstance(one, str)) == "So:"


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ('\n{"name": "f", "arg', None),
        ('\n{"name": "f", "arguments": ', None),
        ('\n{"name": "f", "arguments": {', CallMade(ToolCall("f", "{"), cut=True)),
        ('\n{"name": "f", "arguments": {"a": "b', CallMade(ToolCall("f", '{"a": "b'), cut=True)),
        ('\n{"name": "f", "arguments": {"a": 12', CallMade(ToolCall("f", '{"a": '), cut=True)),
        ('\n{"name": "f", "arguments": {}', CallMade(ToolCall("f", "{}"))),
        ('\n{"name": "f", "arguments": {}}\n', CallMade(ToolCall("f", "{}"))),
    ],
)
def test_where_a_call_is_cut(body: str, made: CallMade | None) -> None:
    tokens = [*tokenizer().encode("Hm\n"), tokenizer().special("<tool_call>")]
    told, end = read([*tokens, *tokenizer().encode(body)], [2])
    text, found = joined(told)
    assert found == ([] if made is None else [made])
    assert text == ("Hm\n" + body if made is None else "Hm")
    assert end.unreadable == (made is None)


def test_half_a_character_before_a_call_is_the_replacement() -> None:
    half = tokenizer().encode("é")[:1]
    call = written(assistant("", [ToolCall("f", "{}")]))
    for size in (1, 40):
        assert joined(read([*half, *call], [size])[0])[0] == "\ufffd"


def test_other_control_tokens_before_it_make_it_text() -> None:
    start = [*tokenizer().encode("a"), tokenizer().special("<|im_start|>")]
    told, end = read([*start, *written(assistant("", [ToolCall("f", "{}")]))], [3])
    assert joined(told) == ('a\n{"name": "f", "arguments": {}}\n', [])
    assert end.unreadable
