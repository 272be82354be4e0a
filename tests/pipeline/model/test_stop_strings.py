"""Stop strings over token borders and characters of several bytes."""

import re
from typing import cast

import pytest

from pipeline.model.engine import Completion, Engine
from pipeline.model.stop_strings import StopStringFinder, pieces
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError


class Table:
    """A tokenizer whose tokens are the given bytes: all that is asked of one here."""

    def __init__(self, *pieces: bytes) -> None:
        self.token_bytes = list(pieces)


HEART = "♥".encode()
TABLE = cast(Tokenizer, Table(b"ab", b"c\n", b"\n", HEART[:1], HEART[1:], b"x", b"END"))


def test_a_string_is_found_over_token_borders():
    watch = StopStringFinder([b"c\n\n", HEART], TABLE)
    assert watch.find([0, 1]) is None
    assert watch.find([2, 5]) == (3, 2)
    again = StopStringFinder([HEART], TABLE)
    assert again.find([5, 3]) is None
    assert again.find([4]) == (3, 1)


def test_the_first_token_that_completes_any_string_ends_it():
    assert StopStringFinder([b"xEND", b"bc"], TABLE).find([0, 1, 5, 6]) == (2, 1)


def test_pieces_hold_back_what_may_become_a_stop():
    got = list(pieces([0, 5, 1, 5, 3, 4, 1, 2, 5], TABLE, ["c\n\n"]))
    assert "".join(got) == "abxc\nx♥"
    assert got[0] == "ab"
    assert "".join(pieces([0, 1], TABLE, ["c\n\n"])) == "abc\n"  # held back, given at the end
    assert "".join(pieces([0, 5, 0], TABLE, stop_tokens=(5,))) == "ab"
    assert "".join(pieces([3], TABLE)) == "�"


def text_of(completion: Completion) -> str:
    assert completion.text is not None
    return completion.text


@pytest.mark.parametrize("head_dim", [8, 32])  # by torch, by the kernels
def test_generate_ends_with_a_stop_string(make_model, tokenizer, head_dim):
    model = make_model(vocab_size=tokenizer.vocab_size, head_dim=head_dim)
    engine = Engine(model)
    settings = {"samples": 6, "max_new_tokens": 40, "seed": 5, "tokenizer": tokenizer}
    (free,) = engine.generate([[1, 2]], **settings)
    readable = [re.findall("[ -~]{1,2}", text_of(c)) for c in free]
    stops = [readable[0][-1], readable[1][-1][:1]]
    (ended,) = engine.generate([[1, 2]], stop_strings=stops, **settings)
    assert sum(c.stopped for c in ended) >= 2
    for before, after in zip(free, ended):
        assert before.tokens[: len(after.tokens)] == after.tokens
        assert len(after.logprobs) == len(after.tokens)
        assert not any(stop in text_of(after) for stop in stops)
        if after.stopped:
            shorter = tokenizer.decode_bytes(after.tokens[:-1])
            assert not any(stop.encode() in shorter for stop in stops)
            assert any(stop.encode() in tokenizer.decode_bytes(after.tokens) for stop in stops)


def test_mistakes_are_named(make_model, tokenizer):
    engine = Engine(make_model())
    with pytest.raises(UserError, match="tokenizer"):
        engine.generate([[1]], max_new_tokens=1, stop_strings=["a"])
    with pytest.raises(UserError, match="empty"):
        engine.generate([[1]], max_new_tokens=1, stop_strings=[""], tokenizer=tokenizer)


def test_text_without_stop_strings_is_that_of_the_tokens_that_there_are():
    plain, searched = StopStringFinder([], TABLE), StopStringFinder([b"no"], TABLE)
    for tokens in ([0, 3], [], [99, 4, 7, 5]):  # 7 and 99: a model may have more than its tokenizer
        assert plain.find(tokens) is None
        assert searched.find(tokens) is None
    assert plain.text == searched.text == b"ab" + HEART + b"x"
    assert plain.held_back() == 0
