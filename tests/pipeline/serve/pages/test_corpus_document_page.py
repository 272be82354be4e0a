"""One page: why, its text on the way, its blocks, its duplicates, its signals."""

import re
from urllib.parse import urlencode

import httpx
from explorer_lake import COPY, EVIL_URL, FIRST, HOSTILE, MAIL, SHORT
from injection_strings import INJECTIONS
from pages_browser import Visits
from playwright.sync_api import expect

from storage import Lake, catalog


def of(url: str) -> str:
    return f"/corpus/document?{urlencode({'url': url})}"


def test_a_kept_page_before_and_after(explore: Visits) -> None:
    with explore(of(FIRST)) as page:
        assert page.inner_text("h1") == "Kept"
        # What both addresses have, "@" and ".", stays.
        assert "Write to " in page.inner_text(".changes li")
        taken = page.locator(".text del").all_inner_texts()
        assert taken == re.split("[@.]", MAIL)
        assert MAIL not in page.inner_text(".text").replace("\n", "")
        blocks = page.locator(".blocks li")
        kept = page.locator(".blocks .in .said").all_inner_texts()
        assert any(MAIL in text for text in kept)
        dropped = page.locator(".blocks .out").all_inner_texts()
        assert any("About" in text and "nav" in text for text in dropped)
        assert any("All rights reserved" in text and "footer" in text for text in dropped)
        assert blocks.count() == len(kept) + len(dropped)
        explore.check(page)
        explore.screenshots(page, "document")


def test_the_rule_that_dropped_it_and_by_how_much(explore: Visits) -> None:
    with explore(of(SHORT), scripts=False) as page:
        assert page.inner_text("h1") == "Dropped by gopher quality: min_words"
        assert "39, threshold 50" in page.inner_text(".facts")
        row = page.locator("tr.drops").first
        assert row.locator("td").all_inner_texts() == [
            "gopher_quality",
            "min_words",
            "word_count",
            "39",
            "at least 50",
            "drops it",
        ]


def test_its_duplicates_side_by_side(explore: Visits) -> None:
    with explore(of(COPY)) as page:
        assert page.locator(".copies li").first.inner_text().startswith("kept")
        page.get_by_role("link", name=f"Side by side with {FIRST}").click()
        expect(page.locator(".pair .text")).to_have_count(2)
        left, right = page.locator(".pair .text").all()
        assert "This copy has another end." in "".join(left.locator("del").all_inner_texts())
        assert right.locator("ins").count() == 0
        assert page.get_by_role("heading", name=FIRST).is_visible()
        explore.check(page)
        explore.screenshots(page, "compare")


def test_hostile_texts_stay_texts(explore: Visits) -> None:
    shown = ""
    for url in HOSTILE:
        with explore(of(url)) as page:
            shown += page.inner_text(".blocks")
            explore.check(page, axe=False)
    seen = [text for text in INJECTIONS if text in shown]
    assert len(seen) >= 40  # others have signs that no parser of HTML leaves as they are
    with explore(of(EVIL_URL)) as page:
        assert page.inner_text("main > .url") == EVIL_URL
        assert "</title><script>" in page.inner_text("main")
        explore.check(page)


def test_a_page_by_its_id(fetch: httpx.Client, explorer_lake: Lake) -> None:
    found = catalog.query(explorer_lake, f"SELECT id FROM pages WHERE url = '{SHORT}'")
    answer = fetch.get("/corpus/document", params={"id": found["id"][0].as_py()})
    assert SHORT in answer.text
    assert fetch.get("/corpus/document", params={"id": "0" * 32}).status_code == 404


def test_another_record_of_the_same_address(fetch: httpx.Client) -> None:
    text = fetch.get(of(FIRST)).text
    assert "The ledger has 2 records of this address" in text
    other = text.split("metadata at ")[0].rsplit('href="', 1)[1].split('"')[0]
    answer = fetch.get(other.replace("&amp;", "&"))
    assert "Dropped by read: record_type" in answer.text


def test_what_the_corpus_has_not_is_said_in_a_line(fetch: httpx.Client) -> None:
    answer = fetch.get(of("http://harbour.example/frist"))
    assert answer.status_code == 400
    assert f"near: {FIRST}" in answer.text
    assert fetch.get("/corpus/document").status_code == 404
    for record in ("warc=x&offset=1", "offset=-1", "offset=99999999999999999999"):
        assert fetch.get(f"{of(FIRST)}&{record}").status_code in (200, 400)


def test_a_warc_that_is_gone_leaves_what_is_stored(
    fetch: httpx.Client, explorer_lake: Lake
) -> None:
    warc = next(explorer_lake.disk.root.parent.glob("*18.warc.gz"))
    away = warc.with_suffix(".away")
    warc.rename(away)
    try:
        text = fetch.get(of(FIRST)).text
    finally:
        away.rename(warc)
    assert "Its WARC file is not on this machine." in text
    assert "block by block" not in text
    assert "Signals against thresholds" in text
