"""Tokenizers of GPT-2, Llama 3 and Qwen folders: their ids, their document and stop tokens."""

import json
import re

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken

from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.special import CHAT_TEMPLATE, CONVERSATION_TOKENS, TOOL_TOKENS
from pipeline.tokenizer.train import train
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
def family(request: pytest.FixtureRequest) -> str:
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
    assert tokenizer.has_conversation_tokens == (family == "qwen3")  # whose folder ends with one
    chat = tokenizer.with_conversation_tokens()
    assert chat.has_conversation_tokens
    assert chat.document_token == tokenizer.document_token
    for name, id in tokenizer.special_tokens.items():
        assert chat.special(name) == id
    new = [n for n in CONVERSATION_TOKENS if n not in tokenizer.special_tokens]
    last = range(tokenizer.vocab_size, tokenizer.vocab_size + len(new))
    assert [chat.special(name) for name in new] == list(last)
    assert set(chat.stop_tokens) == {*tokenizer.stop_tokens, chat.special("<|im_end|>")}
    assert chat.stop_tokens[0] == chat.special("<|im_end|>")


def test_a_folder_taught_to_talk_has_our_template(family, folder, tmp_path):
    Tokenizer.load(folder).with_conversation_tokens().save(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert settings["chat_template"] == CHAT_TEMPLATE
    assert settings["eos_token"] == "<|im_end|>"
    again = Tokenizer.load(tmp_path)
    assert again.has_conversation_tokens
    assert again.with_conversation_tokens().special_tokens == again.special_tokens


def test_qwens_own_tags_are_kept_and_its_base_models_do_not_talk(tmp_path):
    """Its files hold the tags under ids of their own, not special; base models end otherwise."""
    rows = [AddedToken(n, special=False, normalized=False) for n in reversed(TOOL_TOKENS)]
    tokenizer = with_tokens("qwen3", tmp_path, *rows)
    chat = tokenizer.with_conversation_tokens()
    assert chat.special_tokens == tokenizer.special_tokens
    assert chat.vocab_size == tokenizer.vocab_size
    assert (
        json.loads(chat.to_json())["added_tokens"]
        == json.loads(tokenizer.to_json())["added_tokens"]
    )
    file = tmp_path / "tokenizer_config.json"
    named = json.loads(file.read_text()) | {"eos_token": "<|endoftext|>", "chat_template": "its"}
    file.write_text(json.dumps(named))
    base = Tokenizer.load(tmp_path)
    assert not base.has_conversation_tokens
    base.save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "tokenizer_config.json").read_text()) == named
    assert base.with_conversation_tokens().has_conversation_tokens


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


LONG = "The cat didn't sit on 12345 logs. " * 40


@pytest.mark.parametrize("left", ["truncation", "padding", "both", "dropout"])
def test_a_sessions_state_in_the_file_is_dropped(family, folder, tmp_path, left):
    """Truncation and padding cut and pad what is read, dropout draws its merges."""
    rust = foreign_tokenizer(family)
    if left in ("truncation", "both"):
        rust.enable_truncation(5)
    if left in ("padding", "both"):
        rust.enable_padding(length=4000, pad_id=1)
    if left == "dropout":
        rust.model.dropout = 0.9
    (tmp_path / "tokenizer_config.json").write_bytes(
        (folder / "tokenizer_config.json").read_bytes()
    )
    rust.save(str(tmp_path / "tokenizer.json"))
    tokenizer, clean = Tokenizer.load(tmp_path), Tokenizer.load(folder)
    assert tokenizer.encode_batch([LONG, "the cat"]) == clean.encode_batch([LONG, "the cat"])
    assert tokenizer.decode(tokenizer.encode(LONG)) == LONG
    assert tokenizer.with_conversation_tokens().encode(LONG) == clean.encode(LONG)
    tokenizer.save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "tokenizer.json").read_text()) == json.loads(
        clean.to_json()
    )


