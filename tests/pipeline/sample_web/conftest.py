"""One small and one full sample web for the whole folder, built once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.sample_web.build import CrawlStatistics, build
from pipeline.sample_web.config import SampleWebConfig
from pipeline.stage import SILENT

SMALL = SampleWebConfig(pages=320, hosts=48, warc_files=2, entities=30)
Web = tuple[Path, CrawlStatistics]


@pytest.fixture(scope="session")
def make_web(tmp_path_factory: pytest.TempPathFactory) -> Callable[[SampleWebConfig], Web]:
    def make(config: SampleWebConfig) -> Web:
        out = tmp_path_factory.mktemp("sample-web")
        return out, build(out=out, inputs={}, config=config, progress=SILENT, scratch=out)

    return make


@pytest.fixture(scope="session")
def small_config() -> SampleWebConfig:
    return SMALL


@pytest.fixture(scope="session")
def small(make_web: Callable[[SampleWebConfig], Web]) -> Web:
    return make_web(SMALL)


@pytest.fixture(scope="session")
def full(make_web: Callable[[SampleWebConfig], Web]) -> Web:
    return make_web(SampleWebConfig())
