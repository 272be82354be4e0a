"""Pictures in Prefect: of each artifact drawn once, shown by every run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from prefect import flow
from prefect.artifacts import Artifact

from flows.runner import ui
from flows.runner.references import Reference, reference
from pipeline.report import charts
from storage import Lake
from storage.digest import artifact_digest
from storage.tables import write_table

pytestmark = pytest.mark.usefixtures("prefect")


def trained(lake: Lake, seed: int) -> Reference:
    """A model's metrics, as pretraining leaves them."""
    digest = artifact_digest("base", 1, {"seed": seed}, {})
    staging = lake.staging("base", digest)
    losses = pa.table({"step": [1, 2, 3], "loss": [3.0, 2.5, 2.0 + seed]})
    write_table(losses, staging / "metrics.parquet")
    return reference(lake.commit(staging, "base", digest, 1, {"seed": seed}, {}, {}, {}), lake)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is drawn, by title."""
    titles: list[str] = []
    line: Callable[..., bytes] = charts.line

    def spy(title: str, *given: Any, **more: Any) -> bytes:
        titles.append(title)
        return line(title, *given, **more)

    monkeypatch.setattr(charts, "line", spy)
    return titles


def shown(lake: Lake, model: Reference) -> Any:
    """The newest picture after a run that found this model."""

    @flow(name="shows")
    def shows() -> None:
        ui.curves(lake, model)

    shows()
    return Artifact.get("curves-base")


def test_a_picture_is_drawn_once_and_shown_by_every_run(tmp_path: Path, drawn: list[str]) -> None:
    lake = Lake(tmp_path / "lake")
    model = trained(lake, 0)
    first = shown(lake, model)
    assert drawn == ["loss (nats per token)"]
    assert "loss (nats per token): 2 at step 3" in first.data
    again = shown(lake, model)
    assert len(drawn) == 1
    assert again.data == first.data
    assert again.flow_run_id != first.flow_run_id  # in the later run's own list


def test_another_model_and_one_that_was_built_again_are_drawn(
    tmp_path: Path, drawn: list[str]
) -> None:
    lake = Lake(tmp_path / "lake")
    shown(lake, trained(lake, 0))
    other = shown(lake, trained(lake, 1))
    assert len(drawn) == 2
    assert "loss (nats per token): 3 at step 3" in other.data
    shutil.rmtree(lake.folder("base", trained(lake, 1)["digest"]))
    shown(lake, trained(lake, 1))  # of the same digest, but its clocks may have seen another day
    assert len(drawn) == 3
