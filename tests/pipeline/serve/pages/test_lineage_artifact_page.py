"""What an artifact was made from."""

import re

import httpx
import pytest
from explorer_lake import DUMPS
from pages_browser import Visits
from playwright.sync_api import expect

from pipeline.serve.pages import ancestry
from storage import Lake
from storage.digest import artifact_digest
from storage.manifest import PrefectRun


def test_the_tree_goes_down_to_the_files(explore: Visits, explorer_lake: Lake) -> None:
    index = explorer_lake.heads()["search_index"]
    with explore(f"/lineage/search_index/{index[:16]}") as page:
        rows = page.locator("tbody td.branch").all_inner_texts()
        assert rows[0].startswith("corpus")
        for dump in DUMPS:
            assert sum(f"{dump.lower()}.warc.gz" in row for row in rows) == 1
        # a part serves three of them, and has its file below it once
        assert sum("as above" in row for row in rows) >= 3
        costs = page.inner_text(".facts")
        assert "1.5 s" in costs
        assert "2 mWh guessed" in costs
        # itself and its nine ancestors
        assert "15 s, 20 mWh" in costs
        page.locator("summary", has_text="Recipe").click()
        assert '"passage_characters"' in page.inner_text("details pre")
        explore.check(page)
        explore.screenshots(page, "artifact")
        page.get_by_role("link", name="corpus_group").first.click()
        expect(page.locator("h1")).to_have_text(re.compile("^corpus_group "))
        page.locator("#children + ul a", has_text=re.compile("^corpus ")).click()
        expect(page.locator("h1")).to_have_text(re.compile("^corpus "))


def test_the_prefect_run_where_one_is_known(fetch: httpx.Client, explorer_lake: Lake) -> None:
    def linked(url: str) -> str:
        digest = artifact_digest("audit", 1, {}, {})
        staging = explorer_lake.staging("audit", digest)
        run: PrefectRun = {"id": "7", "flow": "corpus", "url": url}
        made = explorer_lake.commit(staging, "audit", digest, 1, {}, {}, {}, {"prefect_run": run})
        try:
            return fetch.get(f"/lineage/audit/{digest}").text
        finally:
            explorer_lake.remove(made)

    url = "http://127.0.0.1:4200/runs/task-run/7"
    assert f'<a href="{url}" rel="noreferrer">corpus</a>' in linked(url)
    assert '<a href="javascript' not in linked("javascript:window.injected=1")


def test_large_trees_are_cut_and_it_is_said(
    fetch: httpx.Client, explorer_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = explorer_lake.heads()["corpus"]
    monkeypatch.setattr(ancestry, "MOST_ROWS", 3)
    text = fetch.get(f"/lineage/corpus/{corpus}").text
    assert "these are the first 3" in text
    assert text.count('class="branch') == 3
    monkeypatch.undo()
    monkeypatch.setattr(ancestry, "MOST_OF_A_KEY", 1)
    group = explorer_lake.manifest("corpus", corpus).inputs["groups"][0]
    assert "and 1 more" in fetch.get(f"/lineage/corpus_group/{group}").text


def test_what_is_no_artifact_is_not_found(fetch: httpx.Client) -> None:
    for path in ("corpus/0000", "nothing/" + "0" * 64, "..%2f..%2fetc/passwd", "x/<script>", "A/b"):
        assert fetch.get(f"/lineage/{path}").status_code == 404, path
