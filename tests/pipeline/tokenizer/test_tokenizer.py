"""Round trips, special tokens, and agreement with Qwen2's own splitting and with transformers."""

import json
import unicodedata

import pytest
import tokenizers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import (
    CONVERSATION_TOKENS,
    DOCUMENT_TOKEN,
    TOOL_TOKENS,
    TURN_TOKENS,
)
from pipeline.tokenizer.tokenizer import QWEN2_REGEX
from storage.errors import UserError

SPECIAL = (DOCUMENT_TOKEN, *CONVERSATION_TOKENS)
TRICKY = (
    "e\u0301 is not é",  # NFC would change it
    "ﬁ \u212b ① \u0000 \u200b\u200d \ufeff",
    "  leading\n\n\ttabs \r\n trailing   ",
    "12345 3.14 ٣٤٥ Ⅷ",
    "👩‍👩‍👧‍👦🏽 \U0010ffff",
    "",
    "'S 'T I'LL don’t",
)


@pytest.fixture(scope="session")
def chat(tokenizer: Tokenizer) -> Tokenizer:
    return tokenizer.with_conversation_tokens()


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=80))
def test_round_trip_on_any_unicode(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()
    assert all(0 <= id < tokenizer.vocab_size for id in ids)


@pytest.mark.parametrize("text", TRICKY)
def test_round_trip_on_tricky_text(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text
    if unicodedata.normalize("NFC", text) != text:
        assert tokenizer.encode(text) != tokenizer.encode(unicodedata.normalize("NFC", text))


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.one_of(st.sampled_from(SPECIAL), st.text(max_size=10)), max_size=8),
)
def test_special_names_in_text_stay_text(chat, tokenizer, parts):
    text = "".join(parts)
    ids = chat.encode(text)
    assert not {chat.special(name) for name in SPECIAL} & set(ids)
    assert chat.decode(ids) == text
    assert ids == tokenizer.encode(text)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=40), max_size=6))
def test_batch_equals_one_by_one(tokenizer, texts):
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60))
def test_loads_in_transformers_with_equal_ids(chat, transformers_tokenizer, text):
    assume(not any(name in text for name in TOOL_TOKENS))  # which it reads, as it does Qwen's
    theirs = transformers_tokenizer(text, add_special_tokens=False, split_special_tokens=True)
    assert theirs["input_ids"] == chat.encode(text)


