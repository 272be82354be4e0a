"""SQL: ready queries, and a box that reads and nothing else."""

import httpx
import pytest
from explorer_lake import FIRST
from pages_browser import Visits

from pipeline.serve.pages.ready_queries import READY, ReadyQuery


def test_a_query_of_ones_own(explore: Visits) -> None:
    with explore("/corpus/sql") as page:
        page.fill("#q", f"SELECT url, value, NULL AS n FROM ledger WHERE url = '{FIRST}' LIMIT 1")
        page.get_by_role("button", name="Run").click()
        assert page.inner_text("h2#answer") == "1 rows"
        assert page.locator("thead th").all_inner_texts() == ["url", "value", "n"]
        assert page.locator("tbody td").all_inner_texts() == [FIRST, "NULL", "NULL"]
        page.locator("summary").click()
        assert "near_miss" not in page.inner_text(".tables")
        assert page.locator(".tables dt", has_text="ledger").is_visible()
        explore.check(page)
        explore.screenshots(page, "sql")


@pytest.mark.parametrize("ready", READY, ids=lambda ready: ready.name)
def test_every_ready_query_runs(fetch: httpx.Client, ready: ReadyQuery) -> None:
    answer = fetch.get("/corpus/sql", params={"ready": ready.name})
    assert 'id="answer"' in answer.text
    assert ready.title in answer.text


def test_what_the_box_refuses_is_one_line(fetch: httpx.Client) -> None:
    answer = fetch.get("/corpus/sql", params={"q": "SELECT * FROM read_csv('/etc/passwd')"})
    assert answer.status_code == 200
    assert 'id="answer"' not in answer.text
    line = answer.text.split('role="alert">')[1].split("</p>")[0]
    assert line.startswith("SQL: Permission Error: Cannot access file")
    assert "root:" not in answer.text


def test_rows_are_cut_and_it_is_said(fetch: httpx.Client) -> None:
    text = fetch.get("/corpus/sql", params={"q": "SELECT i FROM range(1000000000) r(i)"}).text
    assert "200 rows, and more that are not shown" in text
    assert text.count("<tr>") == 201


def test_a_link_from_elsewhere_fills_the_box_and_runs_nothing(fetch: httpx.Client) -> None:
    asked = {"q": "SELECT 12345 * 2 AS x"}
    mine = fetch.get("/corpus/sql", params=asked, headers={"sec-fetch-site": "same-origin"})
    assert "24690" in mine.text
    theirs = fetch.get("/corpus/sql", params=asked, headers={"sec-fetch-site": "cross-site"})
    assert "24690" not in theirs.text
    assert "came with a link from another site" in theirs.text
