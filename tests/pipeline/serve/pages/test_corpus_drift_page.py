"""Drift between dumps and corpora."""

import httpx
from explorer_lake import DUMPS
from pages_browser import Visits
from playwright.sync_api import expect


def test_the_last_two_dumps(explore: Visits) -> None:
    with explore("/corpus/drift") as page:
        chosen = [page.input_value("#before"), page.input_value("#now")]
        assert chosen == [f"dump:{dump}" for dump in DUMPS]
        row = page.locator("tr", has_text="min_words").locator("td").all_inner_texts()
        # one page of the five of the first dump, none of the others of the second
        assert [row[2], row[3], row[4]] == ["20.0%", "0.0%", "-20.0%"]
        explore.check(page)
        page.select_option("#now", chosen[0])
        page.get_by_role("button", name="Compare").click()
        page.wait_for_url("**now=*")
        expect(page.locator("td:nth-child(5)").first).to_have_text("+0.0%")
        assert {*page.locator("td:nth-child(5)").all_inner_texts()} == {"+0.0%"}


def test_what_it_does_not_know_is_left_aside(fetch: httpx.Client) -> None:
    answer = fetch.get("/corpus/drift", params={"before": "corpus:../../x", "now": "dump:' OR 1"})
    assert answer.status_code == 200
    assert "min_words" in answer.text


def test_without_two_crawls_there_is_no_drift(page_server: str) -> None:
    answer = httpx.get(f"{page_server}/corpus/drift", headers={"accept": "text/html"})
    assert "no crawl so far" in answer.text
