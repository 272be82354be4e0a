"""What is logged of requests, and what is not."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from model_server import asking, make_served

from pipeline.serve.security import KEY_VARIABLE, access


def test_a_line_for_each_request_without_what_was_said(
    model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, secret = "sk-very-secret-key", "purple elephant"
    who = access("127.0.0.1", environment={KEY_VARIABLE: key})
    caplog.set_level(logging.INFO, logger="crawl2chat")

    async def ask() -> list[Any]:
        async with asking(make_served(model_folder, access=who)) as client:
            body = {"prompt": secret, "max_tokens": 3, "user": secret, "ignore_eos": True}
            head = {"Authorization": f"Bearer {key}"}
            return [
                await client.post("/v1/completions?x=" + key, json=body, headers=head),
                await client.post("/v1/completions", json=body | {"stream": True}, headers=head),
                await client.post("/v1/completions", json=body | {"n": -1}, headers=head),
                await client.get("/" + key, headers=head),
                await client.get("/v1/models", headers={"Authorization": f"Bearer {key}2"}),
            ]

    answers = asyncio.run(ask())
    lines = [json.loads(r.getMessage()) for r in caplog.records if r.name == "crawl2chat.requests"]
    assert [line["status"] for line in lines] == [200, 200, 400, 404, 401]
    assert [line["route"] for line in lines[:4]] == ["/v1/completions"] * 3 + ["none"]
    assert [line["request"] for line in lines] == [a.headers["x-request-id"] for a in answers]
    assert len(lines[0]["key"]) == 12
    assert lines[4]["key"] == ""
    for line in lines[:2]:
        assert (line["prompt_tokens"], line["completion_tokens"]) == (1 + len(secret), 3)
    assert "prompt_tokens" not in lines[2]
    said = "\n".join(own.getMessage() for own in caplog.records if "crawl2chat" in own.name)
    for private in (key, secret, "elephant"):
        assert private not in said
