"""Vocabularies both ways: the ids stay, and an unknown pre-tokenizer is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import tokenizers
from gguf import TokenType
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, decoders, pre_tokenizers, trainers

from pipeline.export import vocabulary
from storage.errors import UserError

TEXTS = ["the cat sat on the mat 1234", "l'été 2024, cœur", "DON'T  stop\n\n now"] * 9


def trained(split: str) -> tokenizers.Tokenizer:
    """A small tokenizer of that kind, with one special token before and two others after."""
    rust = tokenizers.Tokenizer(tokenizers.models.BPE())
    kind = vocabulary.SPLITS[split]
    step: pre_tokenizers.PreTokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=kind.regex is None
    )
    if kind.regex is not None:
        cut = pre_tokenizers.Split(Regex(kind.regex), behavior="isolated", invert=False)
        step = pre_tokenizers.Sequence([cut, step])
    rust.pre_tokenizer = step
    rust.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    rust.train_from_iterator(TEXTS, trainer)
    rust.add_special_tokens([AddedToken("<|end|>", special=True, normalized=False)])
    rust.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    if kind.whole_words_first:
        data = json.loads(rust.to_str())
        data["model"]["ignore_merges"] = True
        rust = tokenizers.Tokenizer.from_str(json.dumps(data))
    return rust


KINDS = {split: trained(split) for split in vocabulary.SPLITS}


@pytest.mark.parametrize("split", KINDS)
def test_round_trip(split):
    rust = KINDS[split]
    rows = rust.get_vocab_size() + 3
    words = vocabulary.from_tokenizer_json(json.loads(rust.to_str()), rows, "here")
    assert words.split == split
    assert len(words.tokens) == len(words.types) == rows
    names = {words.tokens[i]: words.types[i] for i in range(rows)}
    assert names["<|endoftext|>"] == names["<|end|>"] == TokenType.CONTROL
    assert names["<tool>"] == TokenType.USER_DEFINED
    assert words.types[-3:] == [TokenType.UNUSED] * 3
    again = tokenizers.Tokenizer.from_str(json.dumps(vocabulary.to_tokenizer_json(words)))
    assert json.loads(again.to_str()) == json.loads(rust.to_str())


@pytest.mark.parametrize("split", KINDS)
@given(text=st.text(max_size=50))
def test_read_back_it_gives_the_same_ids(split, text):
    rust = KINDS[split]
    words = vocabulary.from_tokenizer_json(json.loads(rust.to_str()), 400, "here")
    again = tokenizers.Tokenizer.from_str(json.dumps(vocabulary.to_tokenizer_json(words)))
    assert again.encode(text).ids == rust.encode(text).ids


def damaged(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    data = json.loads(KINDS["qwen2"].to_str())
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda d: d["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex=r"\w+"),
            "knows no pre-tokenizer",
        ),
        (lambda d: d["model"].update(ignore_merges=True), "knows no pre-tokenizer"),
        (lambda d: d["pre_tokenizer"]["pretokenizers"].pop(0), "knows no pre-tokenizer"),
        (lambda d: d.update(pre_tokenizer=None), "knows no pre-tokenizer"),
        (lambda d: d["model"].update(byte_fallback=True), "only byte-level BPE"),
        (lambda d: d["model"].update(type="Unigram"), "only byte-level BPE"),
        (lambda d: d["model"].update(merges=[]), "no merges"),
    ],
)
def test_what_llama_cpp_would_cut_otherwise_is_refused(change, said):
    with pytest.raises(UserError, match=said):
        vocabulary.from_tokenizer_json(damaged(change), 400, "here")


def test_more_tokens_than_rows_are_refused():
    data = json.loads(KINDS["gpt-2"].to_str())
    with pytest.raises(UserError, match="has no row"):
        vocabulary.from_tokenizer_json(data, 260, "here")


def test_merges_as_strings_are_read():
    """As tokenizers wrote them before 0.20."""
    data = json.loads(KINDS["gpt-2"].to_str())
    old = json.loads(KINDS["gpt-2"].to_str())
    old["model"]["merges"] = [" ".join(pair) for pair in old["model"]["merges"]]
    new = vocabulary.from_tokenizer_json(data, 400, "here")
    assert vocabulary.from_tokenizer_json(old, 400, "here") == new