@pytest.fixture(scope="session")
def transformers_tokenizer(chat, tmp_path_factory):
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("chat")
    chat.save(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_transformers_sees_the_same_special_tokens(chat, transformers_tokenizer):
    for name in SPECIAL:
        assert transformers_tokenizer.convert_tokens_to_ids(name) == chat.special(name)
    assert len(transformers_tokenizer) == chat.vocab_size
    assert transformers_tokenizer.eos_token_id == chat.special("<|im_end|>")
    assert transformers_tokenizer.pad_token_id == chat.document_token


def test_programs_that_leave_special_tokens_out_keep_calls(chat, transformers_tokenizer):
    """vLLM, llama.cpp and transformers look for the tags in text without special tokens."""
    data = json.loads(chat.to_json())
    special = {token["content"]: token["special"] for token in data["added_tokens"]}
    assert special == dict.fromkeys([DOCUMENT_TOKEN, *TURN_TOKENS], True) | dict.fromkeys(
        TOOL_TOKENS, False
    )
    ids = [chat.special("<tool_call>"), *chat.encode("{}"), chat.special("</tool_call>")]
    ids.append(chat.special("<|im_end|>"))
    text = transformers_tokenizer.decode(ids, skip_special_tokens=True)
    assert text == "<tool_call>{}</tool_call>"


def test_models_with_the_tokens_of_earlier_versions_still_talk(tokenizer, tmp_path):
    """They have other tags for tools' outputs, and all of their tags were special."""
    old = ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<tool_output>"]
    rust = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    rust.add_special_tokens(old)
    rust.save(str(tmp_path / "tokenizer.json"))
    chat = Tokenizer.load(tmp_path)
    assert chat.has_conversation_tokens
    grown = chat.with_conversation_tokens()
    assert [grown.special(name) for name in (*old, *TOOL_TOKENS[2:])] == list(range(380, 387))
    flags = {t["content"]: t["special"] for t in json.loads(grown.to_json())["added_tokens"]}
    assert [flags[name] for name in TOOL_TOKENS] == [True, True, False, False]
    assert grown.special_tokens.keys() == {DOCUMENT_TOKEN, *old, *TOOL_TOKENS}


def test_chat_template_is_chatml(transformers_tokenizer):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes."}]
    text = transformers_tokenizer.apply_chat_template(messages, tokenize=False)
    expected = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>\n"
    assert text == expected
    prompt = transformers_tokenizer.apply_chat_template(
        messages[:1], tokenize=False, add_generation_prompt=True
    )
    assert prompt == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_regex_is_qwen2s():
    from transformers.models.qwen2 import tokenization_qwen2

    assert tokenization_qwen2.PRETOKENIZE_REGEX == QWEN2_REGEX


def test_digits_are_single(tokenizer):
    ids = tokenizer.encode("2024 and 1234567")
    assert [tokenizer.token_bytes[id] for id in ids if tokenizer.token_bytes[id].isdigit()] == [
        bytes([b]) for b in b"20241234567"
    ]


def test_vocabulary(tokenizer):
    assert tokenizer.vocab_size == 380
    assert len(tokenizer.token_bytes) == 380
    assert len(set(tokenizer.token_bytes)) == 380
    assert {bytes([b]) for b in range(256)} <= set(tokenizer.token_bytes)
    assert tokenizer.special_tokens == {DOCUMENT_TOKEN: tokenizer.document_token}
    assert not tokenizer.has_conversation_tokens


def test_conversation_tokens_come_after_the_old_ids(tokenizer, chat):
    assert chat.vocab_size == tokenizer.vocab_size + 6
    assert chat.token_bytes[:380] == tokenizer.token_bytes
    assert [chat.special(name) for name in CONVERSATION_TOKENS] == list(range(380, 386))
    assert chat.document_token == tokenizer.document_token
    assert chat.decode([380, *chat.encode("hi"), 381]) == "<|im_start|>hi<|im_end|>"
    again = chat.with_conversation_tokens()
    assert again.special_tokens == chat.special_tokens
    assert not tokenizer.has_conversation_tokens  # the old one is untouched


def test_save_and_load(chat, tmp_path):
    chat.save(tmp_path)
    for path in (tmp_path, tmp_path / "tokenizer.json", str(tmp_path)):
        again = Tokenizer.load(path)
        assert again.token_bytes == chat.token_bytes
        assert again.encode("a <|im_end|> b") == chat.encode("a <|im_end|> b")
    assert "chat_template" in json.loads((tmp_path / "tokenizer_config.json").read_text())


def test_base_tokenizer_has_no_chat_template(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert "chat_template" not in config
    assert config["eos_token"] == DOCUMENT_TOKEN


def test_a_cut_character_decodes_to_the_replacement_sign(tokenizer):
    ids = [tokenizer.token_bytes.index(bytes([b])) for b in "é".encode()]
    assert tokenizer.decode(ids) == "é"
    assert tokenizer.decode(ids[:1]) == "\ufffd"


def test_mistakes_are_named(tokenizer, tmp_path):
    with pytest.raises(UserError, match="no tokenizer at"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": 3}')
    with pytest.raises(UserError, match="is not a tokenizer"):
        Tokenizer.load(tmp_path)
    with pytest.raises(UserError, match=r"<\|im_end\|>"):
        tokenizer.special("<|im_end|>")
    with pytest.raises(UserError, match="surrogate"):
        tokenizer.encode("\ud800")
    with pytest.raises(UserError, match="-1 is negative"):
        tokenizer.decode([1, -1])


def test_ids_without_a_token_are_no_text(tokenizer):
    """Models have rows up to a round number; transformers decodes the ones behind to nothing."""
    ids = tokenizer.encode("the cat")
    beyond = [tokenizer.vocab_size, *ids[:1], tokenizer.vocab_size + 5000, *ids[1:], 10**9]
    assert tokenizer.decode(beyond) == tokenizer.decode(ids) == "the cat"
