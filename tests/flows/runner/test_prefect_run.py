"""The Prefect run in an artifact's provenance, and the link to its page."""

from pathlib import Path

import pytest
from bench import Bench

from flows.runner import server
from flows.runner.prefect_run import prefect_run

pytestmark = pytest.mark.usefixtures("prefect")


def test_the_run_is_noted_with_its_page_where_that_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    made = bench.make(3)
    (run,) = bench.task_runs()
    noted = bench.lake.manifest("toy", made["digest"]).provenance["prefect_run"]
    assert noted["id"] == str(run.id)
    assert noted["url"].endswith(f"/runs/task-run/{run.id}")
    monkeypatch.setattr(server, "own_urls", {"http://prefect.example/api"})
    other = bench.make(4)
    assert "url" not in bench.lake.manifest("toy", other["digest"]).provenance["prefect_run"]


def test_outside_of_a_run_there_is_none() -> None:
    assert prefect_run() is None
