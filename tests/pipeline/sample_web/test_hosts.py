"""No address is on FineWeb's lists unless it was planted there, and all planted ones are."""

from pathlib import Path

import pytest

from pipeline.filters.url import UrlConfig, UrlFilter
from pipeline.sample_web.build import CrawlStatistics
from storage.tables import read_table

Web = tuple[Path, CrawlStatistics]


@pytest.mark.parametrize("size", ["small", "full"])
def test_the_url_filter_drops_what_was_planted_and_nothing_else(
    size: str, request: pytest.FixtureRequest
) -> None:
    web: Web = request.getfixturevalue(size)
    url_filter = UrlFilter(UrlConfig())
    rules = set()
    for row in read_table(web[0] / "truth.parquet").to_pylist():
        verdict = url_filter.check(row["url"])
        assert (verdict is not None) == (row["stage"] == "url"), (row["url"], verdict)
        if verdict is not None:
            rules.add(verdict.rule)
    assert len(rules) >= 4
