"""Pieces of a reply, joined, are the parser's message of the whole; none is ever taken back."""

import functools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conversations import drawn, json_objects, typed_text, unicode_text
from random_models import byte_tokenizer

from pipeline.chat.conversation import STOP, Message, ToolCall, assistant, parse_reply, render, user
from pipeline.chat.messages import canonical_json
from pipeline.model.stop_strings import pieces as text_pieces
from pipeline.serve.reply_stream import ReplyEnd, ReplyStream
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from storage.errors import UserError


@functools.cache
def tokenizer() -> Tokenizer:
    """Bytes: a character of two bytes is two tokens."""
    return byte_tokenizer().with_conversation_tokens()


def written(said: Message) -> list[int]:
    ids, mask = render([user("x"), said], tokenizer())
    return [token for token, own in zip(ids, mask) if own]


def control(name: str) -> int:
    return tokenizer().special(name)


def stop_tokens() -> tuple[int, ...]:
    return control(STOP), tokenizer().document_token


def read(tokens: Sequence[int], sizes: Sequence[int], **more: object) -> tuple[list[str], ReplyEnd]:
    """Tokens in pieces of these sizes, the last size again and again."""
    stream = ReplyStream(tokenizer(), stop_tokens=stop_tokens(), counts=True, **more)  # type: ignore[arg-type]
    pieces, at, number = [], 0, 0
    while at < len(tokens):
        size = sizes[min(number, len(sizes) - 1)]
        pieces.append(stream.push(tokens[at : at + size]))
        at, number = at + size, number + 1
    end = stream.finish()
    return [*pieces, end.text], end


def as_text(tokens: Sequence[int]) -> str:
    """What a reply that can't be read shows."""
    left_out = {control(name) for name in CONVERSATION_TOKENS}
    return tokenizer().decode([token for token in tokens if token not in left_out])


def expected(tokens: Sequence[int]) -> tuple[str, tuple[ToolCall, ...]]:
    """By the parser of whole replies, as `tool_batch` uses it."""
    try:
        said = parse_reply(tokens, tokenizer())
    except UserError:
        return as_text(tokens), ()
    return said.content, said.tool_calls


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=20)
calls = st.builds(
    ToolCall,
    st.sampled_from(["search", "名前", "a.b"]),
    json_objects(typed_text).map(canonical_json),
)
replies = st.builds(assistant, typed_text, st.lists(calls, max_size=3))


@drawn
@given(replies, sizes, st.booleans())
def test_joined_pieces_are_the_message(said: Message, pieces: list[int], ends: bool) -> None:
    tokens = written(said)
    tokens = tokens if ends else tokens[:-1]
    shown, end = read(tokens, pieces)
    assert ("".join(shown), end.calls) == expected(tokens)
    assert not end.unreadable
    assert all("\ufffd" not in piece for piece in shown if "\ufffd" not in said.content)


@drawn
@given(
    st.lists(
        st.one_of(
            st.sampled_from(CONVERSATION_TOKENS).map(lambda name: [control(name)]),
            st.sampled_from(["<tool_call>", "</tool_call>"]).map(lambda name: [control(name)]),
            st.sampled_from(['\n{"name": "f", "arguments": {}}\n', "{}", "\n", " "]).map(
                lambda text: tokenizer().encode(text)
            ),
            unicode_text.map(lambda text: tokenizer().encode(text)),
            st.lists(st.integers(1, 256), max_size=3),  # parts of characters
        ),
        max_size=8,
    ),
    sizes,
)
def test_whatever_is_sampled(parts: list[list[int]], pieces: list[int]) -> None:
    tokens = [token for part in parts for token in part]
    if control(STOP) in tokens:  # the row ends there
        tokens = tokens[: tokens.index(control(STOP)) + 1]
    shown, end = read(tokens, pieces)
    assert ("".join(shown), end.calls) == expected(tokens)


@drawn
@given(typed_text, sizes, st.data(), st.booleans())
def test_a_stop_string_ends_the_text_as_in_a_terminal(
    text: str, pieces: list[int], data: st.DataObject, reads_calls: bool
) -> None:
    """By `stop_strings.pieces`, whatever pieces come; nothing is shown that it takes back."""
    parts = [text[at : at + n] for at in range(len(text)) for n in (1, 2, 5)]
    stops = data.draw(st.lists(st.sampled_from([*parts, "zz", "\n"]), min_size=1, max_size=3))
    tokens = written(assistant(text))
    whole = "".join(text_pieces(tokens, tokenizer(), stops, stop_tokens()))
    stream = ReplyStream(
        tokenizer(),
        stop_tokens=stop_tokens(),
        stop_strings=stops,
        reads_calls=reads_calls,
        counts=True,
    )
    shown, told = "", []
    for at in range(0, len(tokens), pieces[0]):
        shown += stream.push(tokens[at : at + pieces[0]])
        told += stream.text_tokens()
        assert whole.startswith(shown)
    assert shown + stream.finish().text == whole
    # The token that completes the stop string is the last that counts.
    assert told == list(range(len(told)))
    before = tokenizer().decode_bytes([tokens[place] for place in told[:-1]])
    assert not any(stop.encode() in before for stop in stops)


