"""Every answer forbids a browser what pages don't need: also errors, streams and files."""

from pathlib import Path

import pytest
from asgi_calls import calls
from model_server import make_served

ASKED = [
    ("GET", "/", None),
    ("GET", "/nowhere", None),
    ("GET", "/static/site.css", None),
    ("GET", "/v1/models", None),
    ("POST", "/v1/completions", {"prompt": "x", "max_tokens": 1, "stream": True}),
    ("POST", "/v1/completions", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_every_answer_has_the_policy(
    model_folder: Path, method: str, path: str, body: dict[str, object] | None
) -> None:
    with calls(make_served(model_folder).app) as asked:
        headers = asked.send(method, path, body).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
