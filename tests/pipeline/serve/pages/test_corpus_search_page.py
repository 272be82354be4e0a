"""Search, by words and by address."""

import httpx
from explorer_lake import EVIL_URL, FIRST, MAIL
from pages_browser import Visits
from playwright.sync_api import expect


def test_passages_with_the_words_marked(explore: Visits) -> None:
    with explore("/corpus") as page:
        page.fill("#q", "write for more")
        page.get_by_role("button", name="Search").click()
        first = page.locator(".found li").first
        expect(first.locator("a")).to_have_text(FIRST)
        assert "Write" in first.locator("mark").all_inner_texts()
        assert MAIL not in page.inner_text("main")  # the corpus has a placeholder for it
        explore.check(page)
        first.locator("a").click()
        expect(page.locator("h1")).to_have_text("Kept")


def test_any_page_by_a_piece_of_its_address(fetch: httpx.Client) -> None:
    answer = fetch.get("/corpus/search", params={"q": "<script>", "by": "address"})
    assert answer.text.count("/corpus/document?") == 1  # not its metadata
    assert "&lt;script&gt;" in answer.text
    assert EVIL_URL not in answer.text
    nothing = fetch.get("/corpus/search", params={"q": "%", "by": "address"})
    assert "No page has this in its address" in nothing.text  # no pattern of SQL


def test_without_an_index_addresses_are_searched(page_server: str) -> None:
    answer = httpx.get(f"{page_server}/corpus/search?q=x", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "crawl2chat run search-index" in answer.text
