"""The report in a real browser: pictures load, nothing is fetched, nothing sticks out."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from report_tables import sample_tables

from pipeline.report.html_report import render

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]


@pytest.mark.parametrize("width", [400, 1200])
def test_report_in_a_browser(tmp_path: Path, width: int) -> None:
    page_file = tmp_path / "report.html"
    page_file.write_text(render("A run", sample_tables(), {"pages": "100"}))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": width, "height": 900})
        fetched: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: fetched.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(page_file.as_uri())
        widths = page.eval_on_selector_all("img", "images => images.map(i => i.naturalWidth)")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        headings = page.locator("h2").all_inner_texts()
        browser.close()
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    assert problems == []
    assert len(widths) == 5
    assert all(width > 100 for width in widths)
    assert overflow <= 0
    assert "What each stage changed" in headings
