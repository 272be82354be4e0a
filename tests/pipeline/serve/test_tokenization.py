"""Tokens of texts, for programs that count them by the server's tokenizer."""

import asyncio
from pathlib import Path
from typing import Any

from model_server import CONTEXT, asking, make_served, tiny_folder
from random_models import byte_tokenizer


def ask(folder: Path, *asked: tuple[str, Any]) -> list[Any]:
    async def one_by_one() -> list[Any]:
        async with asking(make_served(folder)) as client:
            return [
                await (client.get(url) if body is None else client.post(url, json=body))
                for url, body in asked
            ]

    return asyncio.run(one_by_one())


def test_there_and_back(model_folder: Path) -> None:
    text = "the cat \N{SNOWMAN} <|im_end|> \0"
    ids = byte_tokenizer().encode(text)
    plain, begun, named, back, odd = ask(
        model_folder,
        ("/tokenize", {"prompt": text, "add_special_tokens": False}),
        ("/tokenize", {"prompt": text}),
        ("/tokenize", {"prompt": text, "return_token_strs": True, "model": "tiny"}),
        ("/detokenize", {"tokens": ids}),
        ("/detokenize", {"tokens": [0, 255, 2**31 - 1]}),
    )
    # what is written like a special token is text
    assert plain.json()["tokens"] == ids
    assert plain.json()["count"] == len(ids)
    assert plain.json()["max_model_len"] == CONTEXT
    assert begun.json()["tokens"] == [0, *ids]
    assert named.json()["token_strs"][:3] == ["<|endoftext|>", "th", "e"]
    assert back.json() == {"prompt": text}
    assert odd.status_code == 200


def test_what_a_remote_tokenizer_asks(model_folder: Path, tmp_path: Path) -> None:
    info, id = ask(
        model_folder,
        ("/tokenizer_info", None),
        ("/tokenize", {"prompt": "<|im_end|>", "add_special_tokens": False}),
    )
    told = info.json()
    assert (told["bos_token"], told["pad_token"]) == ("<|endoftext|>", "<|endoftext|>")
    assert "<|im_start|>" in told["chat_template"]
    assert id.json()["tokens"] == [259]
    (base,) = ask(tiny_folder(tmp_path / "base", chat=False), ("/tokenizer_info?model=base", None))
    assert base.json()["eos_token"] == "<|endoftext|>"
    assert base.json()["chat_template"] is None


def test_wrong_values_are_named(model_folder: Path) -> None:
    wrong = [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": ["x"]}, "prompt"),
        ("/detokenize", {"tokens": [-1]}, "tokens.0"),
        ("/detokenize", {"tokens": "x"}, "tokens"),
        ("/tokenize", {"prompt": "x", "model": "none"}, "model"),
        ("/tokenizer_info?model=none", None, "model"),
    ]
    found = ask(model_folder, *((url, body) for url, body, _ in wrong))
    for (url, _, param), answer in zip(wrong, found):
        assert answer.status_code in (400, 404), url
        assert answer.json()["error"]["param"] == param
