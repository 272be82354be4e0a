"""A crawl's server on this machine, and a client that does not wait long."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crawl_server import CrawlServer, crawl_server

from pipeline.crawl.client import Client
from pipeline.crawl.file_cache import Cache
from pipeline.crawl.source import DownloadConfig


@pytest.fixture
def server() -> Iterator[CrawlServer]:
    with crawl_server() as running:
        yield running


@pytest.fixture
def config(server: CrawlServer, tmp_path: Path) -> Callable[..., DownloadConfig]:
    """config(**changes): the server's, with short pauses."""

    def make(**changes: Any) -> DownloadConfig:
        given = {
            "base_url": server.url,
            "cache": str(tmp_path / "cache"),
            "backoff_seconds": 0.01,
            "max_backoff_seconds": 0.05,
            "timeout_seconds": 0.5,
            "min_bytes_per_second": 100.0,
            "tries": 4,
        }
        return DownloadConfig(**{**given, **changes})

    return make


@pytest.fixture
def client(config: Callable[..., DownloadConfig]) -> Client:
    return Client(config())


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache" / "crawl", 1 << 30)
