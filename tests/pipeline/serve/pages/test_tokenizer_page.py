"""The tokenizer's page: the same tokens with and without scripts, merges, trained-on view."""

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from asgi_calls import calls
from injection_strings import ALL, kinds_of_elements, strange_elements
from model_server import make_served
from pages_browser import Visits
from playwright.sync_api import Route, expect

from flows.cli.served_lake import ServedLake
from pipeline.chat.conversation import from_row, render
from pipeline.serve.pages.tokenizer_page import MOST_CHARACTERS, MOST_SHOWN
from pipeline.tokenizer import Tokenizer
from storage import Lake

TEXT = "Ada Abel was born.\n\t12 naïve 👋"
TOKENS = "#panels .panel:nth-child({}) .tokens .token"


def test_tokens_follow_the_typing(visit: Visits, page_lake: Lake) -> None:
    folders = {name: page_lake.local(name, page_lake.heads()[name]) for name in ("base", "sft")}
    with visit("/tokenizer?with=base&with=sft") as page:
        page.fill("#text", TEXT)
        for number, folder in enumerate(folders.values(), start=1):
            ids = Tokenizer.load(folder).encode(TEXT)
            expect(page.locator(TOKENS.format(number))).to_have_count(len(ids))
            found = page.locator(TOKENS.format(number)).evaluate_all(
                "all => all.map(one => Number(one.dataset.token))"
            )
            assert found == ids
        page.uncheck("input[value=base]")
        expect(page.locator(".panel")).to_have_count(1)
        page.click(".panel summary")
        visit.check(page)


def test_the_last_text_is_asked_for_once_the_answer_before_has_come(visit: Visits) -> None:
    held: list[Route] = []
    path = "**/tokenizer/tokens"

    def hold(route: Route) -> None:
        held.append(route)

    with visit("/tokenizer?with=base&text=") as page:
        page.route(path, hold)
        with page.expect_request(path):
            page.locator("#text").press_sequentially("abc")
        for number in (0, 1):
            for _ in range(3_000):
                if len(held) > number:
                    break
                page.wait_for_timeout(10)
            held[number].continue_()
        expect(page.locator("#panels .facts")).to_contain_text("3 characters")
    asked = [json.loads(one.request.post_data or "")["text"] for one in held]
    assert (asked[0], asked[-1], len(asked)) == ("a", "abc", 2)


def test_a_token_tells_its_merges(visit: Visits) -> None:
    with visit("/tokenizer?" + urlencode({"with": "sft", "text": "a calculator!"})) as page:
        page.locator(".panel .token", has_text="calculator").click()
        page.wait_for_selector(".merges li")
        assert page.locator(".merges li").count() == 9
        assert page.locator(".merges li:last-child .piece").all_inner_texts() == ["calculator"]
        page.click(".panel summary")
        page.locator(".ids button").last.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#made p:has-text('single byte')")
        visit.check(page)
        visit.screenshots(page, "tokenizer")


def test_all_of_it_without_scripts(visit: Visits) -> None:
    with visit("/tokenizer", scripts=False) as page:
        page.fill("#text", "calculator!")
        page.uncheck("input[value=tokenizer]")
        page.check("input[value=sft]")
        page.click("#go")
        page.click(".panel summary")
        page.locator(".ids button").first.click()
        assert page.locator(".merges li:last-child .piece").all_inner_texts() == ["calculator"]
        assert page.input_value("#text") == "calculator!"
        before = page.inner_text("#talk .tokens")
        page.click("text=Next")
        assert page.inner_text("#talk .tokens") != before
        assert page.inner_text("#talk").count("Conversation 2 of") == 1


def test_scripts_and_the_server_show_the_same(visit: Visits) -> None:
    """What JavaScript draws anew is what the server has drawn."""
    with visit("/tokenizer?" + urlencode({"with": "base", "text": TEXT})) as page:
        before = page.inner_text("#panels")
        page.evaluate("document.querySelector('#panels').replaceChildren()")
        page.click("#go")
        page.wait_for_selector(".panel")
        assert page.inner_text("#panels") == before


def test_what_a_conversation_teaches(visit: Visits, page_lake: Lake) -> None:
    rows = ServedLake(page_lake).rows("SELECT messages, tools FROM conversations ORDER BY id")
    tokenizer = Tokenizer.load(page_lake.local("sft", page_lake.heads()["sft"]))
    _, mask = render(from_row(rows.slice(7, 1).to_pylist()[0]), tokenizer)
    with visit("/tokenizer?talk=7") as page:
        learned = page.locator("#talk .tokens .token").evaluate_all(
            "all => all.map(one => Number(one.classList.contains('learned')))"
        )
        assert learned == mask
        assert f"{sum(mask)} of {len(mask)} tokens" in page.inner_text("#talk")
        page.select_option("#source", "spelling")
        page.click("text=First")
        page.wait_for_url("**source=spelling**")
        assert ", spelling, " in page.inner_text("#talk .facts")


def test_what_an_address_says_stays_text(page_lake: Lake, tmp_path: Path) -> None:
    from flows.cli.serve import model_sources

    shown = ServedLake(page_lake)
    served = make_served(*model_sources(page_lake, ()), lake=shown)
    with calls(served.app) as asked:

        def page(**query: str) -> str:
            answer = asked.run(asked.client.get("/tokenizer", params=query))
            assert answer.status_code in (200, 400, 404)
            return answer.text

        plain = kinds_of_elements(page(text="\u0001harmless\n", **{"with": "base"}))
        both = page(text=ALL, source=ALL, **{"with": "base"})
        assert kinds_of_elements(both) <= plain
        for odd in (page(token=f"{ALL}:1"), page(**{"with": ALL})):
            assert strange_elements(odd) == []
    shown.close()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/tokenizer/tokens", {"text": "x" * (MOST_CHARACTERS + 1), "names": ["base"]}, 422),
        ("/tokenizer/tokens", {"text": "x", "names": ["base"] * 9}, 422),
        ("/tokenizer/tokens", {"text": "x", "names": ["/etc/passwd"]}, 404),
        ("/tokenizer/merges", {"name": "base", "token": -1}, 400),
        ("/tokenizer/merges", {"name": "base", "token": 10**12}, 400),
        ("/tokenizer/merges", {"name": "../base", "token": 1}, 404),
    ],
)
def test_what_is_refused(page_lake: Lake, path: str, body: dict[str, object], status: int) -> None:
    from flows.cli.serve import model_sources

    with calls(make_served(*model_sources(page_lake, ())).app) as asked:
        found, error = asked.refused(path, body)
        assert found in (status, 400)
        assert "\n" not in error["message"]


def test_whose_tokens_are_the_same_is_said(page_lake: Lake) -> None:
    from flows.cli.serve import model_sources

    with calls(make_served(*model_sources(page_lake, ())).app) as asked:
        body = {"text": TEXT, "names": ["sft", "base", "sft"]}
        found = asked.send("POST", "/tokenizer/tokens", body).json()
        assert [one["same_as"] for one in found] == ["", "", "the tokenizer of sft"]


def test_a_long_text_is_counted_whole(page_lake: Lake) -> None:
    from flows.cli.serve import model_sources

    with calls(make_served(*model_sources(page_lake, ())).app) as asked:
        body = {"text": "x1" * (MOST_CHARACTERS // 2), "names": ["base"]}
        (one,) = asked.send("POST", "/tokenizer/tokens", body).json()
        assert len(one["tokens"]) == MOST_SHOWN
        assert f"{MOST_SHOWN + one['hidden']:,} tokens" in one["facts"]
