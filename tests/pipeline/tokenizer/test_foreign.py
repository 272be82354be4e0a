"""Tokenizers of GPT-2, Llama 3 and Qwen folders: their ids, their document and stop tokens."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from storage.errors import UserError
from tests.helpers.hf_models import foreign_tokenizer, write_tokenizer

FAMILIES = ("gpt2", "llama", "qwen3")
TEXTS = (
    "The cat didn't sit on 1234567 mats.\n\n  x",
    "naïve café e\u0301",
    "日本語 👩‍👧 \ufeff",
    "",
)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    path = tmp_path_factory.mktemp(family)
    write_tokenizer(family, path)
    return path


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_ids_are_the_folders_own(family, folder, text):
    rust, tokenizer = foreign_tokenizer(family), Tokenizer.load(folder)
    rust.encode_special_tokens = True
    assert tokenizer.encode(text) == rust.encode(text, add_special_tokens=False).ids
    if family != "qwen3":  # its normalizer changes text before anything else
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_ids_equal_transformers(family, folder, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = Tokenizer.load(folder)
    tokenizer.save(tmp_path)
    for place in (folder, tmp_path):
        theirs = AutoTokenizer.from_pretrained(place)
        for text in TEXTS:
            assert theirs(text, add_special_tokens=False)["input_ids"] == tokenizer.encode(text)
    begins = theirs("the cat")["input_ids"][0] == tokenizer.document_token
    assert begins == (family == "llama")


def test_document_and_stop_tokens(family, folder):
    tokenizer = Tokenizer.load(folder)
    special = tokenizer.special_tokens
    expected = {
        "gpt2": ("<|endoftext|>", ["<|endoftext|>"]),
        "llama": ("<|begin_of_text|>", ["<|end_of_text|>", "<|eot_id|>", "<|begin_of_text|>"]),
        "qwen3": ("<|endoftext|>", ["<|im_end|>", "<|endoftext|>"]),
    }[family]
    assert tokenizer.document_token == special[expected[0]]
    assert list(tokenizer.stop_tokens) == [special[name] for name in expected[1]]


def test_what_is_saved_is_the_same_tokenizer(family, folder, tmp_path):
    before = Tokenizer.load(folder)
    before.save(tmp_path)
    after = Tokenizer.load(tmp_path)
    assert after.special_tokens == before.special_tokens
    assert after.document_token == before.document_token
    own = json.loads((folder / "tokenizer_config.json").read_text())
    assert json.loads((tmp_path / "tokenizer_config.json").read_text()) == own


def test_conversation_tokens_come_after_all_others(family, folder):
    tokenizer = Tokenizer.load(folder)
    assert not tokenizer.has_conversation_tokens
    chat = tokenizer.with_conversation_tokens()
    assert chat.has_conversation_tokens
    assert chat.document_token == tokenizer.document_token
    for name, id in tokenizer.special_tokens.items():
        assert chat.special(name) == id
    new = [n for n in CONVERSATION_TOKENS if n not in tokenizer.special_tokens]
    last = range(tokenizer.vocab_size, tokenizer.vocab_size + len(new))
    assert [chat.special(name) for name in new] == list(last)


def test_a_tokenizer_without_a_document_token_is_refused(tmp_path):
    write_tokenizer("llama", tmp_path)
    for name in ("tokenizer_config.json", "generation_config.json"):
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match="no token that starts a document"):
        Tokenizer.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"bos_token_id": 287}))
    assert Tokenizer.load(tmp_path).document_token == 287
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        Tokenizer.load(tmp_path)
