"""What goes wrong: a page for browsers, JSON for programs, and text stays text."""

from pathlib import Path
from urllib.parse import quote

from asgi_calls import calls
from injection_strings import INJECTIONS, kinds_of_elements
from model_server import make_served
from pages_browser import Visits

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_a_browser_sees_a_page(visit: Visits) -> None:
    with visit("/nowhere") as page:
        assert page.inner_text("h1") == "Not found"
        (said,) = visit.problems  # the browser's own words
        assert "404" in said
        visit.problems.clear()
        visit.check(page)
        page.click("main a")
        page.wait_for_url("**/")


def test_a_program_gets_json(model_folder: Path) -> None:
    with calls(make_served(model_folder).app) as asked:
        assert asked.send("GET", "/nowhere").json()["error"]["type"] == "not_found_error"
        wrong = asked.send("POST", "/", {}, headers=HTML)
        assert (wrong.status_code, wrong.headers["content-type"]) == (
            405,
            "text/html; charset=utf-8",
        )


def test_names_of_models_stay_text(model_folder: Path) -> None:
    """An error repeats what was asked for."""
    with calls(make_served(model_folder).app) as asked:

        def shown(text: str) -> str:
            path = f"/tokenizer_info?model={quote(text.encode())}"
            page = asked.send("GET", path, headers=HTML)
            assert page.status_code == 404
            return page.text

        plain = kinds_of_elements(shown("harmless"))
        for text in INJECTIONS:
            assert kinds_of_elements(shown(text)) == plain, text
