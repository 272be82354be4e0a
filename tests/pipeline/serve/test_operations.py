"""What a machine's keeper and Prometheus ask, and what is logged of requests."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from model_server import asking, make_served
from prometheus_client.parser import text_string_to_metric_families

from pipeline.serve.security import KEY_VARIABLE, access
from pipeline.serve.server_log import log_to_stderr


def figures(page: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_ready_until_the_end(model_folder: Path) -> None:
    served = make_served(model_folder)

    async def ask() -> list[int]:
        async with asking(served) as client:
            before = [(await client.get(url)).status_code for url in ("/health", "/ready")]
            served.models.drain()
            return [*before, *[(await client.get(u)).status_code for u in ("/health", "/ready")]]

    assert asyncio.run(ask()) == [200, 200, 200, 503]


def test_figures_count_what_happened(model_folder: Path) -> None:
    prompt = [0, *range(5, 105)]

    async def ask() -> str:
        async with asking(make_served(model_folder)) as client:
            body = {"prompt": prompt, "max_tokens": 30, "ignore_eos": True}
            for stream in (True, False, False):
                await client.post("/v1/completions", json=body | {"stream": stream})
            await client.post("/v1/completions", json={"prompt": 5})
            await client.get("/none")
            answer = await client.get("/metrics")
            assert answer.headers["content-type"].startswith("text/plain")
            return answer.text

    found = figures(asyncio.run(ask()))
    assert found["crawl2chat_requests_total", "/v1/completions", "200"] == 3
    assert found["crawl2chat_requests_total", "/v1/completions", "400"] == 1
    assert found["crawl2chat_requests_total", "none", "404"] == 1
    assert found["crawl2chat_sampled_tokens_total", "tiny"] == 90
    assert found["crawl2chat_time_to_first_token_seconds_count",] == 3
    assert found["crawl2chat_inter_token_seconds_count",] >= 3
    assert found["crawl2chat_active_rows", "tiny"] == 0
    assert found["crawl2chat_queued", "tiny"] == 0
    read = found["crawl2chat_prompt_tokens_read_total", "tiny"]
    cached = found["crawl2chat_prompt_tokens_cached_total", "tiny"]
    assert read + cached == 3 * len(prompt)
    assert cached > len(prompt)  # the second and the third found most of it
    assert found["crawl2chat_model_bytes", "tiny"] > 100_000
    assert found["crawl2chat_resident_bytes",] > 10_000_000
    assert found["crawl2chat_request_seconds_count", "/v1/completions"] == 4


def test_a_line_for_each_request_without_what_was_said(
    model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, secret = "sk-very-secret-key", "purple elephant"
    who = access("127.0.0.1", environment={KEY_VARIABLE: key})
    caplog.set_level(logging.INFO, logger="crawl2chat")

    async def ask() -> list[Any]:
        async with asking(make_served(model_folder, access=who)) as client:
            body = {"prompt": secret, "max_tokens": 3, "user": secret}
            head = {"Authorization": f"Bearer {key}"}
            return [
                await client.post("/v1/completions?x=" + key, json=body, headers=head),
                await client.post("/v1/completions", json=body | {"n": -1}, headers=head),
                await client.get("/" + key, headers=head),
                await client.get("/v1/models", headers={"Authorization": f"Bearer {key}2"}),
            ]

    answers = asyncio.run(ask())
    lines = [json.loads(r.getMessage()) for r in caplog.records if r.name == "crawl2chat.requests"]
    assert [line["status"] for line in lines] == [200, 400, 404, 401]
    assert [line["route"] for line in lines[:3]] == ["/v1/completions"] * 2 + ["none"]
    assert [line["request"] for line in lines] == [a.headers["x-request-id"] for a in answers]
    assert len(lines[0]["key"]) == 12
    assert lines[3]["key"] == ""
    said = "\n".join(own.getMessage() for own in caplog.records if "crawl2chat" in own.name)
    for private in (key, secret, "elephant"):
        assert private not in said


def test_the_log_is_json_whoever_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    root, level = logging.getLogger(), logging.getLogger().level
    before = root.handlers[:]
    try:
        log_to_stderr()
        logging.getLogger("uvicorn.error").warning("as\nseen")
        logging.getLogger("uvicorn.error").info("too much")
        logging.getLogger("crawl2chat.serve").info("get s3://x?token=%s", "abcdefgh1234")
        logging.getLogger("crawl2chat.requests").info('{"status":200}')
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("crawl2chat.serve").exception("unforeseen")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.getLogger("crawl2chat").setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("level") for line in lines] == ["warning", "info", None, "error"]
    assert lines[0]["message"] == "as\nseen"
    assert "abcdefgh1234" not in lines[1]["message"]
    assert "ValueError: broken" in lines[3]["exception"]


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


def test_routes_and_methods_that_are_not_there(model_folder: Path) -> None:
    async def ask() -> list[Any]:
        async with asking(make_served(model_folder)) as client:
            return [
                await client.get("/v1/nothing"),
                await client.get("/v1/completions"),
                await client.delete("/v1/models/tiny"),
                await client.get("/docs"),
                await client.get("/redoc"),
            ]

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [404, 405, 405, 404, 404]
    assert answers[1].headers["allow"] == "POST"
    for answer in answers:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
