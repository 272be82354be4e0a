"""The funnel."""

import httpx
from explorer_lake import HOSTILE, OTHERS
from pages_browser import Visits
from playwright.sync_api import expect

# With the first and the one with the evil address; one of the hostile ones is dropped.
KEPT = len(OTHERS) + len(HOSTILE) - 1 + 2


def test_the_funnel_adds_up(explore: Visits) -> None:
    with explore("/corpus") as page:
        # two files' warcinfo, and a response with its metadata of each page; three are dropped
        read = 2 + 2 * (KEPT + 3)
        assert page.inner_text("h2#funnel") == f"{read} records read, {KEPT} kept"
        stages = page.locator(".funnel summary .name").all_inner_texts()
        assert stages == ["read", "gopher quality", "c4", "dedup"]
        assert page.locator(".funnel .kept .numbers").inner_text().startswith(f"{KEPT} of {read}")
        # What the last stage leaves is what was kept.
        left = [bar.get_attribute("width") for bar in page.locator(".bar .left").all()]
        assert left[-1] == left[-2] == str(round(1000 * KEPT / read, 2))
        page.locator("summary", has_text="dedup").click()
        page.get_by_role("link", name="minhash").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("All records")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.go_back()
        expect(page.locator("summary", has_text="dedup")).to_be_visible()
        explore.check(page)
        explore.screenshots(page, "corpus")


def test_the_funnel_needs_no_script(explore: Visits) -> None:
    with explore("/corpus", scripts=False) as page:
        page.locator("summary", has_text="gopher quality").click()
        assert page.get_by_role("link", name="min_words").is_visible()


def test_a_lake_without_a_corpus_says_what_makes_one(visit: Visits, page_server: str) -> None:
    # a corpus that was put there by hand, with neither funnel nor ledger
    answer = httpx.get(f"{page_server}/corpus/records", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "There is no such record" in answer.text
