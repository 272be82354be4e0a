"""The list of artifacts."""

import httpx
import pytest
from explorer_lake import FIRST
from pages_browser import Visits
from playwright.sync_api import expect

from pipeline.serve.pages import lineage_page


def test_all_artifacts_the_newest_first(explore: Visits) -> None:
    with explore("/lineage") as page:
        kinds = page.locator("tbody td:first-child").all_inner_texts()
        assert kinds[:3] == ["search_index", "corpus", "corpus_group"]
        assert kinds[-2:] == ["scan", "scan"]
        made = page.locator("td.when").all_inner_texts()
        assert made == sorted(made, reverse=True)
        explore.check(page)
        explore.screenshots(page, "lineage")
        page.get_by_role("link", name="scan", exact=True).click()
        expect(page.locator("tbody tr")).to_have_count(2)
        page.fill("#url", FIRST)
        page.get_by_role("button", name="Trace").click()
        expect(page.locator("h1")).to_have_text("The way of a page")


def test_the_list_is_paged(fetch: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage_page, "SIZE", 3)
    found: list[str] = []
    for number in range(1, 9):
        text = fetch.get("/lineage", params={"page": number}).text
        found += [piece.split('"')[0] for piece in text.split('<td><a href="')[1:]]
        if ">Next<" not in text:
            break
    assert len(found) == len({*found}) == 10


def test_unknown_kinds_are_none(fetch: httpx.Client) -> None:
    for kind in ("nothing", "' OR 1 = 1 --", "<b class=injected>"):
        answer = fetch.get("/lineage", params={"kind": kind})
        assert "There is none." in answer.text
