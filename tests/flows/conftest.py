"""A Prefect for flows that run in the test's own process, and a stage to break."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """One harness for the session: a database and a server of its own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=600):
        yield


@pytest.fixture(autouse=True)
def _toy_stage_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are new processes: they must find this folder's toy stage."""
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(here)
