"""Bodies that are too large, too slow, too deep or no JSON never reach a parser of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import asking, make_served

from pipeline.serve.body_limits import BodyLimits, nesting, only_brackets
from pipeline.serve.config import ServeConfig

KEYS = st.text('[{"\\', max_size=3)
JSON = {"Content-Type": "application/json"}
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text('[]{}"\\ab', max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text('[{"\\', max_size=3), inner, max_size=3),
    ),
    max_leaves=20,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_nesting_is_counted_without_parsing(value: Any, indent: Any, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii).encode()
    assert nesting(only_brackets(text), 100) == depth(value)


def test_counting_ends() -> None:
    assert nesting(b"[" * 100_000 + b"]" * 100_000, 64) == 65
    assert nesting(b"[" + b"[]" * 50_000 + b"[]]", 64) == 2


def test_a_body_of_too_many_pieces_is_not_parsed(model_folder: Path) -> None:
    """Millions of empty lists take seconds, in a body of a few megabytes."""
    body = b'{"prompt": "[{", "max_tokens": 1, "x": [' + b"[]," * 9 + b"[]]}"
    assert post(model_folder, body, max_json_containers=12).status_code == 200
    answer = post(model_folder, body, max_json_containers=11)
    assert answer.status_code == 400
    assert "more than 11 lists and objects" in answer.json()["error"]["message"]


def post(folder: Path, content: Any, head: dict[str, str] = JSON, **limits: Any) -> Any:
    async def ask() -> Any:
        async with asking(make_served(folder, config=ServeConfig(**limits))) as client:
            return await client.post("/v1/completions", content=content, headers=head)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"prompt": NaN}', "no JSON"),
        (b'{"prompt": "\\ud800"}', "no JSON"),
        (b'{"prompt": "x"} x', "no JSON"),
        (b'{"prompt": ' + b"[" * 100 + b"]" * 100 + b"}", "nested deeper than 64"),
        (b"[" * 5_000 + b"]" * 5_000, "no JSON"),
        (b'["prompt"]', "JSON object"),
        (b'"prompt"', "JSON object"),
        (b"5", "JSON object"),
        (b"null", "JSON object"),
    ],
)
def test_what_is_no_json_object(model_folder: Path, body: bytes, words: str) -> None:
    answer = post(model_folder, body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_other_types_are_refused(model_folder: Path) -> None:
    body = b'{"prompt": "x", "max_tokens": 1}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = post(model_folder, body, {"Content-Type": kind})
        assert answer.status_code == 415
        assert "application/json" in answer.json()["error"]["message"]
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        assert post(model_folder, body, {"Content-Type": kind}).status_code == 200


def test_a_large_body_is_refused_however_it_comes(model_folder: Path) -> None:
    body = json.dumps({"prompt": "x" * 2_000}).encode()
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for start in range(0, len(body), 100):
            taken += 1
            yield body[start : start + 100]

    for content in (body, pieces()):
        answer = post(model_folder, content, max_body_bytes=1_000)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "body_too_large"
    assert taken < 14  # no more was read than what was too much
    lying = {**JSON, "Content-Length": "9" * 40}
    assert post(model_folder, b"{}", lying, max_body_bytes=1_000).status_code == 413


def call(limits: ServeConfig, messages: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """What comes out of the middleware by itself, and what came through."""
    sent: list[Any] = []
    through: list[Any] = []

    async def app(_: Any, receive: Any, __: Any) -> None:
        through.append(await receive())
        through.append(await receive())

    async def receive() -> Any:
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    asyncio.run(BodyLimits(app, limits)(scope, receive, send))
    return sent, through


def test_a_slow_body_is_given_up() -> None:
    piece = {"type": "http.request", "body": b"{", "more_body": True}
    sent, through = call(ServeConfig(body_timeout_seconds=0.05), [piece])
    assert sent[0]["status"] == 408
    assert through == []


def test_a_client_that_leaves_while_it_speaks_gets_no_answer() -> None:
    piece = {"type": "http.request", "body": b"{", "more_body": True}
    assert call(ServeConfig(), [piece, {"type": "http.disconnect"}]) == ([], [])


def test_the_body_comes_in_one_piece_and_then_what_the_client_does() -> None:
    pieces = [{"type": "http.request", "body": part, "more_body": True} for part in (b"{", b"}")]
    gone = {"type": "http.disconnect"}
    _, through = call(ServeConfig(), [*pieces, {"type": "http.request"}, gone])
    assert through == [{"type": "http.request", "body": b"{}", "more_body": False}, gone]
