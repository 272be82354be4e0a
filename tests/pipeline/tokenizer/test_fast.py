"""tiktoken's ids are the Rust pipeline's: on all of Unicode, on any text, and where it gives up."""

import json
import unicodedata

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tokenizer import Tokenizer, fast
from pipeline.tokenizer.tokenizer import CHARACTERS_FOR_THREADS, QWEN2_REGEX
from storage.errors import UserError

PIECES = (
    "  ",
    "\n\n",
    "\t",
    "'ll",
    "'S",
    "12",
    " the",
    "é",
    "e\u0301",
    "東京",
    "👩‍👩‍👧",
    "!?",
    "\r\n",
    "\u00a0",
)


@pytest.fixture(scope="session")
def slowly(tokenizer):
    return tokenizer._encode_slowly


def test_it_is_used_for_own_vocabularies(tokenizer):
    assert tokenizer._fast is not None
    assert tokenizer.with_conversation_tokens()._fast is not None


def test_every_character_of_unicode_splits_alike(tokenizer, slowly):
    """Between letters, digits, signs, spaces and itself: each of the 1,112,064 code points.

    Those that this Python's Unicode doesn't know stand between letters and a sign alone, which
    tells letters, digits and signs apart.
    """
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    texts = []
    for start in range(0, len(points), 512):
        part = [chr(point) for point in points[start : start + 512]]
        known = [c for c in part if unicodedata.category(c) not in ("Cn", "Co")]
        texts.append("".join(f"a{c}b1{c}2!{c}? {c}{c}\n{c} the" for c in known))
        texts.append("".join(f"a{c}a{c}!" for c in part if c not in known))
    assert tokenizer.encode_batch(texts) == slowly(texts)


@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=20))
def test_any_text_gives_the_same_ids(tokenizer, slowly, text):
    joined = "".join(text)
    assert tokenizer.encode(joined) == slowly([joined])[0]


@pytest.mark.parametrize(
    "run", [" " * 400_000, " \t" * 200_000 + "x", "\n" * 400_000, "a" * 200_000]
)
def test_long_runs_come_through(tokenizer, slowly, run):
    texts = ["before", run, "after"]
    assert tokenizer.encode_batch(texts) == slowly(texts)


def test_a_lone_surrogate_is_refused_not_replaced(tokenizer):
    with pytest.raises(UserError, match="lone surrogate"):
        tokenizer.encode_batch(["fine", "a\ud800b"])


def test_ids_out_of_merge_order_go_the_slow_way(tokenizer):
    said = json.loads(tokenizer._rust.to_str())
    first, last = said["model"]["merges"][0], said["model"]["merges"][-1]
    vocabulary = said["model"]["vocab"]
    a, b = "".join(first), "".join(last)
    vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
    swapped = tokenizers.Tokenizer.from_str(json.dumps(said))
    assert Tokenizer(swapped)._fast is None
    table = tokenizer.token_bytes
    assert fast.encoder(tokenizer._rust, table, {tokenizer.document_token}, QWEN2_REGEX)
    assert fast.encoder(swapped, table, {tokenizer.document_token}, QWEN2_REGEX) is None


def test_without_tiktoken_the_ids_are_the_same(tokenizer, tmp_path, monkeypatch):
    tokenizer.save(tmp_path)
    monkeypatch.setattr(fast.importlib.util, "find_spec", lambda name: None)
    again = Tokenizer.load(tmp_path)
    assert again._fast is None
    assert again.encode("the river, 12 houses\n") == tokenizer.encode("the river, 12 houses\n")


def test_threads_are_started_for_much_text_alone(tokenizer, slowly, monkeypatch):
    threaded = []
    batch = tokenizer._fast.encode_ordinary_batch

    def spy(texts, num_threads):
        threaded.append(len(texts))
        return batch(texts, num_threads=num_threads)

    monkeypatch.setattr(tokenizer._fast, "encode_ordinary_batch", spy)
    few = ["a word", "and another, 12 of them", ""]
    assert tokenizer.encode_batch(few) == slowly(few)
    assert threaded == []
    many = ["a word and another "] * (CHARACTERS_FOR_THREADS // 19 + 1)
    assert tokenizer.encode_batch(many) == slowly(many)
    assert threaded == [len(many)]
