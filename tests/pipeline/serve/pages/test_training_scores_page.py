"""Scores by stage with their intervals, and the alignment tax."""

import html
import re

import httpx
from injection_strings import INJECTIONS, kinds_of_elements
from pages_browser import Visits
from playwright.sync_api import expect
from training_lake import DRAWN, EVIL


def test_a_suite_by_stage(train: Visits) -> None:
    with train("/training/scores") as page:
        table = page.locator(".scores").first
        assert table.locator("th").all_inner_texts() == ["task", "metric", "base", "rl", "rlhf"]
        assert table.locator("tbody td").all_inner_texts()[2:] == [
            "0.0% [-5.0%, 5.0%] n=200",
            "20.0% [15.0%, 25.0%] n=200",
            "40.0% [35.0%, 45.0%] n=200",
        ]
        tax = page.locator(".scores").last
        assert "+20.0% [+12.9%, +27.1%]" in tax.inner_text()
        page.get_by_role("link", name="refusals").click()
        expect(page.locator(".scores").first).to_contain_text("80.0% [75.0%, 85.0%] n=200")
        train.check(page)
        train.screenshots(page, "training-scores")


def test_tasks_are_text(train: Visits, ask: httpx.Client) -> None:
    plain = kinds_of_elements(ask.get("/training/scores").text)
    found = ask.get("/training/scores", params={"suite": f"suite {EVIL}"}).text
    assert kinds_of_elements(found) <= plain
    assert found.count("n=200") >= len(INJECTIONS[:20])


def test_a_lake_without_scores(visit: Visits) -> None:
    with visit("/training/scores") as page:
        visit.check(page)


def test_what_no_table_shows_is_a_query_away(ask: httpx.Client) -> None:
    """A suite whose scores are for a picture: the link asks for its rows."""
    page = ask.get("/training/scores", params={"suite": DRAWN}).text
    (link,) = re.findall(r'href="(/corpus/sql[^"]*)"', html.unescape(page))
    answer = ask.get(link).text
    assert "2 rows" in answer
    assert "1+2" in answer
