"""What a machine's keeper and Prometheus ask."""

import asyncio
from pathlib import Path

from model_server import asking, make_served
from prometheus_client.parser import text_string_to_metric_families


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
    # once the model is known to be quick a short answer may come as one piece
    assert found["crawl2chat_inter_token_seconds_count",] >= 1
    assert found["crawl2chat_active_rows", "tiny"] == 0
    assert found["crawl2chat_queued", "tiny"] == 0
    read = found["crawl2chat_prompt_tokens_read_total", "tiny"]
    cached = found["crawl2chat_prompt_tokens_cached_total", "tiny"]
    assert read + cached == 3 * len(prompt)
    assert cached > len(prompt)  # the second and the third found most of it
    assert found["crawl2chat_model_bytes", "tiny"] > 100_000
    assert found["crawl2chat_resident_bytes",] > 10_000_000
    assert found["crawl2chat_request_seconds_count", "/v1/completions"] == 4
