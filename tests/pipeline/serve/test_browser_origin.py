"""What other origins' pages make a browser send is refused; programs and our own pages may ask."""

from pathlib import Path

import pytest
from asgi_calls import calls
from model_server import make_served

from pipeline.serve.login_sessions import COOKIE
from pipeline.serve.security import Access

BODY = {"prompt": "x", "max_tokens": 1}
COOKIES = f"{COOKIE}=x"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"origin": "http://localhost"}, 200),
        ({"origin": "https://LOCALHOST"}, 200),  # behind a proxy that ends TLS
        ({"origin": "http://localhost:3000"}, 403),  # to a browser the same site
        ({"origin": "http://evil.invalid"}, 403),
        ({"origin": "http://localhost.evil.invalid"}, 403),
        ({"origin": "http://localhost@evil.invalid"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"cookie": COOKIES}, 403),
        ({"cookie": COOKIES, "sec-fetch-site": "same-site"}, 403),
        ({"cookie": COOKIES, "sec-fetch-site": "same-origin"}, 200),
        ({"cookie": COOKIES, "origin": "http://localhost"}, 200),
    ],
)
def test_who_may_post(model_folder: Path, headers: dict[str, str], status: int) -> None:
    with calls(make_served(model_folder).app) as asked:
        assert asked.send("POST", "/v1/completions", BODY, headers=headers).status_code == status
        assert asked.send("GET", "/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(("allowed", "status"), [("http://a.invalid", 200), ("*", 200)])
def test_origins_that_the_command_line_names(model_folder: Path, allowed: str, status: int) -> None:
    who = Access(origins=(allowed,))
    with calls(make_served(model_folder, access=who).app) as asked:
        headers = {"origin": "http://a.invalid"}
        assert asked.send("POST", "/v1/completions", BODY, headers=headers).status_code == status
