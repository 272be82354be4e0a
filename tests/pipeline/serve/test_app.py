"""The application as a whole: what is not there, and what its OpenAPI document says."""

import asyncio
from pathlib import Path
from typing import Any

from model_server import asking, make_served
from starlette.routing import Mount, Route

from pipeline.serve.app import ROUTES


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


def test_the_document_names_our_errors_alone(model_folder: Path) -> None:
    async def ask() -> Any:
        async with asking(make_served(model_folder)) as client:
            return (await client.get("/openapi.json")).json()

    document = asyncio.run(ask())
    assert {"/v1/completions", "/v1/models", "/v1/embeddings", "/tokenize"} <= set(
        document["paths"]
    )
    for route, ways in document["paths"].items():
        for way in ways.values():
            assert "422" not in way["responses"], route
            assert {"4XX", "5XX"} <= set(way["responses"]), route
    fields = document["components"]["schemas"]["CompletionRequest"]["properties"]
    assert {"prompt", "max_tokens", "logprobs", "temperature", "min_p"} <= set(fields)


def test_a_request_is_tried_on_each_route_once(model_folder: Path) -> None:
    """Routers that are included are asked anew for each request: a seventh of what it cost."""
    served = make_served(model_folder)
    assert [route for route in served.app.routes if route in ROUTES] == ROUTES
    assert all(isinstance(route, Route | Mount) for route in served.app.routes)