def with_tokens(family, folder, *tokens):
    """A folder's tokenizer with more added tokens."""
    write_tokenizer(family, folder)
    rust = foreign_tokenizer(family)
    rust.add_tokens(list(tokens))
    rust.save(str(folder / "tokenizer.json"))
    return Tokenizer.load(folder)


# As Qwen's, Phi's, Mistral's and DeepSeek's files name them, special or not.
CONTROL = ("<tool_call>", "</think>", "<|fim_prefix|>", "[INST]", "<｜User｜>", "<|tool sep|>")


@pytest.mark.parametrize("strip", [False, True])
def test_no_control_token_is_read_out_of_text_whatever_the_file_calls_it(family, tmp_path, strip):
    rows = [AddedToken(n, special=False, normalized=False, lstrip=strip, rstrip=strip)
            for n in CONTROL]  # fmt: skip
    tokenizer = with_tokens(family, tmp_path, *rows)
    text = "the cat  " + "  sat ".join(CONTROL) + "  on"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not {tokenizer.special(name) for name in CONTROL} & set(ids)
    for name in CONTROL:  # and yet it is one token, whose text is its name
        assert tokenizer.decode([tokenizer.special(name)]) == name
    # What is saved is the folder's own: transformers still sees them as not special.
    tokenizer.save(tmp_path / "again")
    saved = json.loads((tmp_path / "again" / "tokenizer.json").read_text())["added_tokens"]
    assert [t["special"] for t in saved if t["content"] in CONTROL] == [False] * len(CONTROL)


def test_added_text_is_one_token_and_takes_no_white_space_with_it(family, tmp_path):
    """Runs of spaces (GPT-NeoX, OLMo) and words: text that a page may well hold."""
    spaces = AddedToken("    ", special=False, normalized=False)
    word = AddedToken("harbour", special=False, normalized=False, lstrip=True, rstrip=True)
    tokenizer = with_tokens(family, tmp_path, spaces, word)
    text = "the    cat \n harbour  sat"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    raw = tokenizer._rust
    assert {raw.token_to_id("    "), raw.token_to_id("harbour")} <= set(ids)
    assert "harbour" not in tokenizer.special_tokens


def test_gaps_in_the_table_are_ids_without_text(tmp_path):
    """As after tokens were taken out of a vocabulary."""
    write_tokenizer("gpt2", tmp_path)
    file = tmp_path / "tokenizer.json"
    data = json.loads(file.read_text())
    assert data["added_tokens"][0]["id"] == len(data["model"]["vocab"]) == 287

    def kept(name):
        return "the" not in name and "at" not in name

    merges = [m for m in data["model"]["merges"] if kept("".join(m))]
    vocab = {n: id for n, id in data["model"]["vocab"].items() if kept(n)}
    data["model"] |= {"vocab": vocab, "merges": merges}
    gone = sorted(set(range(287)) - set(vocab.values()))
    assert len(gone) > 1
    vocab["<|endoftext|>"] = 287
    file.write_text(json.dumps(data))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.decode(gone) == ""
    assert tokenizer.decode(tokenizer.encode("the cat, the dog")) == "the cat, the dog"
    assert tokenizer.document_token == 287 == tokenizer.vocab_size - 1
    assert tokenizer.with_conversation_tokens().special("<|im_start|>") == 288
    # With the gap behind all added tokens the library would give away ids that are taken.
    vocab["<|endoftext|>"] = data["added_tokens"][0]["id"] = gone[0]
    file.write_text(json.dumps(data))
    with pytest.raises(UserError, match="no token can be added"):
        Tokenizer.load(tmp_path).with_conversation_tokens()


