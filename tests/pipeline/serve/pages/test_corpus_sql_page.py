"""SQL: ready queries, and a box that reads and nothing else."""

from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from asgi_calls import calls
from explorer_lake import FIRST
from model_server import make_served
from pages_browser import Visits

from flows.cli.served_lake import ServedLake
from pipeline.serve.pages.ready_queries import READY, ReadyQuery
from storage import Lake


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


def test_a_process_is_ready_once_the_page_was_opened_by_its_reader(
    explorer_lake: Lake, model_folder: Path
) -> None:
    with (
        closing(ServedLake(explorer_lake)) as shown,
        calls(make_served(model_folder, lake=shown).app) as client,
    ):
        theirs = {"sec-fetch-site": "cross-site"}
        assert client.send("GET", "/corpus/sql", headers=theirs).status_code == 200
        assert shown._strangers._start is None
        assert client.send("GET", "/corpus/sql").status_code == 200
        assert shown._strangers._start is not None


def test_a_ready_query_is_asked_once_until_the_lake_changes(
    explorer_lake: Lake, model_folder: Path
) -> None:
    class Counted(ServedLake):
        asked = changes = 0

        def rows(self, sql: str, parameters: Any = ()) -> pa.Table:
            self.asked += READY[0].sql in sql
            return super().rows(sql, parameters)

        def version(self) -> int:
            return super().version() + self.changes

    with (
        closing(Counted(explorer_lake)) as shown,
        calls(make_served(model_folder, lake=shown).app) as client,
    ):
        for changes, times in ((0, 1), (0, 1), (1, 2)):
            shown.changes = changes
            client.send("GET", f"/corpus/sql?ready={READY[0].name}")
            assert shown.asked == times
