"""What goes wrong: a page for browsers, JSON for programs, and text stays text."""

import contextlib
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from asgi_calls import calls
from injection_strings import INJECTIONS, kinds_of_elements
from model_server import make_served
from pages_browser import Visits
from small_disk import small_disk  # noqa: F401

from pipeline.chat.conversation import Conversation, user
from pipeline.evals.vote_store import Battle, Contender, opened_votes
from pipeline.serve.pages import tokenizer_page
from pipeline.serve.people_work import PeopleWork

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


def test_a_full_disk_is_said_and_the_vote_can_be_sent_again(
    model_folder: Path,
    small_disk: Path,  # noqa: F811
) -> None:
    votes = small_disk / "votes.sqlite"
    a, b = (Contender(name, f"{name} answers", 2) for name in ("a", "b"))
    battle = Battle(Conversation((user("Who?"),)), "test", a, b, first="a", sampling={})
    with opened_votes(votes, create=True) as store:
        number = store.begin(battle, "mara", 1.0).id
    work = PeopleWork(small_disk / "tasks.sqlite", votes)
    form = {"content-type": "application/x-www-form-urlencoded", "origin": "http://localhost"}
    with calls(make_served(model_folder, work=work).app) as asked:

        def send(path: str, said: str) -> httpx.Response:
            return asked.send("POST", path, content=said, headers=form | HTML)

        assert send("/rater?to=/arena", "rater=mara").status_code == 303
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        full = send("/arena/vote", f"battle={number}&choice=first")
        assert full.status_code == 507
        assert "disk is full: nothing was saved" in full.text
        assert "<h1" in full.text
        filler.unlink()
        again = send("/arena/vote", f"battle={number}&choice=first")
        assert (again.status_code, again.headers["location"]) == (303, f"/arena?voted={number}")
    with opened_votes(votes) as store:
        assert store.vote_count() == 1


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


def test_what_nobody_foresaw_is_a_page_too(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(tokenizer_page, "tokenizers_of", broken)
    with calls(make_served(model_folder).app) as asked:
        page = asked.send("GET", "/tokenizer", headers=HTML)
        assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
        assert "n error of the server, which its log describes" in page.text
        assert "secret" not in page.text
        told = asked.send("GET", "/tokenizer")
        assert told.json()["error"]["type"] == "server_error"
    assert "ZeroDivisionError" in caplog.text
