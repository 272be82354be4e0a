"""The way of a page from its bytes to what was made of it."""

import httpx
from explorer_lake import COPY, FIRST
from pages_browser import Visits
from playwright.sync_api import expect

from storage import Lake, catalog


def test_from_the_warc_record_to_the_index(explore: Visits, explorer_lake: Lake) -> None:
    row = catalog.query(
        explorer_lake,
        f"SELECT id, \"offset\" FROM ledger WHERE url = '{FIRST}' AND outcome = 'kept'",
    ).to_pylist()[0]
    with explore(f"/lineage/document?url={FIRST}") as page:
        steps = page.locator(".way > li").all_inner_texts()
        assert f"cc-main-2024-18.warc.gz at byte {row['offset']:,}, a response" in steps[0]
        assert row["id"] in steps[1]
        assert "kept" in steps[2]
        assert "split “train”, 1 piece of" in steps[3]
        assert "search_index" in steps[4]
        explore.check(page)
        explore.screenshots(page, "way")
        by_id = page.content()
        page.goto(f"{explore.root}/lineage/document?url={row['id']}")
        assert page.locator(".way > li").all_inner_texts() == steps
        assert by_id
        page.get_by_role("link", name="scan ").click()
        expect(page.locator("tbody").first).to_contain_text("cc-main-2024-18.warc.gz")


def test_the_way_of_a_dropped_page_ends(fetch: httpx.Client) -> None:
    text = fetch.get("/lineage/document", params={"url": COPY}).text
    assert "by dedup, minhash. Here the way ends." in text
    assert "Part of the corpus" not in text


def test_unknown_pages(fetch: httpx.Client) -> None:
    assert fetch.get("/lineage/document", params={"url": "0" * 32}).status_code == 404
    assert fetch.get("/lineage/document", params={"url": "http://x.example/"}).status_code == 400
