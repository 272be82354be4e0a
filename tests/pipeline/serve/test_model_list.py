"""GET /v1/models."""

import asyncio
from pathlib import Path
from typing import Any

from model_server import asking, make_served


def test_models_on_offer(model_folder: Path, other_folder: Path) -> None:
    async def ask() -> list[Any]:
        async with asking(make_served(model_folder, other_folder)) as client:
            await client.post("/v1/completions", json={"prompt": "x", "max_tokens": 1})
            urls = ("/v1/models", "/v1/models/other", "/v1/models/none", "/v1/models/a/b")
            return [await client.get(url) for url in urls]

    every, one, none, path = asyncio.run(ask())
    assert [m["id"] for m in every.json()["data"]] == ["tiny", "other"]
    assert every.json()["object"] == "list"
    loaded, waiting = every.json()["data"]
    assert loaded.keys() - waiting.keys() == {"max_model_len"}
    assert one.json() == waiting
    assert one.json()["object"] == "model"
    for missing in (none, path):
        assert missing.status_code == 404
        assert missing.json()["error"]["code"] == "model_not_found"
