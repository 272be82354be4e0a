"""The law, its picture and its ladder."""

import httpx
from pages_browser import Visits


def test_the_law_and_its_runs(train: Visits) -> None:
    with train("/training/scaling") as page:
        said = page.inner_text("main")
        assert "0.6 [0.5, 0.7]; measured: 0.61 (-2.0%)" in said
        assert page.locator("tbody tr").count() == 3
        drawn = page.locator("img.scale")
        assert drawn.evaluate("one => one.decode().then(() => one.naturalWidth)") > 300
        train.check(page)
        train.screenshots(page, "training-scaling")


def test_a_lake_without_one(visit: Visits) -> None:
    with visit("/training/scaling") as page:
        assert "crawl2chat run scaling" in page.inner_text("main")
        assert httpx.get(f"{visit.root}/training/scaling.png").status_code == 404
        visit.check(page)
