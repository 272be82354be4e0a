"""Text of tokens as they are pushed: what `stop_strings.pieces` says of the same tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_models import byte_tokenizer

from pipeline.model.stop_strings import pieces
from pipeline.serve.text_stream import TextStream
from storage.errors import UserError

TOKENIZER = byte_tokenizer()
TEXTS = st.text(st.sampled_from("abth é€😀"), max_size=30)
STOPS = st.lists(st.text(st.sampled_from("abthé€"), min_size=1, max_size=4), max_size=3)
CUTS = st.lists(st.integers(1, 5), max_size=40)


def pushed(stream: TextStream, tokens: list[int], cuts: list[int]) -> list[str]:
    found, at = [], 0
    for size in [*cuts, len(tokens)]:
        found.append(stream.push(tokens[at : at + size]))
        at += size
    return [*found, stream.finish()]


@given(TEXTS, STOPS, CUTS)
def test_whole_characters_up_to_the_stop_string(text: str, stops: list, cuts: list) -> None:
    tokens = TOKENIZER.encode(text)
    stream = TextStream(TOKENIZER, stops)
    found = pushed(stream, tokens, cuts)
    assert "".join(found) == "".join(pieces(tokens, TOKENIZER, stops))
    assert text.startswith("".join(found))
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in found)
    assert not any(stop in "".join(found) for stop in stops)
    # nothing that was sent is taken back: what may begin a stop string is not sent
    sent = "".join(found[:-1])
    assert not any(
        sent.endswith(stop[:n]) and text[len(sent) - n :].startswith(stop)
        for stop in (stops if len(stops) == 1 else [])
        for n in range(1, len(stop))
    )


@given(st.lists(st.integers(0, 257), max_size=30), CUTS, st.lists(st.integers(0, 257), max_size=2))
def test_any_tokens_with_stop_tokens(tokens: list, cuts: list, stops: list) -> None:
    stream = TextStream(TOKENIZER, ["ab"], stops)
    found = pushed(stream, tokens, cuts)
    assert "".join(found) == "".join(pieces(tokens, TOKENIZER, ["ab"], stops))
    assert stream.ended
    assert stream.push([70]) == ""
    assert stream.finish() == ""


@given(TEXTS, st.integers(0, 60), CUTS)
def test_bytes_that_come_first_make_characters_with_the_tokens(
    text: str, cut: int, cuts: list
) -> None:
    whole = text.encode()
    stream = TextStream(TOKENIZER)
    begun = stream.begin(whole[:cut])
    tokens = [TOKENIZER.token_bytes.index(bytes([byte])) for byte in whole[cut:]]
    assert begun + "".join(pushed(stream, tokens, cuts)) == text


def test_an_empty_stop_string_is_refused() -> None:
    with pytest.raises(UserError, match="empty"):
        TextStream(TOKENIZER, [""])
