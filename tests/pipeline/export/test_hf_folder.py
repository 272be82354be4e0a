"""Special tokens and templates as other projects' folders name them."""

import json

import pytest

from pipeline.export.hf_folder import TokenIds, template, token_ids
from storage.errors import UserError

ENDOFTEXT, BEGIN, END = "<|endoftext|>", "<|begin_of_text|>", "<|eot_id|>"


def tokenizer(*names: str, begins_with: str | None = None) -> dict:
    added = [{"id": n, "content": name, "special": True} for n, name in enumerate(names)]
    data: dict = {"added_tokens": added, "post_processor": None}
    if begins_with:
        id = names.index(begins_with)
        data["post_processor"] = {
            "type": "Sequence",
            "processors": [
                {"type": "ByteLevel"},
                {
                    "type": "TemplateProcessing",
                    "single": [
                        {"SpecialToken": {"id": begins_with, "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}},
                    ],
                    "special_tokens": {begins_with: {"id": begins_with, "ids": [id]}},
                },
            ],
        }
    return data


@pytest.mark.parametrize(
    ("settings", "config", "data", "expected"),
    [
        # this project's base model, then its chat model
        ({"bos_token": None, "eos_token": ENDOFTEXT, "pad_token": ENDOFTEXT}, {},
         tokenizer(ENDOFTEXT), TokenIds(0, 0, 0, True)),
        ({"bos_token": None, "eos_token": "<|im_end|>", "pad_token": ENDOFTEXT}, {},
         tokenizer(ENDOFTEXT, "<|im_start|>", "<|im_end|>"), TokenIds(0, 2, 0, False)),
        # GPT-2's own folder, older ones with the tokens as objects
        ({"bos_token": ENDOFTEXT, "eos_token": {"content": ENDOFTEXT}}, {"eos_token_id": 0},
         tokenizer(ENDOFTEXT), TokenIds(0, 0, 0, False)),
        # Qwen3's base says that it begins with nothing
        ({"bos_token": None, "eos_token": ENDOFTEXT, "add_bos_token": False}, {},
         tokenizer(ENDOFTEXT), TokenIds(0, 0, 0, False)),
        # Llama 3 Instruct: the begin by its post-processor, several ends
        ({"bos_token": BEGIN, "eos_token": END}, {"eos_token_id": [1, 2]},
         tokenizer(BEGIN, "<|end_of_text|>", END, begins_with=BEGIN), TokenIds(0, 2, 2, True)),
        ({}, {"bos_token_id": 0, "eos_token_id": [1, 2]},
         tokenizer(BEGIN, "<|end_of_text|>", END), TokenIds(0, 1, 1, False)),
    ],
)  # fmt: skip
def test_ids(settings, config, data, expected, tmp_path):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert token_ids(tmp_path, config, data) == expected


def test_no_document_token_is_said(tmp_path):
    with pytest.raises(UserError, match="no document token"):
        token_ids(tmp_path, {}, tokenizer("<pad>"))


def test_templates(tmp_path):
    file = tmp_path / "tokenizer_config.json"
    assert template(tmp_path) is None
    file.write_text(json.dumps({"chat_template": "one"}))
    assert template(tmp_path) == "one"
    several = [{"name": "tools", "template": "x"}, {"name": "default", "template": "two"}]
    file.write_text(json.dumps({"chat_template": several}))
    assert template(tmp_path) == "two"
    (tmp_path / "chat_template.jinja").write_text("three")  # as transformers 5 writes it
    assert template(tmp_path) == "three"


@pytest.mark.parametrize(
    "wrong", [[{"name": "default"}], [3], {"default": "x"}, 7, [{"name": "default", "template": 1}]]
)
def test_templates_of_another_shape(tmp_path, wrong):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": wrong}))
    if wrong in ([{"name": "default"}], [3]):
        assert template(tmp_path) is None
    else:
        with pytest.raises(UserError, match="chat_template is no text"):
            template(tmp_path)


@pytest.mark.parametrize("wrong", ["<|endoftext|>", True, 1.5, ["x"]])
def test_ids_that_are_none(tmp_path, wrong):
    with pytest.raises(UserError, match=r"eos_token_id is .* no id"):
        token_ids(tmp_path, {"eos_token_id": wrong}, tokenizer(ENDOFTEXT))