def test_text_comes_at_once_and_a_call_when_it_is_whole() -> None:
    said = assistant("Let me see.\n", [ToolCall("f", '{"a": 1}'), ToolCall("g", "{}")])
    stream = ReplyStream(tokenizer(), stop_tokens=stop_tokens())
    tokens = written(said)
    first = tokens.index(control("<tool_call>"))
    assert stream.push(tokens[: first - 2]) == "Let me see."
    assert [stream.push([token]) for token in tokens[first - 2 :]] == ["", "\n"] + [""] * (
        len(tokens) - first
    )
    end = stream.finish()
    assert (end.text, end.calls) == ("", said.tool_calls)


@pytest.mark.parametrize(
    ("parts", "shown_early"),
    [
        (["Hm <tool_call>", "{broken", "</tool_call>", " and more"], True),
        (["<tool_call>", "x", "<tool_call>", "y"], True),
        (["a", "<|im_start|>", "b"], True),
        (["<tool_call>", "x", "<tool_response>"], True),
        (
            [
                *("<tool_call>", '{"name": "f", "arguments": {"a": "\\ud800"}}', "</tool_call>"),
                *("<tool_call>", "x"),
            ],
            True,
        ),
        (["<tool_call>", '{"name": "f", "arguments": {}}', "</tool_call>", "so"], False),
    ],
)
def test_what_cannot_be_read_is_text(parts: list[str], shown_early: bool) -> None:
    """As soon as it is sure that it can't."""
    tokens = [
        token
        for part in parts
        for token in ([control(part)] if part in CONVERSATION_TOKENS else tokenizer().encode(part))
    ]
    stream = ReplyStream(tokenizer(), stop_tokens=stop_tokens())
    before = stream.push(tokens)
    end = stream.finish()
    assert end == ReplyEnd(end.text, (), unreadable=True)
    assert before + end.text == as_text(tokens)
    assert bool(before) == shown_early


def test_without_tools_control_tokens_are_their_names() -> None:
    tokens = [*tokenizer().encode("a"), control("<tool_call>"), *tokenizer().encode("b\n")]
    shown, end = read([*tokens, control(STOP)], [1], reads_calls=False)
    assert shown == ["a", "<tool_call>", "b", "\n", "", ""]
    assert not end.unreadable


def test_calls_that_nobody_answers_are_text() -> None:
    tokens = written(assistant("a", [ToolCall("f", "{}")]))
    stream = ReplyStream(tokenizer(), stop_tokens=stop_tokens())
    before = stream.push(tokens)
    assert before + stream.finish(as_text=True).text == as_text(tokens)


@drawn
@given(replies, sizes)
def test_tokens_of_the_text_are_told_once(said: Message, pieces: list[int]) -> None:
    tokens = written(said)
    stream = ReplyStream(tokenizer(), stop_tokens=stop_tokens(), counts=True)
    told: list[int] = []
    for at in range(0, len(tokens), pieces[0]):
        stream.push(tokens[at : at + pieces[0]])
        told += stream.text_tokens()
    stream.finish()
    told += stream.text_tokens()
    assert told == list(range(len(told)))
    text = said.content + ("\n" if said.content and said.tool_calls else "")
    assert tokenizer().decode([tokens[place] for place in told]) == text


def test_a_document_token_ends_a_reply() -> None:
    tokens = [*tokenizer().encode("a"), tokenizer().document_token, *tokenizer().encode("b")]
    shown, _ = read(tokens, [1])
    assert "".join(shown) == "a"


def test_json_in_a_call_is_canonical() -> None:
    body = tokenizer().encode('\n {"name":"f","arguments":{"a":1,\n"b":[ ]}} ')
    tokens = [control("<tool_call>"), *body, control("</tool_call>")]
    _, end = read(tokens, [3])
    assert end.calls == (ToolCall("f", json.dumps({"a": 1, "b": []})),)