def test_ids_that_the_library_would_not_keep_are_refused(tmp_path):
    """It numbers added tokens on: the file's 310 became 290 without a word."""
    write_tokenizer("qwen3", tmp_path)
    file = tmp_path / "tokenizer.json"
    data = json.loads(file.read_text())
    data["added_tokens"].append(data["added_tokens"][-1] | {"id": 310, "content": "<|far|>"})
    file.write_text(json.dumps(data))
    with pytest.raises(UserError, match=r"tokenizer.json: token '<\|far\|>' has id 310"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("eos_token_id", "<|endoftext|>", "no id of a token"),
        ("eos_token_id", [1, True], "no id of a token"),
        ("eos_token_id", 1.0, "no id of a token"),
        ("eos_token_id", {"id": 1}, "no id of a token"),
    ],
)
def test_ids_of_configs_are_checked_where_they_are_read(tmp_path, key, value, said):
    write_tokenizer("qwen3", tmp_path)
    for name in ("config.json", "generation_config.json"):
        (tmp_path / name).write_text(json.dumps({key: value}))
        with pytest.raises(UserError, match=rf"{name}: {key} .*{said}"):
            Tokenizer.load(tmp_path)
        (tmp_path / name).write_text(json.dumps({key: None, "pad_token_id": -1}))
        assert Tokenizer.load(tmp_path).document_token == 287


def test_ids_that_the_tokenizer_does_not_have(tmp_path):
    """Defaults of a class (GPT-2's 50256) and -1 for none: never what a document starts with."""
    write_tokenizer("llama", tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    config = tmp_path / "generation_config.json"
    config.write_text(json.dumps({"bos_token_id": 50256, "eos_token_id": [-1, 288]}))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.document_token == 288
    assert tokenizer.stop_tokens == (288,)
    config.write_text(json.dumps({"bos_token_id": 50256, "eos_token_id": -1}))
    with pytest.raises(UserError, match="no token that starts a document"):
        Tokenizer.load(tmp_path)


def declare(folder, **tokens):
    place = folder / "tokenizer_config.json"
    rows = {id.strip("_"): row for id, row in tokens.items()}
    settings = json.loads(place.read_text()) | {"added_tokens_decoder": rows}
    place.write_text(json.dumps(settings))


def test_tokens_that_only_the_settings_declare_are_added(family, tmp_path):
    """As transformers adds them."""
    from transformers import AutoTokenizer

    first = write_tokenizer(family, tmp_path).get_vocab_size()
    rows = {str(first + 1): {"content": "<|b|>", "special": True}}
    declare(tmp_path, **rows | {str(first): {"content": "harbour"}})
    tokenizer, theirs = Tokenizer.load(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.vocab_size == first + 2 == len(theirs)
    assert tokenizer.special("<|b|>") == first + 1 == theirs.convert_tokens_to_ids("<|b|>")
    ids = theirs("harbour", add_special_tokens=False)["input_ids"]
    assert tokenizer.encode("harbour") == [first] == ids


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"_300": {"content": "<|b|>"}}, "'<|b|>' has id 300, and 290"),
        ({"_3": {"content": "<|endoftext|>"}}, "has id 3, and 287"),
        ({"_290": {"special": True}}, "token 290 without a text"),
    ],
)
def test_settings_of_another_tokenizer_are_refused(tmp_path, row, said):
    write_tokenizer("qwen3", tmp_path)
    declare(tmp_path, **row)
    with pytest.raises(UserError, match=re.escape(said)):
        Tokenizer.load(tmp_path)


def test_a_file_split_as_ours_reads_its_added_text_too(tmp_path):
    """The fast way knows no added text: such a file goes the slow one."""
    texts = ["the cat sat on the mat", "the dog sat on the log"] * 5
    own = train(iter(texts), TokenizerConfig(vocab_size=270))
    rust = tokenizers.Tokenizer.from_str(own.to_json())
    rust.add_tokens([AddedToken("harbour", special=False, normalized=False)])
    rust.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.load(tmp_path)
    assert own._fast is not None
    assert rust.token_to_id("harbour") in tokenizer.encode("the harbour")
