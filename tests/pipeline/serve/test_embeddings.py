"""POST /v1/embeddings."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_server import CONTEXT, asking, make_served
from random_models import byte_tokenizer

from pipeline.export import load
from pipeline.model.engine import Engine


def ask(folder: Path, *bodies: Any) -> list[Any]:
    async def gather() -> list[Any]:
        async with asking(make_served(folder)) as client:
            asked = (client.post("/v1/embeddings", json=body) for body in bodies)
            return list(await asyncio.gather(*asked))

    return asyncio.run(gather())


def test_the_mean_of_the_last_hidden_states_in_either_form(model_folder: Path) -> None:
    texts = ["the cat", "a dog"]
    ids = [[0, *byte_tokenizer().encode(text)] for text in texts]
    wanted = Engine(load(model_folder)[0]).embed(ids)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    by_text, by_ids, coded, one = ask(
        model_folder,
        {"input": texts},
        {"input": ids, "encoding_format": "float"},
        {"input": texts, "encoding_format": "base64", "dimensions": wanted.shape[1]},
        {"input": "the cat", "model": "tiny"},
    )
    for answer in (by_text, by_ids):
        found = [item["embedding"] for item in answer.json()["data"]]
        assert np.allclose(found, wanted, atol=1e-7)
        assert [item["index"] for item in answer.json()["data"]] == [0, 1]
        tokens = sum(map(len, ids))
        assert answer.json()["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    data = [base64.b64decode(item["embedding"]) for item in coded.json()["data"]]
    assert np.allclose([np.frombuffer(item, "<f4") for item in data], wanted, atol=1e-7)
    assert len(one.json()["data"]) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": 5}, "input"),
        ({"input": [1] * (CONTEXT + 1)}, "input"),
        ({"input": [9_999]}, "input"),
        ({"input": "x", "dimensions": 3}, "dimensions"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": ["x"] * 3_000}, "input"),
    ],
)
def test_wrong_values_are_named(model_folder: Path, body: Any, param: str) -> None:
    (answer,) = ask(model_folder, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert param in answer.json()["error"]["message"]
