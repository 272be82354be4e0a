"""A server with keys: pages want one, a form takes it, a cookie keeps it, a button ends it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from asgi_calls import AsgiCalls, calls
from injection_strings import INJECTIONS, kinds_of_elements
from model_server import listening, make_served
from pages_browser import OpenBrowser, Visits

from pipeline.serve.login_sessions import COOKIE
from pipeline.serve.security import Access, key_digest

KEY = "a-key-of-ours"
WHO = Access(keys=(key_digest("another"), key_digest(KEY)))
HTML = {"accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded", "origin": "http://localhost"}


@pytest.fixture
def asked(model_folder: Path) -> Iterator[AsgiCalls]:
    with calls(make_served(model_folder, access=WHO).app) as made:
        yield made


def test_a_browser_logs_in_and_out(chromium: OpenBrowser, tool_model: Path) -> None:
    with listening(make_served(tool_model, access=WHO)) as root:
        visits = Visits(chromium, root)
        with visits("/nowhere?a=1&b=%2F") as page:
            assert page.url.endswith("/login?next=/nowhere%3Fa%3D1%26b%3D%252F")
            visits.check(page)
            visits.screenshots(page, "login")
            page.fill("#key", "wrong")
            page.keyboard.press("Enter")
            page.wait_for_selector("[role=alert]")
            visits.problems.clear()  # a browser says 401 on its console
            visits.check(page)
            page.fill("#key", KEY)
            page.keyboard.press("Enter")
            page.wait_for_url("**/nowhere?a=1&b=%2F")
            visits.problems.clear()
            page.goto(root)
            (cookie,) = page.context.cookies()
            assert cookie["httpOnly"]
            assert cookie["sameSite"] == "Strict"
            assert KEY not in cookie["value"]
            models = "fetch('/v1/models').then(answer => answer.status)"
            assert page.evaluate(models) == 200
            posted = (
                "fetch('/v1/completions', {method: 'POST', body: JSON.stringify({prompt: 'x',"
                " max_tokens: 1}), headers: {'content-type': 'application/json'}})"
                ".then(answer => answer.status)"
            )
            assert page.evaluate(posted) == 200
            visits.check(page)
            page.click("text=Log out")
            page.wait_for_url("**/login")
            assert page.evaluate(models) == 401


def test_a_login_without_scripts(chromium: OpenBrowser, tool_model: Path) -> None:
    with (
        listening(make_served(tool_model, access=WHO)) as root,
        Visits(chromium, root)("/", scripts=False) as page,
    ):
        page.fill("#key", KEY)
        page.click("button.primary")
        page.wait_for_url(f"{root}/")
        assert page.locator(".models dt").inner_text() == "tool_model"


def test_programs_get_no_form(asked: AsgiCalls) -> None:
    assert asked.send("GET", "/").status_code == 401
    wrong = HTML | {"authorization": "Bearer x"}
    assert asked.send("GET", "/", headers=wrong).status_code == 401
    assert asked.send("POST", "/v1/completions", {}).status_code == 401
    for method, path, target in (("GET", "/chat", "/chat"), ("POST", "/logout", "/")):
        sent = asked.send(method, path, headers=HTML)
        assert (sent.status_code, sent.headers["location"]) == (303, f"/login?next={target}")


def test_a_wrong_key_opens_nothing(asked: AsgiCalls) -> None:
    sent = asked.send("POST", "/login", content=f"key={KEY[:-1]}", headers=FORM)
    assert sent.status_code == 401
    assert "set-cookie" not in sent.headers
    other = asked.send("GET", "/v1/models", headers={"cookie": f"{COOKIE}={KEY}"})
    assert other.status_code == 401


def test_another_origin_logs_nobody_in(asked: AsgiCalls) -> None:
    headers = FORM | {"origin": "http://evil.invalid"}
    sent = asked.send("POST", "/login", content=f"key={KEY}", headers=headers)
    assert sent.status_code == 403
    assert "set-cookie" not in sent.headers


@pytest.mark.parametrize(
    "target",
    ["//evil.invalid", "https://evil.invalid", "/\\evil.invalid", "/\t/evil.invalid", "x", ""],
)
def test_a_login_leads_nowhere_else(asked: AsgiCalls, target: str) -> None:
    form = {"key": KEY, "next": target}
    sent = asked.run(asked.client.post("/login", data=form, headers={"origin": "http://localhost"}))
    assert (sent.status_code, sent.headers["location"]) == (303, "/")


def test_where_it_leads_stays_text(asked: AsgiCalls) -> None:
    def shown(text: str) -> str:
        return asked.run(asked.client.get("/login", params={"next": f"/{text}"})).text

    plain = kinds_of_elements(shown("harmless"))
    for text in INJECTIONS:
        assert kinds_of_elements(shown(text)) == plain, text


def test_forms_are_bounded(asked: AsgiCalls) -> None:
    sent = asked.send("POST", "/login", content="key=" + "x" * 100_000, headers=FORM)
    assert sent.status_code == 413
    for odd in (b"\xff=\xff", b"&".join([b"a=b"] * 1_000), b"key=%ff"):
        assert asked.send("POST", "/login", content=odd, headers=FORM).status_code == 400
